"""Every algorithm that is shipped learns on an environment that fits it; a YAML that is added is tested too."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import choices, records, tiny, train_tiny

from rlexp.config.checks import OFFLINE
from rlexp.errors import ConfigError
from rlexp.hardware.kinds import WITHOUT_RAY

OFFLINE_CHOICES = [name for name in choices("algorithm") if f"{name.upper()}Config" in OFFLINE]
ONLINE_CHOICES = [name for name in choices("algorithm") if name not in OFFLINE_CHOICES]
CONTINUOUS = ("sac", "tqc")


def env_of(algorithm: str) -> str:
    return "pendulum" if algorithm in CONTINUOUS else "cartpole"


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Weights before the first iteration and after the last one."""
    from rlexp.run.trainable import RunTrainable

    seen: dict[str, Any] = {}
    setup, cleanup = RunTrainable.setup, RunTrainable.cleanup

    def weights(trainable: RunTrainable) -> Any:
        return trainable.algorithm.learner_group.get_weights()["default_policy"]

    def watched_setup(self: RunTrainable, config: dict[str, Any]) -> None:
        setup(self, config)
        seen["before"] = {k: np.array(v) for k, v in weights(self).items()}

    def watched_cleanup(self: RunTrainable) -> None:
        seen["after"] = weights(self)
        cleanup(self)

    monkeypatch.setattr(RunTrainable, "setup", watched_setup)
    monkeypatch.setattr(RunTrainable, "cleanup", watched_cleanup)
    return seen


@pytest.mark.parametrize("algorithm", ONLINE_CHOICES)
def test_online_algorithm_trains(
    algorithm: str, tmp_path: Path, watched: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    overrides = [f"algorithm={algorithm}", f"env={env_of(algorithm)}"]
    if tiny(*overrides).algorithm.config_class.rpartition(".")[2] not in WITHOUT_RAY:
        request.getfixturevalue("ray_session")
    outcome = train_tiny(overrides, tmp_path)
    assert outcome.status == "done"
    check_folder(outcome.folder)
    changed = [name for name, value in watched["after"].items() if np.any(value != watched["before"][name])]
    assert len(changed) > len(watched["after"]) / 3, f"only {changed} changed"


def check_folder(folder: Path) -> None:
    """Two iterations, learner metrics among them, all finite; a checkpoint; a summary that agrees."""
    lines = records(folder)
    assert [line["iteration"] for line in lines] == [1, 2]
    assert 0 < lines[0]["env_steps"] < lines[1]["env_steps"] < 5000
    assert any(key.startswith("learner/") for key in lines[-1])
    bad = {k: v for line in lines for k, v in line.items() if isinstance(v, float) and not math.isfinite(v)}
    assert not bad
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["status"] == "done" and summary["env_steps"] == lines[-1]["env_steps"]
    assert math.isfinite(summary["eval_return_mean"])
    assert (folder / summary["checkpoint"]).is_dir()


@pytest.mark.parametrize("algorithm", OFFLINE_CHOICES)
def test_offline_algorithm_asks_for_data(algorithm: str) -> None:
    with pytest.raises(ConfigError, match="learns from recorded data, and there is none") as error:
        tiny(f"algorithm={algorithm}", "env=pendulum")
    assert error.value.key == "data.input_" and "data=recorded" in str(error.value.fix)

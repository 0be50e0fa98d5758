"""Stop rules as they are typed: together, and by a function of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness import records, tiny, train_tiny

import rlexp
from rlexp.base.errors import ConfigError

MODULE = """
def after(record, steps):
    return f"{steps} steps are enough" if record["env_steps"] >= steps else False

def broken(record):
    raise ValueError("this rule is broken")
"""
TRUSTED = "trusted=[rlexp,envs,callbacks,ray.rllib,own_stops]"
COMMON = ("tracking=none", "env=cartpole", "evaluation=none", TRUSTED, "stop.iterations=9")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_stops.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_function_of_ones_own_ends_a_run_and_the_run_is_done_then(own: Path) -> None:
    outcome = rlexp_train(own, "stop.function={_target_: own_stops.after, steps: 300}")
    assert outcome.status == "done" and outcome.summary["reason"] == "300 steps are enough"
    assert records(outcome.folder)[-1]["iteration"] == 3
    with pytest.raises(ConfigError, match="is done") as caught:
        rlexp.resume(outcome.folder, [TRUSTED])
    assert "stop.function=null" in str(caught.value.fix)


@pytest.mark.slow
@pytest.mark.landing
def test_a_function_that_fails_leaves_the_iterations_state(own: Path) -> None:
    config = tiny(f"runs_dir={own / 'runs'}", *COMMON, "stop.function=own_stops.broken")
    outcome = rlexp.train(config)
    assert outcome.status == "failed" and "this rule is broken" in str(outcome.error)
    assert len(records(outcome.folder)) == 1 and outcome.summary["checkpoint"]


def rlexp_train(folder: Path, *overrides: str) -> Any:
    return train_tiny([*COMMON, *overrides], folder)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("stop.function=own_stops.afterr", "afterr"),
        ("stop.function={_target_: own_stops.after}", "steps"),
        ("stop.function={_target_: own_stops.after, steps: 1, more: 2}", "more"),
        ("stop.function=rlexp.policy.load", "function of your own"),
        ("stop.function=os.system", "stop.function"),
        ("stop.all_of={}", "asks for nothing"),
        ("stop.all_of={env_steps: 0}", "stop.all_of.env_steps"),
        ("stop.all_of={metric: {eval/return_mean: 5}}", "evaluation is off"),
        ("stop.all_of={metric: {train/return_mean: inf}}", "no bound"),
        ("stop.all_of={steps: 5}", "unknown key stop.all_of.steps"),
    ],
)
def test_what_is_wrong_with_them_is_told_before_the_start(own: Path, override: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        tiny(*COMMON, override)
    assert told in str(caught.value)

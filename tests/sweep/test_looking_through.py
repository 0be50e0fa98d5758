"""A sweep of somebody else's is looked through, with all that its search may come to; one's own is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlexp.base.errors import ConfigError
from rlexp.sweep.execution import resume_changes
from rlexp.sweep.folder import SweepFolder, SweepRequest
from rlexp.sweep.foreign_trials import refuse_untrusted
from rlexp.sweep.planning.plan import plan

WORDS = ["env=cartpole", "tracking=none", "callbacks=none", "evaluation=none", "stop.env_steps=100"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "home"))


def frozen(tmp_path: Path, *words: str) -> SweepFolder:
    asked = (*WORDS, *words, f"sweep.dir={tmp_path}")
    return SweepFolder.create(plan(list(asked)), "a", ["rlexp"], SweepRequest(asked))


def changed(file: Path, change: Any) -> None:
    plain = json.loads(file.read_text())
    change(plain)
    file.write_text(json.dumps(plain))


def test_ones_own_sweep_may_name_anything_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sweep_lab.py").write_text("def length(episode):\n    return 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = frozen(tmp_path, "metrics={length: {_target_: sweep_lab.length}}", "seed=0,1")
    assert folder.is_own
    refuse_untrusted(folder, [])
    folder.frozen.add(())
    folder.change(folder.settings())
    assert SweepFolder(folder.path).is_own, "nor after it was gone on with"
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "somebody"))
    with pytest.raises(ConfigError, match=r"metrics\.length\._target_"):
        refuse_untrusted(folder, [])
    refuse_untrusted(folder, ["trusted=+sweep_lab"])


@pytest.mark.parametrize(
    ("search", "key", "value"),
    [
        ("sweep=optuna", "env.id", "rlexp.policy.load"),
        ("sweep=optuna", "trusted", "[sweep_evil]"),
        ("sweep=optuna", "callbacks", "{a: {_target_: rlexp.policy.load}}"),
        (
            "sweep=random",
            "env.id",
            "rlexp.policy.load",
        ),  # A scheduler changes values of trials that are planned.
    ],
)
def test_a_value_that_the_search_could_come_to_is_refused(
    tmp_path: Path, search: str, key: str, value: str
) -> None:
    folder = frozen(tmp_path, search, "sweep.trials=2", "algorithm.gamma=0.9,0.99")

    def hostile(node: Any) -> Any:
        """The values of the one dimension, the last of them another."""
        if isinstance(node, dict):
            return {name.replace("algorithm.gamma", key): hostile(inner) for name, inner in node.items()}
        if isinstance(node, list):
            return [hostile(inner) for inner in node]
        return node.replace("algorithm.gamma", key).replace("0.99", value) if isinstance(node, str) else node

    for name in ("plan.json", "search.json"):
        if (file := folder.path / name).exists():
            plain = json.loads(file.read_text())
            part = "space" if name == "plan.json" else "heads"
            file.write_text(json.dumps({**plain, part: hostile(plain[part])}))
    with pytest.raises(ConfigError) as refusal:
        refuse_untrusted(SweepFolder(folder.path), [])
    assert key in str(refusal.value)


def test_a_trial_whose_class_would_be_imported_to_be_read_is_refused_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sweep_evil.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = frozen(tmp_path, "seed=0,1")
    lines = [json.loads(line) for line in (folder.path / "trials.jsonl").read_text().splitlines()]
    for line in lines:
        line["config"]["trusted"].append("sweep_evil")
        line["config"]["algorithm"]["config_class"] = "sweep_evil.Config"
    (folder.path / "trials.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(ConfigError, match="trusted"):
        refuse_untrusted(folder, [])
    assert not (tmp_path / "canary").exists()


def test_more_trials_of_somebody_elses_sweep_are_not_drawn(tmp_path: Path) -> None:
    folder = frozen(tmp_path, "sweep=random", "sweep.trials=2", "algorithm.gamma=interval(0.9,0.99)")
    changed(folder.path / "plan.json", lambda plain: plain["asked"].update(overrides=["env.id=os.system"]))
    with pytest.raises(ConfigError, match="was not planned by this user") as refusal:
        resume_changes.apply_changes(folder, ["sweep.trials=4"])
    assert refusal.value.key == "sweep.trials"

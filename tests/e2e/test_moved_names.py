"""Runs, sweeps and checkpoints made before modules moved go on: `before_floors.tar.xz` holds some.

`teachers_before_floors.tar.xz` holds runs of teachers whose checkpoints name modules that the others' do not.
"""

from __future__ import annotations

import importlib
import json
import pickle
import pickletools
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness import records

import rlexp
from rlexp.base.errors import CheckpointError
from rlexp.base.moved_names import MOVED, RENAMED, current_name
from rlexp.environment.tasks.directive import Weighted
from rlexp.environment.tasks.outcome import Outcome
from rlexp.run import checkpoint_state

if TYPE_CHECKING:
    from rlexp.run.trainable import RunTrainable

ARCHIVES = "before_floors.tar.xz", "teachers_before_floors.tar.xz"
TEACHERS = ("alp_gmm", "tscl", "spdl", "adr", "goal_band", "accel")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("before_floors")
    for name in ARCHIVES:
        with tarfile.open(Path(__file__).with_name(name)) as archive:
            archive.extractall(folder, filter="data")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        *("ppo", "dqn", "stages", "alp_gmm"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in TEACHERS if name != "alp_gmm"),
    ],
)
def test_an_old_run_goes_on_and_is_evaluated(lab: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = lab / "runs" / name
    monkeypatch.chdir(lab)
    before = records(folder)
    outcome = rlexp.resume(folder, ["checkpoint.trust=true", f"stop.iterations={len(before) + 1}"])
    assert outcome.status == "done"
    after = records(folder)
    assert after[: len(before)] == before and after[-1]["iteration"] == len(before) + 1
    if name in TEACHERS:
        assert after[-1]["curriculum/episodes"] > before[-1]["curriculum/episodes"] > 0
    assert rlexp.evaluate(folder, ["checkpoint.trust=true"])["metrics"]["eval/episodes"] >= 1


@pytest.mark.slow
def test_an_old_sweep_goes_on(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lab)
    outcome = rlexp.resume_multirun(lab / "sweeps" / "two", ["checkpoint.trust=true", "stop.iterations=2"])
    assert list(outcome.table()["status"]) == ["done", "done"]
    for trial in (lab / "sweeps" / "two" / "trials").iterdir():
        assert [record["iteration"] for record in records(trial)] == [1, 2]


def test_every_old_name_is_the_new_module() -> None:
    for old, new in MOVED.items():
        assert importlib.import_module(old) is importlib.import_module(new), old
        assert importlib.import_module(new).__name__ == new
        assert current_name(f"{old}.Anything") == f"{new}.Anything"
    assert current_name("rlexp.policy.load") == "rlexp.policy.load"


def test_every_old_name_of_a_class_is_the_new_class() -> None:
    for module, names in RENAMED.items():
        for old, new in names.items():
            of_module = importlib.import_module(module)
            assert getattr(of_module, old) is getattr(of_module, new)
            assert current_name(f"{module}.{old}") == f"{module}.{new}"
        with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
            _ = importlib.import_module(module).Nothing
    old_path = "rlexp.curriculum.teachers.numbered.Chosen"
    assert current_name(old_path) == "rlexp.curriculum.teachers.parts.indexed_tasks.TaskDistribution"


def test_old_names_of_fields_are_restored_under_the_new_ones() -> None:
    old: dict[str, Any] = {"task": 3, "version": 1, "tag": None, "score": 0.5, "episode_return": 1.0}
    old |= {"length": 9, "slot": 2, "success": None, "signals": {}, "generation": 0}
    outcome = Outcome.__new__(Outcome)
    outcome.__setstate__(old)  # type: ignore[attr-defined]
    assert outcome == Outcome(3, 1, None, 0.5, 1.0, 9, env_index=2)
    weighted = Weighted.of([1, 2], [1.0, 3.0], "tag")
    assert pickle.loads(pickle.dumps(weighted)).cdf.tolist() == weighted.cdf.tolist() == [0.25, 1.0]


def test_what_old_pickles_name_is_there(lab: Path) -> None:
    named = set()
    for file in lab.rglob("*.pkl"):
        words = [argument for _, argument, _ in pickletools.genops(file.read_bytes())]
        named |= {
            word
            for word in words
            if isinstance(word, str) and word.startswith(("rlexp.", "callbacks.", "envs."))
        }
    assert len(named) > 10
    for name in sorted(named):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            owner, _, attribute = name.rpartition(".")
            assert hasattr(importlib.import_module(owner), attribute), name


def test_a_network_whose_module_was_moved_is_the_one_of_before(
    tiny_trainable: Callable[..., RunTrainable], tmp_path: Path
) -> None:
    algorithm = tiny_trainable("env=pendulum", "algorithm=sac", "model=plain_critics").algorithm
    spaces = checkpoint_state._spaces(algorithm)
    key, now = "default_policy class", "rlexp.models.mlp_critics.PlainCriticsSAC"
    assert spaces[key] == now
    for before in ("rlexp.models.plain_critics.PlainCriticsSAC", now):
        (tmp_path / checkpoint_state.SPACES).write_text(json.dumps({**spaces, key: before}))
        checkpoint_state.check_same_spaces(tmp_path, algorithm)
    (tmp_path / checkpoint_state.SPACES).write_text(json.dumps({**spaces, key: "lab.models.Another"}))
    with pytest.raises(CheckpointError, match=r"checkpoint lab\.models\.Another"):
        checkpoint_state.check_same_spaces(tmp_path, algorithm)

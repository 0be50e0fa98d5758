"""Runs, sweeps and checkpoints made before modules moved go on: `before_floors.tar.xz` holds some."""

from __future__ import annotations

import importlib
import pickletools
import tarfile
from pathlib import Path

import pytest
from harness import records

import rlexp
from rlexp.base.moved_names import MOVED, current_name

ARCHIVE = Path(__file__).with_name("before_floors.tar.xz")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("before_floors")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.mark.parametrize("name", ["ppo", "dqn", "stages"])
def test_an_old_run_goes_on_and_is_evaluated(lab: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = lab / "runs" / name
    monkeypatch.chdir(lab)
    before = records(folder)
    outcome = rlexp.resume(folder, ["checkpoint.trust=true", f"stop.iterations={len(before) + 1}"])
    assert outcome.status == "done"
    after = records(folder)
    assert after[: len(before)] == before and after[-1]["iteration"] == len(before) + 1
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

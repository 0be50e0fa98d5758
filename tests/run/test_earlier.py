"""A run that is overwritten is kept until the new one has made an iteration, however that ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from harness import tree

from rlexp.base.errors import ConfigError
from rlexp.base.files import atomic
from rlexp.storage.runs import overwritten_run
from rlexp.storage.runs.run_folder import RunFolder


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with RunFolder.create(tmp_path, "a") as run:
        run.update_manifest(status="done", seed=3)
        run.metrics.write_text('{"env_steps": 1}\n')
        (run.checkpoints / "step_1").mkdir(parents=True)
        (run.checkpoints / "step_1" / "weights").write_text("precious")
        (run.path / ".note").write_text("hidden")
    return run.path


def test_a_run_that_comes_to_nothing_leaves_the_earlier_one(tmp_path: Path, old: Path) -> None:
    before = tree(old)
    with RunFolder.create(tmp_path, "a", overwrite=True) as run:
        run.write_config({"new": 1})
        assert run.discard()
    assert tree(old) == before
    with RunFolder.create(tmp_path, "a", overwrite=True):
        pass  # whoever only lets go of it
    assert tree(old) == before


def test_a_folder_that_cannot_be_made_leaves_the_earlier_one(
    tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(old)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rlexp.storage.runs.folder_checks.require_room", full)
    with pytest.raises(ConfigError, match="no space is left"):
        RunFolder.create(tmp_path, "a", overwrite=True)
    assert tree(old) == before


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("route", ["open", "create"])
def test_after_a_kill_the_next_process_has_one_whole_run(
    tmp_path: Path, old: Path, begun: bool, route: str
) -> None:
    before = tree(old)
    killed = RunFolder.create(tmp_path, "a", overwrite=True)
    killed.write_config({"new": 1})
    if begun:
        killed.metrics.write_text('{"env_steps": 7}\n')
    assert killed._lock is not None
    killed._lock.release()  # as the system does for a process that was killed
    if route == "open":
        RunFolder.open(old).release()
    else:
        with pytest.raises(ConfigError, match="a run is already in"):
            RunFolder.create(tmp_path, "a")
    if not begun:
        assert tree(old) == before
    else:
        assert set(tree(old)) == {"manifest.json", "config.yaml", "signed.json", "metrics.jsonl"}
        assert not (old / overwritten_run.ASIDE).exists() and not (old / overwritten_run.DELETED).exists()


def test_killed_between_any_two_steps_of_moving_the_earlier_run_is_never_lost(
    tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(old)
    steps = 0

    class KilledError(Exception):
        pass

    def dies_after(count: int) -> pytest.MonkeyPatch:
        left = [count]
        patch = pytest.MonkeyPatch()
        for name in ("rename", "replace", "rmdir", "mkdir"):
            known = getattr(os, name)

            def step(*words: object, known: object = known, **named: object) -> object:
                left[0] -= 1
                if left[0] < 0:
                    raise KilledError
                return known(*words, **named)  # type: ignore[operator]

            patch.setattr(os, name, step)
        return patch

    for steps in range(40):
        patch = dies_after(steps)
        try:
            overwritten_run.set_aside(old)
            atomic.write_json(old / "manifest.json", {"status": "running"})
            (old / "config.yaml").write_text("new")
            overwritten_run.put_back(old)
        except KilledError:
            patch.undo()
            overwritten_run.recover(old)
            assert tree(old) == before, f"killed at step {steps}"
        else:
            patch.undo()
            break
    assert steps > 8 and tree(old) == before


def test_a_link_in_place_of_the_earlier_run_moves_nothing_elsewhere(tmp_path: Path, old: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("x")
    for name in (overwritten_run.ASIDE, overwritten_run.DELETED):
        (old / name).symlink_to(outside)
    before = tree(old)
    with RunFolder.create(tmp_path, "a", overwrite=True) as run:
        run.discard()
    assert tree(old) == before and tree(outside) == {"mine": "x"}

"""A damaged checkpoint with the best score: the next best is used and it is said, and none is lost for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import flip
from stores import WEIGHTS, names, store_of, writer

from rlexp.base.errors import CheckpointError
from rlexp.storage.checkpoint.store import CheckpointStore, resolve

DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "bit": (lambda path: flip(path / WEIGHTS), "weights.bin was altered"),
    "cut": (lambda path: os.truncate(path / WEIGHTS, 5), "weights.bin is truncated"),
    "part": (lambda path: shutil.rmtree(path / "learner"), "missing"),
    "seal": (lambda path: os.truncate(path / "seal.json", 9), "seal.json was altered or truncated"),
    "all": (shutil.rmtree, "is gone, although best names it"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_17_18_the_next_best_is_found_and_the_damage_told(tmp_path: Path, kind: str) -> None:
    damage, reason = DAMAGE[kind]
    store = store_of(tmp_path, [1, 9, 5, 2])
    damage(store.folder / "step_20")
    found, skipped = resolve(store.folder / "best")
    assert found.step == 30 and len(skipped) == 1
    assert "step_20" in skipped[0] and reason in skipped[0]


def test_17_the_lowest_is_next_where_lower_is_better(tmp_path: Path) -> None:
    store = store_of(tmp_path, [3, 1, 2, 9], mode="min")
    flip(store.folder / "step_20" / "state.pkl")
    assert resolve(store.folder / "best")[0].step == 30
    flip(store.folder / "step_30" / "state.pkl")
    found, skipped = resolve(store.folder / "best")
    assert found.step == 10 and ["step_20" in skipped[0], "step_30" in skipped[1]] == [True, True]


def test_17_when_none_with_a_score_is_whole_the_others_are_named(tmp_path: Path) -> None:
    store = store_of(tmp_path, [2, 1])
    store.save(30, writer("no score"))
    for step in (10, 20):
        flip(store.folder / f"step_{step}" / "state.pkl")
    with pytest.raises(CheckpointError, match=r"that has a score is whole:\n.*step_10.*\n.*step_20") as told:
        resolve(store.folder / "best")
    assert str(told.value).endswith(f"others there, newest first: {store.folder / 'step_30'}")


def test_17_a_damaged_copy_under_the_name_best_gives_way_to_the_original(tmp_path: Path) -> None:
    shutil.copytree(store_of(tmp_path / "a").folder, tmp_path / "b" / "checkpoints")
    flip(tmp_path / "b" / "checkpoints" / "best" / "state.pkl")
    found, skipped = resolve(tmp_path / "b" / "checkpoints" / "best")
    assert (found.path.name, len(skipped)) == ("step_20", 1) and "state.pkl was altered" in skipped[0]


@pytest.mark.parametrize("resumed", [False, True])
def test_18_no_whole_one_goes_in_favour_of_a_damaged_one(
    tmp_path: Path, resumed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """By the process that saved them or by a later one: two whole ones stay, and the best whole one."""
    store = store_of(tmp_path, [7, 9, 5, 4], keep=2)
    assert names(store.folder) == ["best", "latest", "step_20", "step_30", "step_40"]
    flip(store.folder / "step_20" / WEIGHTS)
    flip(store.folder / "step_40" / WEIGHTS)
    if resumed:
        store = CheckpointStore(store.folder, keep=2)
    store.save(50, writer("x"), score=1.0)
    assert "step_20 is damaged" in caplog.text and "step_40 is damaged" in caplog.text
    assert [c.step for c in store.all()] == [30, 50], "the best whole one and the newest"
    assert (store.folder / "best").readlink() == Path("step_30")
    assert resolve(store.folder / "best")[0].step == 30
    store.save(60, writer("y"), score=2.0)
    store.save(70, writer("z"), score=3.0)
    assert names(store.folder) == ["best", "latest", "step_30", "step_60", "step_70"]


def test_18_a_best_that_was_damaged_is_best_again_when_mended(tmp_path: Path) -> None:
    store = store_of(tmp_path, [9, 1], keep=5)
    flip(store.folder / "step_10" / WEIGHTS)
    store.save(30, writer("x"), score=2.0)
    assert (store.folder / "best").readlink() == Path("step_30")
    flip(store.folder / "step_10" / WEIGHTS)
    store.save(40, writer("x"), score=0.0)
    assert (store.folder / "best").readlink() == Path("step_10")

"""The checkpoint store: what is kept, what is found again, what is refused."""

from __future__ import annotations

import math
import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stores import names, store_of, writer

from rlexp.base.errors import CheckpointError, ConfigError
from rlexp.storage.checkpoint.store import CheckpointSaveError, CheckpointStore, resolve


def link(path: Path) -> str:
    return str(path.readlink())


def test_a_save_comes_back_with_step_score_and_meta(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "checkpoints", keep=2)
    saved = store.save(10, writer("x"), score=1.5, meta={"iteration": 3, "lr": 1e-5, "best": -math.inf})
    assert saved == store.all()[0]
    for path in (saved.path, store.folder, store.folder / "best"):
        assert resolve(path) == (saved, [])
    assert (saved.step, saved.score, saved.meta) == (10, 1.5, {"iteration": 3, "lr": 1e-5, "best": -math.inf})
    assert saved.path == tmp_path / "checkpoints" / "step_10"
    assert (saved.path / "learner/module/weights.bin").read_text() == "x" * 100
    assert names(tmp_path / "checkpoints") == ["best", "latest", "step_10"]


def test_the_links_are_relative_and_survive_a_move(tmp_path: Path) -> None:
    store = store_of(tmp_path / "a")
    assert link(store.folder / "latest") == "step_30" and link(store.folder / "best") == "step_20"
    (tmp_path / "a").rename(tmp_path / "b")
    assert resolve(tmp_path / "b" / "checkpoints" / "best")[0].step == 20


def test_the_newest_and_the_best_stay(tmp_path: Path) -> None:
    store = store_of(tmp_path, [-1, 0, -1, -2, -3, -4], keep=2)
    assert [c.step for c in store.all()] == [20, 50, 60]
    assert resolve(store.folder / "best")[0].step == 20
    assert names(store.folder) == ["best", "latest", "step_20", "step_50", "step_60"]


def test_mode_min_takes_the_lowest(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=1, mode="min")
    for step, score in ((1, 3.0), (2, 1.0), (3, 2.0)):
        store.save(step, writer("x"), score=score)
    assert resolve(store.folder / "best")[0].step == 2 and link(tmp_path / "best") == "step_2"


def test_a_score_that_is_no_number_is_never_best(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=9)
    store.save(1, writer("x"), score=math.nan)
    assert not (tmp_path / "best").exists()
    with pytest.raises(CheckpointError, match="has a score"):
        resolve(store.folder / "best")
    store.save(2, writer("x"), score=-5.0)
    store.save(3, writer("x"), score=math.nan)
    store.save(4, writer("x"), score=math.inf)
    assert resolve(store.folder / "best")[0].step == 2 and store.all()[0].score is None


def test_the_same_step_is_replaced_and_a_lost_best_loses_its_link(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "c", keep=3)
    store.save(10, writer("old"), score=1.0)
    store.save(10, writer("new"))
    assert (resolve(store.folder)[0].path / "state.pkl").read_text() == "new"
    assert names(tmp_path / "c") == ["latest", "step_10"]


def test_what_was_saved_last_is_latest_even_at_a_lower_step(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    store.save(15, writer("branched off"))
    assert resolve(store.folder)[0].step == 15 and link(store.folder / "latest") == "step_15"


def test_without_links_a_text_file_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    store = store_of(tmp_path)
    assert (store.folder / "best").read_text() == "step_20\n" and not (store.folder / "best").is_symlink()
    assert resolve(store.folder / "best")[0].step == 20 and resolve(store.folder / "latest")[0].step == 30
    monkeypatch.undo()
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "home"))
    store.save(40, writer("x"), score=9.0)
    assert link(store.folder / "latest") == link(store.folder / "best") == "step_40"


def test_a_copy_made_with_links_followed_resolves_and_takes_new_saves(tmp_path: Path) -> None:
    shutil.copytree(store_of(tmp_path / "a").folder, tmp_path / "b" / "checkpoints")
    assert (tmp_path / "b/checkpoints/latest").is_dir()
    assert not (tmp_path / "b/checkpoints/latest").is_symlink()
    assert resolve(tmp_path / "b/checkpoints/best")[0].step == 20
    store = CheckpointStore(tmp_path / "b/checkpoints", keep=5)
    store.save(40, writer("x"))
    assert link(store.folder / "latest") == "step_40"


def test_resolve_takes_every_way_of_naming_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(tmp_path)
    for path, step in (
        (tmp_path, 30),
        (store.folder, 30),
        (store.folder / "latest", 30),
        (store.folder / "best", 20),
        (store.folder / "step_10", 10),
        (str(store.folder / "step_10") + "/", 10),
    ):
        found, skipped = resolve(path)
        assert (found.step, skipped) == (step, [])
    monkeypatch.chdir(store.folder)
    assert resolve("best")[0].step == 20 and resolve(".")[0].step == 30


def test_a_single_checkpoint_may_lie_anywhere_under_any_name(tmp_path: Path) -> None:
    shutil.copytree(store_of(tmp_path / "a").folder / "step_20", tmp_path / "good_one")
    assert resolve(tmp_path / "good_one")[0].step == 20
    shutil.copytree(tmp_path / "good_one", tmp_path / "elsewhere" / "best")
    assert resolve(tmp_path / "elsewhere" / "best")[0].step == 20


def test_what_is_not_there_is_told_with_advice(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    with pytest.raises(CheckpointError, match=r"no checkpoint .*step_15\n.*newest first: .*step_30.*step_20"):
        resolve(store.folder / "step_15")
    with pytest.raises(CheckpointError, match=r"name a run folder"):
        resolve(tmp_path / "nowhere")
    (tmp_path / "empty" / "checkpoints").mkdir(parents=True)
    with pytest.raises(CheckpointError, match="lower checkpoint.every"):
        resolve(tmp_path / "empty")
    with pytest.raises(CheckpointError, match="lower checkpoint.every"):
        resolve(tmp_path / "empty" / "checkpoints" / "latest")
    with pytest.raises(CheckpointError, match="has a score"):
        resolve(tmp_path / "empty" / "checkpoints" / "best")
    assert CheckpointError("").exit_code == 2


def test_a_step_folder_under_another_steps_name_is_skipped(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    shutil.copytree(store.folder / "step_10", store.folder / "step_99")
    found, skipped = resolve(store.folder)
    assert found.step == 30 and len(skipped) == 1 and "sealed as step_10" in skipped[0]


def test_an_error_of_the_writer_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    before = names(store.folder)

    def broken(folder: Path) -> None:
        (folder / "part").write_text("x")
        raise KeyError("learner_group")

    with pytest.raises(
        CheckpointSaveError, match=r"step_40 .*KeyError: 'learner_group'; kept: step_10"
    ) as told:
        store.save(40, broken)
    assert told.value.exit_code == 1 and "\n" not in str(told.value)
    assert names(store.folder) == before and resolve(store.folder) == (store.all()[-1], [])

    def interrupted(folder: Path) -> None:
        (folder / "part").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.save(40, interrupted)
    assert names(store.folder) == before


def test_a_link_inside_a_checkpoint_is_not_sealed(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "c", keep=1)
    with pytest.raises(CheckpointSaveError, match="not a plain file"):
        store.save(1, lambda folder: (folder / "weights").symlink_to("/etc/hostname"))
    assert names(tmp_path / "c") == []


@pytest.mark.parametrize(("keep", "mode"), [(0, "max"), (-1, "max"), (1, "highest")])
def test_settings_out_of_range_are_refused(tmp_path: Path, keep: int, mode: str) -> None:
    with pytest.raises(ConfigError, match="checkpoint."):
        CheckpointStore(tmp_path, keep=keep, mode=mode)  # type: ignore[arg-type]


def test_the_key_is_made_once_private_and_needed_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_of(tmp_path)
    key = tmp_path / "home" / "seal.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    content = key.read_text()
    store_of(tmp_path)
    assert key.read_text() == content and names(tmp_path / "home") == ["seal.key"]
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="RLEXP_HOME="):
        CheckpointStore(tmp_path, keep=1)


scores = st.one_of(st.none(), st.just(math.nan), st.integers(-3, 3).map(float))


@settings(max_examples=40, deadline=None)
@given(
    saves=st.lists(st.tuples(st.integers(0, 6), scores), min_size=1, max_size=8),
    keep=st.integers(1, 4),
    mode=st.sampled_from(["max", "min"]),
)
@example(saves=[(1, 5.0), (2, 1.0), (3, 2.0), (1, 0.0)], keep=1, mode="max")
def test_any_saves_leave_the_last_latest_the_best_best_and_no_more_than_agreed(
    saves: list[tuple[int, float | None]], keep: int, mode: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = CheckpointStore(Path(folder), keep=keep, mode=mode)  # type: ignore[arg-type]
        alive: dict[int, tuple[int, float | None]] = {}  # step -> (number of the save, score)
        for number, (step, score) in enumerate(saves):
            store.save(step, lambda path, n=number: (path / "n").write_text(str(n)) and None, score=score)
            alive[step] = (number, score)
            scored = {s: v for s, (_, v) in alive.items() if v is not None and not math.isnan(v)}
            wanted = (max if mode == "max" else min)(scored.values(), default=None)
            best = min((s for s, v in scored.items() if v == wanted), key=lambda s: alive[s][0], default=None)
            newest = sorted(alive, key=lambda s: alive[s][0])[-keep:]
            alive = {s: v for s, v in alive.items() if s in newest or s == best}

            latest, skipped = resolve(store.folder)
            assert (latest.step, skipped) == (step, [])
            assert (latest.path / "n").read_text() == str(number)
            assert link(store.folder / "latest") == f"step_{step}"
            assert {c.step for c in store.all()} == set(alive) and len(alive) <= keep + 1
            assert set(names(store.folder)) - {"latest", "best"} == {f"step_{s}" for s in alive}
            if best is None:
                assert not os.path.lexists(store.folder / "best")
            else:
                assert resolve(store.folder / "best")[0].step == best
                assert link(store.folder / "best") == f"step_{best}"

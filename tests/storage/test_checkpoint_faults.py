"""Kills, damage, full and read-only disks, strangers: each really caused, none loses a whole checkpoint."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from harness import flip
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import WEIGHTS, names, store_of, writer

import rlexp
from rlexp.base.errors import CheckpointError
from rlexp.storage.checkpoint import seal
from rlexp.storage.checkpoint.store import CheckpointStore, resolve

ROOT = Path(next(iter(rlexp.__path__))).parent


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


# Saves step 20 to a store that holds step 10 (step 10 anew, to cut replacing short), and is killed by SIGKILL
# just before the act that the second argument names.
KILLED = """
import os, signal, sys
from pathlib import Path
from rlexp.base.files import atomic
from rlexp.storage.checkpoint import seal
from rlexp.storage.checkpoint.store import CheckpointStore

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def write(folder):
    (folder / "weights").write_text("new")
    if where == "writing":
        die()

def die_on_second_rename(source, target, rename=Path.rename, calls=[]):
    calls.append(1)
    return die() if len(calls) == 2 else rename(source, target)

where, store = sys.argv[2], CheckpointStore(Path(sys.argv[1]), keep=1)
if where == "sealing":
    seal.write_text = die
elif where == "renaming":
    atomic.replace_folder = die
elif where == "replacing":
    Path.rename = die_on_second_rename
elif where == "pointing":
    atomic.point = die
elif where == "pruning":
    atomic.remove = die
store.save(10 if where == "replacing" else 20, write, score=2.0)
"""


@pytest.mark.parametrize(
    ("where", "step"),
    [
        ("writing", 10),
        ("sealing", 10),
        ("renaming", 10),
        ("replacing", 10),
        ("pointing", 20),
        ("pruning", 20),
    ],
)
def test_16_killed_amid_a_save_the_newest_whole_one_is_found(tmp_path: Path, where: str, step: int) -> None:
    store = CheckpointStore(tmp_path / "checkpoints", keep=1)
    store.save(10, lambda folder: (folder / "weights").write_text("old"), score=1.0)
    process = python(KILLED, store.folder, where)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -9, errors
    assert any(name.startswith(".") for name in names(store.folder)) or where == "pointing"

    for found, skipped in (resolve(store.folder), resolve(tmp_path), resolve(store.folder / "latest")):
        assert (found.step, skipped) == (step, [])
        assert (found.path / "weights").read_text() == ("old" if step == 10 else "new")
    store.save(30, writer("after"), score=3.0)
    assert names(store.folder) == ["best", "latest", "step_30"], "what the killed process left must be gone"


def test_16_killed_while_replacing_a_reader_gets_the_old_one_back_by_name(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "checkpoints", keep=1)
    store.save(10, lambda folder: (folder / "weights").write_text("old"), score=1.0)
    python(KILLED, store.folder, "replacing").communicate(timeout=60)
    assert not (store.folder / "step_10").exists()
    assert (resolve(store.folder / "step_10")[0].path / "weights").read_text() == "old"


SAVING = """
import sys
from pathlib import Path
from rlexp.storage.checkpoint.store import CheckpointStore
store = CheckpointStore(Path(sys.argv[1]), keep=2)
start = 1 + max((c.step for c in store.all()), default=0)
for step in range(start, start + 10**6):
    store.save(step, lambda f: [(f / str(i)).write_text(str(step) * 5000) for i in range(4)], score=step % 7)
    print(step, flush=True)
"""


def test_16_killed_at_random_no_finished_save_is_ever_lost(tmp_path: Path) -> None:
    chance, done = random.Random(16), 0
    for _ in range(8):
        process = python(SAVING, tmp_path)
        assert process.stdout is not None
        done = int(process.stdout.readline())
        time.sleep(chance.uniform(0.0, 0.1))
        process.kill()
        lines = process.communicate()[0].split()
        done = int(lines[-1]) if lines else done
        found, skipped = resolve(tmp_path)
        assert found.step >= done and skipped == []
        assert (found.path / "3").read_text() == str(found.step) * 5000


def parts(path: Path) -> list[str]:
    return sorted(str(p.relative_to(path)) for p in path.rglob("*"))


def test_17_a_missing_part_is_refused_by_name_and_fallen_back_from(tmp_path: Path) -> None:
    whole = store_of(tmp_path / "whole").folder
    for part in parts(whole / "step_30"):
        copy = tmp_path / "copy" / "checkpoints"
        shutil.copytree(whole, copy, symlinks=True)
        gone = copy / "step_30" / part
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
        with pytest.raises(CheckpointError) as refused:
            resolve(copy / "step_30")
        assert Path(part).name in str(refused.value) and "step_20" in str(refused.value)
        for path in (tmp_path / "copy", copy / "latest"):
            found, skipped = resolve(path)
            assert found.step == 20 and len(skipped) == 1 and "step_30" in skipped[0]
        shutil.rmtree(tmp_path / "copy")


def test_17_a_whole_checkpoint_that_is_gone_is_told(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    shutil.rmtree(store.folder / "step_30")
    found, skipped = resolve(tmp_path)
    assert found.step == 20 and len(skipped) == 1 and "step_30 is gone" in skipped[0]


def test_17_a_file_that_was_added_is_refused(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    (store.folder / "step_30" / "learner" / "extra.pkl").write_text("x")
    with pytest.raises(CheckpointError, match=r"learner/extra\.pkl is not part of what was sealed"):
        resolve(store.folder / "step_30")
    assert resolve(tmp_path)[0].step == 20


def test_18_one_flipped_bit_in_any_file_is_refused_and_fallen_back_from(tmp_path: Path) -> None:
    whole = store_of(tmp_path / "whole").folder
    files = [part for part in parts(whole / "step_30") if (whole / "step_30" / part).is_file()]
    assert len(files) == 3
    for part in files:
        for position in (0, (whole / "step_30" / part).stat().st_size // 2, -1):
            copy = tmp_path / "copy" / "checkpoints"
            shutil.copytree(whole, copy, symlinks=True)
            flip(copy / "step_30" / part, position)
            with pytest.raises(CheckpointError, match=Path(part).name + r" was altered"):
                resolve(copy / "step_30")
            found, skipped = resolve(tmp_path / "copy")
            assert found.step == 20 and len(skipped) == 1 and Path(part).name in skipped[0]
            shutil.rmtree(tmp_path / "copy")


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), mask=st.integers(0, 7).map(lambda bit: 1 << bit))
def test_18_any_flipped_bit_of_the_seal_is_refused(place: float, mask: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = store_of(Path(folder), [0]).folder / "step_10"
        flip(path / "seal.json", int(place * (path / "seal.json").stat().st_size), mask)
        with pytest.raises(CheckpointError):
            seal.verify(path)


def test_18_without_a_whole_one_each_is_named(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    os.truncate(store.folder / "step_10" / WEIGHTS, 5)
    for step in (20, 30):
        os.truncate(store.folder / f"step_{step}" / "seal.json", 0)
    with pytest.raises(CheckpointError, match="no checkpoint in .* is whole") as nothing:
        resolve(tmp_path)
    assert all(f"step_{step}" in str(nothing.value) for step in (10, 20, 30))
    assert "weights.bin is truncated (5 bytes" in str(nothing.value)

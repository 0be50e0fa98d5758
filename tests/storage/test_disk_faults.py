"""Full disks, read-only disks, other disks: told in time or in one line, and no whole checkpoint is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from stores import names, writer

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.storage.checkpoint.store import CheckpointSaveError, CheckpointStore, resolve
from rlexp.storage.runs.run_folder import RunFolder

ROOT = Path(next(iter(rlexp.__path__))).parent


LIMITED = """
import resource, sys
from pathlib import Path
from rlexp.base.errors import CheckpointError
from rlexp.storage.checkpoint.store import CheckpointStore


store = CheckpointStore(Path(sys.argv[1]), keep=3)
store.save(10, lambda f: (f / "weights").write_bytes(b"w" * 1000))
resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
try:
    store.save(20, lambda f: (f / "weights").write_bytes(b"w" * 100000))
except CheckpointError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def test_19_a_file_size_limit_keeps_the_last_one_and_says_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "c")],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    out = done.stdout
    assert done.returncode == 1, done.stderr
    assert out.count("\n") == 1 and "step_20" in out and "may not grow" in out and "kept: step_10" in out
    assert names(tmp_path / "c") == ["latest", "step_10"]
    assert resolve(tmp_path / "c")[0].step == 10


Mount = Callable[[str, str], Path]


def remount_read_only(place: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)


def fill(place: Path) -> None:
    with (place / "ballast").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return


@pytest.mark.parametrize("wrapped", [False, True])
def test_19_a_full_disk_keeps_the_last_one_and_recovers(tmp_path: Path, mount: Mount, wrapped: bool) -> None:
    store = CheckpointStore(mount("disk", "size=2m") / "checkpoints", keep=2)
    store.save(10, writer("small"))

    def too_big(folder: Path) -> None:
        try:
            (folder / "weights").write_bytes(bytes(8 << 20))
        except OSError:
            if wrapped:  # torch's writer tells no more than this
                raise RuntimeError("PytorchStreamWriter failed writing file data/0") from None
            raise

    with pytest.raises(CheckpointSaveError, match="no space is left on the disk; kept: step_10") as told:
        store.save(20, too_big)
    assert "\n" not in str(told.value) and told.value.exit_code == 1
    assert names(store.folder) == ["latest", "step_10"]
    assert resolve(store.folder)[0].step == 10
    store.save(20, writer("small again"))
    assert resolve(store.folder)[0].step == 20


def test_19_a_disk_full_at_the_seal_leaves_no_part(tmp_path: Path, mount: Mount) -> None:
    place = mount("disk", "size=2m")
    store = CheckpointStore(place / "checkpoints", keep=2)
    store.save(10, writer("small"))

    def fills_the_disk(folder: Path) -> None:
        (folder / "weights").write_text("x")
        fill(place)

    with pytest.raises(CheckpointSaveError, match="no space is left on the disk; kept: step_10"):
        store.save(20, fills_the_disk)
    assert names(store.folder) == ["latest", "step_10"] and resolve(store.folder)[0].step == 10


def test_20_a_read_only_place_is_refused_before_training(tmp_path: Path, mount: Mount) -> None:
    place = mount("disk", "size=2m")
    RunFolder.create(place, "old").release()
    store = CheckpointStore(place / "old" / "checkpoints", keep=1)
    store.save(10, writer("x"))
    remount_read_only(place)
    for launch in (lambda: RunFolder.create(place / "runs", "new"), lambda: RunFolder.open(place / "old")):
        with pytest.raises(ConfigError, match=f"{place}.*the filesystem is read-only") as told:
            launch()
        assert told.value.key == "runs_dir" and "runs_dir=" in str(told.value)
    assert resolve(place / "old")[0].step == 10, "reading needs no writing"
    with pytest.raises(CheckpointSaveError, match="the filesystem is read-only; kept: step_10"):
        store.save(40, writer("x"))


def test_20_a_full_disk_is_refused_before_training(tmp_path: Path, mount: Mount) -> None:
    place = mount("disk", "size=2m")
    fill(place)
    with pytest.raises(ConfigError, match="no space is left on the disk"):
        RunFolder.create(place, "new")
    (place / "ballast").unlink()
    RunFolder.create(place, "new").release()


def test_21_another_filesystem_for_temporary_files_is_never_touched(
    tmp_path: Path, mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = mount("temporary", "size=2m")
    remount_read_only(elsewhere)
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with RunFolder.create(tmp_path, "a") as run:
        run.write_config({"seed": 1})
        store = CheckpointStore(run.checkpoints, keep=1)
        store.save(10, writer("x"), score=1.0)
        store.save(10, writer("y"), score=2.0)
    assert resolve(run.path)[0].score == 2.0

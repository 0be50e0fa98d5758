"""The run folder: what it refuses, its lock, its records."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.base.files import atomic
from rlexp.config.saved_config import read
from rlexp.storage.runs.run_folder import RunFolder, is_run_folder

ROOT = Path(next(iter(rlexp.__path__))).parent

HOLD = """
import os, sys, time
from rlexp.base.errors import ConfigError
from rlexp.storage.runs.run_folder import RunFolder
try:
    run = RunFolder.create(sys.argv[1], "a")
except ConfigError as error:
    print("refused", error, flush=True)
    sys.exit(error.exit_code)
if sys.argv[2] == "fork":
    awake, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(tell, b"!")
        time.sleep(60)
        os._exit(0)
    os.read(awake, 1)
    print("held", os.getpid(), child, flush=True)
else:
    print("held", os.getpid(), flush=True)
time.sleep(60)
"""


def start(runs: Path, how: str = "plain") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(runs), how],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_create_makes_a_run_folder_that_open_takes_up(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "runs", "a") as run:
        assert is_run_folder(run.path) and run.path == tmp_path / "runs" / "a"
        assert run.read_manifest() == {"name": "a", "status": "running"}
        run.update_manifest(status="failed", seed=3)
    with RunFolder.open(tmp_path / "runs" / "a") as again:
        assert again.read_manifest() == {"name": "a", "status": "failed", "seed": 3}


def test_paths_are_those_of_the_contract(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "a") as run:
        paths = [run.config, run.manifest, run.metrics, run.summary, run.log]
        paths += [run.checkpoints, run.wandb, run.videos, run.trace]
        names = [str(path.relative_to(run.path)) for path in paths]
    assert names[:5] == ["config.yaml", "manifest.json", "metrics.jsonl", "summary.json", "log.txt"]
    assert names[5:] == ["checkpoints", "wandb", "videos", "error.txt"]


def test_config_comes_back_whole_and_in_order(tmp_path: Path) -> None:
    config = {"z": {"lr": 1e-5, "steps": [1, 2.5, None, True]}, "a": "é: 'on'", "name": "010", "empty": {}}
    with RunFolder.create(tmp_path, "a") as run:
        run.write_config(config)
        assert read(run.config) == config
        assert list(read(run.config)) == list(config)
        with pytest.raises(TypeError, match="not plain data"):
            run.write_config({"bad": object()})
        assert read(run.config) == config, "a refused config must leave the earlier one"


def test_a_second_run_of_the_name_is_refused_and_told_what_to_write(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "a") as run:
        run.metrics.write_text("kept")
    with pytest.raises(ConfigError) as refused:
        RunFolder.create(tmp_path, "a")
    assert refused.value.exit_code == 2
    for advice in (f"rlexp resume {tmp_path / 'a'}", "name=", "overwrite=true"):
        assert advice in str(refused.value)
    assert run.metrics.read_text() == "kept"
    RunFolder.open(run.path).release()  # the refusal let go of the lock


def test_overwrite_deletes_the_old_run_once_the_new_one_has_begun_and_nothing_outside_it(
    tmp_path: Path,
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    with RunFolder.create(tmp_path, "a") as run:
        run.checkpoints.mkdir()
        (run.path / "link").symlink_to(outside)
    with RunFolder.create(tmp_path, "a", overwrite=True) as run:
        assert run.replaces and run.read_manifest() == {"name": "a", "status": "running"}
        run.delete_earlier()
        assert sorted(p.name for p in run.path.iterdir()) == [".lock", ".lock.json", "manifest.json"]
    assert (outside / "precious").read_text() == "x"


def test_files_that_are_no_run_are_left_alone_even_by_overwrite(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.tex").write_text("x")
    for overwrite in (False, True):
        with pytest.raises(ConfigError, match="not a run's folder"):
            RunFolder.create(tmp_path, "a", overwrite=overwrite)
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("name", ["", "  ", "..", "../b", "/tmp/x", ".", "a\0b", "x" * 300])
def test_a_name_that_is_no_folder_below_runs_dir_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        RunFolder.create(tmp_path / "runs", name)


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(ConfigError, match="a file stands in the way"):
        RunFolder.create(tmp_path / "runs", "a")


def test_discard_removes_what_create_made_and_nothing_that_open_took_up(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "a") as run:
        run.log.write_text("nothing came of it")
        run.discard()
    assert list(tmp_path.iterdir()) == []
    RunFolder.create(tmp_path, "a").release()
    with RunFolder.open(tmp_path / "a") as run:
        run.discard()
    with RunFolder.create(tmp_path, "a", overwrite=True) as run:
        run.release()
        run.discard()
    assert is_run_folder(tmp_path / "a"), "what was let go of may be another's by now"


def test_open_refuses_what_is_no_run_and_suggests_the_near_one(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, "first_try").release()
    with pytest.raises(ConfigError) as missing:
        RunFolder.open(tmp_path / "frist_try")
    assert missing.value.suggestions == [str(tmp_path / "first_try")]
    with pytest.raises(ConfigError, match=r"no manifest\.json"):
        RunFolder.open(tmp_path)


def test_two_launches_at_once_leave_one_holder_and_one_refusal(tmp_path: Path) -> None:
    both = [start(tmp_path), start(tmp_path)]
    try:
        lines = {p.pid: first_line(p) for p in both}
        holders = [pid for pid, line in lines.items() if line.startswith("held")]
        refused = [line for line in lines.values() if line.startswith("refused")]
        assert len(holders) == 1 and len(refused) == 1, lines
        # Asked again once the holder has surely written down who it is.
        with pytest.raises(ConfigError) as told:
            RunFolder.create(tmp_path, "a")
        assert f"pid {holders[0]} on {os.uname().nodename}" in str(told.value) and "name=" in str(told.value)
        loser = next(p for p in both if p.pid not in holders)
        assert loser.wait(timeout=30) == 2
    finally:
        for process in both:
            end(process)


def test_the_same_process_cannot_hold_a_folder_twice(tmp_path: Path) -> None:
    with (
        RunFolder.create(tmp_path, "a") as run,
        pytest.raises(ConfigError, match=f"pid {os.getpid()}"),
    ):
        RunFolder.open(run.path)


def test_a_lock_left_by_a_killed_process_blocks_nobody(tmp_path: Path) -> None:
    process = start(tmp_path)
    assert first_line(process).startswith("held")
    end(process)
    assert (tmp_path / "a" / ".lock").exists() and (tmp_path / "a" / ".lock.json").exists()
    RunFolder.open(tmp_path / "a").release()


def test_a_forked_child_that_outlives_the_holder_does_not_keep_the_lock(tmp_path: Path) -> None:
    process = start(tmp_path, "fork")
    child = int(first_line(process).split()[2])
    end(process)
    try:
        os.kill(child, 0)
        RunFolder.open(tmp_path / "a").release()
    finally:
        os.kill(child, signal.SIGKILL)


def test_left_over_temporary_files_are_cleared_when_a_run_is_taken_up(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, "a").release()
    (tmp_path / "a" / ".manifest.json.x1.tmp").write_text("{")
    RunFolder.open(tmp_path / "a").release()
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [".lock", "manifest.json"]


def test_a_failed_write_leaves_the_old_text_and_no_temporary_file(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    atomic.write_json(target, {"a": 1})
    with pytest.raises(TypeError):
        atomic.write_json(target, {"a": object()})
    target.with_name("b").mkdir()
    with pytest.raises(OSError):
        atomic.write_text(target.with_name("b"), "a folder cannot be replaced by a file")
    assert json.loads(target.read_text()) == {"a": 1}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "b"]


def test_readers_never_see_a_part_of_a_file_being_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write = (
        "import sys\nfrom pathlib import Path\nfrom rlexp.base.files.atomic import write_json\n"
        "for i in range(10**6): write_json(Path(sys.argv[1]), [i] * 20000)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    writer = subprocess.Popen([sys.executable, "-c", write, str(target)], env=environment)
    try:
        seen: set[int] = set()
        deadline = time.monotonic() + 30
        while len(seen) < 5 and time.monotonic() < deadline:
            if target.exists():
                values = json.loads(target.read_text())
                assert len(values) == 20000 and len(set(values)) == 1
                seen.add(values[0])
        assert len(seen) == 5
    finally:
        writer.kill()
        writer.wait()


def test_json_is_strict_and_takes_numpy_scalars_and_paths() -> None:
    numpy = pytest.importorskip("numpy")
    values = {
        "nan": float("nan"),
        "inf": -numpy.inf,
        "f": numpy.float32(0.5),
        "i": numpy.int64(3),
        4: Path("x/y"),
    }
    parsed = json.loads(
        atomic.to_json(values), parse_constant=lambda name: pytest.fail(f"{name} is not JSON")
    )
    assert parsed == {"nan": None, "inf": None, "f": 0.5, "i": 3, "4": str(Path("x/y"))}


@pytest.mark.parametrize("status", ["stopped", "failed", "running"])
def test_a_run_that_made_no_step_frees_its_name(tmp_path: Path, status: str) -> None:
    with RunFolder.create(tmp_path, "a") as run:
        run.update_manifest(status=status)
        run.trace.write_text("why it failed")
    with RunFolder.create(tmp_path, "a") as again:
        assert again.read_manifest() == {"name": "a", "status": "running"} and not again.trace.exists()


@pytest.mark.parametrize("status", ["stopped", "failed", "running", "done"])
def test_a_run_that_made_a_step_keeps_its_name(tmp_path: Path, status: str) -> None:
    with RunFolder.create(tmp_path, "a") as run:
        run.update_manifest(status=status)
        run.metrics.write_text('{"env_steps": 7}\n')
    with pytest.raises(ConfigError, match="a run is already in"):
        RunFolder.create(tmp_path, "a")

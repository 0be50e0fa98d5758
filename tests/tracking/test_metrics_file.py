"""`metrics.jsonl` has one whole line per step, whatever happened to the processes that wrote it."""

from __future__ import annotations

import json
import math
import resource
import signal
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import child, finished

from rlexp.base.errors import RunFailedError
from rlexp.base.events import RunInfo
from rlexp.storage.runs.metrics_file import MetricsFile, last_env_steps, read, read_damaged


def start(path: Path, resumed_at: int = 0) -> MetricsFile:
    file = MetricsFile(path)
    file.on_run_start(RunInfo(path.parent, "a", "a", {}, resumed_at=resumed_at))
    return file


def steps(path: Path) -> list[int]:
    return [json.loads(line)["env_steps"] for line in path.read_text().splitlines()]


def test_each_record_is_on_disk_at_once(tmp_path: Path) -> None:
    file = start(tmp_path / "metrics.jsonl")
    for step in (5, 10):
        file.on_record({"env_steps": step, "iteration": 1, "train/return_mean": math.nan, "flag": True})
        assert steps(file.path)[-1] == step
    assert math.isnan(read(file.path)[0]["train/return_mean"])
    file.on_run_end("done", {})


def test_resuming_drops_what_came_after_the_checkpoint_and_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    file = start(path)
    for step in range(10, 60, 10):
        file.on_record({"env_steps": step, "iteration": step // 10})
    file.on_run_end("failed", {})
    path.write_text(path.read_text() + '{"env_steps": 60, "itera')
    file = start(path, resumed_at=30)
    assert steps(path) == [10, 20, 30]
    file.on_record({"env_steps": 40, "iteration": 4})
    assert steps(path) == [10, 20, 30, 40]
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_a_run_that_starts_anew_starts_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"env_steps": 10, "iteration": 1}\n')
    start(path)
    assert path.read_text() == ""


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(1, 30), max_size=6), st.integers(0, 100), st.integers(0, 40)),
        max_size=5,
    )
)
def test_any_course_of_kills_and_resumes_leaves_increasing_steps(
    tmp_path_factory: pytest.TempPathFactory, segments: list[tuple[list[int], int, int]]
) -> None:
    path = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    done = 0
    for gaps, back, torn in segments:
        resumed_at = max(0, done - back)
        file = start(path, resumed_at)
        step = resumed_at
        for gap in gaps:
            step += gap
            file.on_record({"env_steps": step, "iteration": 1})
        file.on_run_end("failed", {})
        data = path.read_bytes()
        path.write_bytes(data[: max(0, len(data) - torn)])
        whole = steps_of_whole_lines(path)
        assert whole == sorted(set(whole))
        done = whole[-1] if whole else 0
    start(path, done)
    assert steps(path) == sorted(set(steps(path)))


def steps_of_whole_lines(path: Path) -> list[int]:
    return [record["env_steps"] for record in read(path)]


def test_all_readers_take_the_same_lines(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert (read(path), read_damaged(path), last_env_steps(path)) == ([], ([], 0), 0)
    path.write_text('{"env_steps": 1}\nno record\n{"env_steps": "many"}\n{"env_steps": 2}\n{"env_steps": 3')
    assert read(path) == [{"env_steps": 1}, {"env_steps": 2}]
    assert read_damaged(path) == (read(path), 2)
    assert last_env_steps(path) == 2


def test_kill_in_mid_run_then_resume(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = child(folder, "jsonl", 1, 10**7, 1, 0.0)
    assert process.stdout is not None
    printed = [process.stdout.readline() for _ in range(500)]
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    path = folder / "metrics.jsonl"
    assert len(read(path)) >= len(printed)
    finished(child(folder, "jsonl", 401, 600, 1, 0.0, 400))
    assert steps(path) == list(range(1, 601))


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    file = start(tmp_path / "metrics.jsonl")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    try:
        with pytest.raises(RunFailedError, match="metrics.jsonl could not be written: File too large"):
            for step in range(1, 50):
                file.on_record({"env_steps": step, "iteration": step})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    # What was written before stands, and a resume goes on from there.
    again = start(tmp_path / "metrics.jsonl", resumed_at=3)
    again.on_record({"env_steps": 4, "iteration": 4})
    assert steps(again.path) == [1, 2, 3, 4]


def test_a_record_costs_little(tmp_path: Path) -> None:
    file = start(tmp_path / "metrics.jsonl")
    record = {"env_steps": 0, "iteration": 0, **{f"train/metric_{n}": n / 7 for n in range(30)}}
    started = time.perf_counter()
    for step in range(200):
        file.on_record({**record, "env_steps": step})
    assert (time.perf_counter() - started) / 200 < 0.002

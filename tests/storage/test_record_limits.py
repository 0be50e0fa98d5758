"""Records of a stranger's folder: whatever lies in their place, each reader answers in bounded time and memory."""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from harness import address_space

from rlexp.base.errors import ConfigError
from rlexp.base.events import RunInfo
from rlexp.base.files import json_records
from rlexp.cli.clean import abandoned_runs
from rlexp.config.rerun import composed_again
from rlexp.report.reading import read
from rlexp.run.evaluate import earlier_results
from rlexp.storage.buckets.bucket import Bucket
from rlexp.storage.buckets.mirror import Mirror
from rlexp.storage.runs.metrics_file import MetricsFile, complete_lines
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.storage.runs.trial_status import history, logged, trial_status
from rlexp.storage.signed_files import is_own
from rlexp.sweep.execution.monitor import never_logged
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.planning.estimate import speeds_below
from rlexp.sweep.trials.frozen_trials import FrozenTrials

SECONDS, MEMORY = 5.0, 1 << 30


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 36)  # With holes: it takes no room.


def text(content: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(content + "\n")

    return write


QUICK: dict[str, Callable[[Path], None]] = {
    "a pipe": pipe,
    "an endless device": device,
    "a folder": folder,
    "nested 100,000 deep": text("[" * 100_000 + "]" * 100_000),
    "nested 900 deep": text('{"a":' * 900 + "1" + "}" * 900),
    "an integer of 10,000 digits": text('{"env_steps": ' + "9" * 10_000 + "}"),
    "an integer of 4,000 digits": text('{"env_steps": ' + "9" * 4_000 + "}"),
}
LARGE: dict[str, Callable[[Path], None]] = {
    "64 GB": large,
    "four million lists": lambda path: text('{"a": [' + "[]," * 4_000_000 + "1]}")(path),
    "two million keys": lambda path: text("{" + ",".join(f'"{n}": 1' for n in range(2_100_000)) + "}")(path),
}
"""What may lie in the place of a record."""


def whole(run: Path) -> list[Any]:
    return list(complete_lines(run / "metrics.jsonl"))


def opened_metrics(run: Path) -> None:
    file = MetricsFile(run / "metrics.jsonl")
    file.on_run_start(RunInfo(run, "a", "a", {}, resumed_at=100))


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "a report, manifest": ("manifest.json", read),
    "a report, summary": ("summary.json", read),
    "a report, metrics": ("metrics.jsonl", read),
    "rlexp clean": ("manifest.json", lambda run: abandoned_runs([run])),
    "a new run of it": ("manifest.json", lambda run: composed_again(run, [])),
    "the estimate, manifest": ("manifest.json", lambda run: speeds_below(run.parent)),
    "the estimate, summary": ("summary.json", lambda run: speeds_below(run.parent)),
    "a trial, manifest": ("manifest.json", lambda run: trial_status(RunFolder.for_reading(run), "x")),
    "a trial, metrics": ("metrics.jsonl", lambda run: trial_status(RunFolder.for_reading(run), "x")),
    "a trial's history": ("metrics.jsonl", lambda run: history(RunFolder.for_reading(run), "x")),
    "a trial's metrics": ("metrics.jsonl", lambda run: logged(RunFolder.for_reading(run))),
    "a trial without a score": ("summary.json", lambda run: never_logged(RunFolder.for_reading(run))),
    "an evaluation": ("evaluation.json", lambda run: earlier_results(run / "evaluation.json")),
    "a tracker, metrics": ("metrics.jsonl", whole),
    "a run that goes on, metrics": ("metrics.jsonl", opened_metrics),
    "a run that goes on": ("manifest.json", lambda run: RunFolder.open(run).release()),
    "the copy of a store": ("storage.json", lambda run: Mirror(run, Bucket("memory://x/y")).has_state("a")),
    "whose it is": ("config.yaml", lambda run: is_own(run / "config.yaml")),
    "whose it is, signatures": ("signed.json", lambda run: is_own(run / "config.yaml")),
    "a sweep's state": ("sweep.json", lambda run: SweepFolder(run).damaged),
    "a sweep's plan": ("plan.json", lambda run: SweepFolder(run).settings()),
    "a sweep's search": ("search.json", lambda run: SweepFolder(run).adaptive()),
    "a sweep's trials": ("trials.jsonl", lambda run: FrozenTrials(run / "trials.jsonl", "x").all()),
    "a sweep's configs": ("trials.jsonl", lambda run: list(FrozenTrials(run / "trials.jsonl", "x").plain())),
    "a sweep's trial": ("trials.jsonl", lambda run: FrozenTrials(run / "trials.jsonl", "x").one("a")),
}

OF_A_RUN = ("manifest.json", "summary.json", "metrics.jsonl")
ALL_OF_A_RUN = [name for name, (file, _) in READERS.items() if file in OF_A_RUN and name != "a new run of it"]


@contextmanager
def bounded() -> Iterator[None]:
    """Ends what waits or grows in here."""

    def expired(*_: Any) -> None:
        raise TimeoutError(f"it takes more than {SECONDS} s")

    before = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, expired)
    resource.setrlimit(resource.RLIMIT_AS, (address_space() + MEMORY, before[1]))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def make_run(path: Path) -> Path:
    path.mkdir()
    manifest = {"choices": {"env": "cartpole"}, "overrides": [], "status": "running", "run_id": "0"}
    (path / "manifest.json").write_text(json.dumps(manifest))
    (path / "summary.json").write_text(json.dumps({"sps": 1000.0, "iterations": 2}))
    (path / "config.yaml").write_text("seed: 1\nenv: {id: CartPole-v1}\nalgorithm: {lr: 0.1}\n")
    (path / "metrics.jsonl").write_text('{"env_steps": 100}\n')
    return path


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("place", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)])
def test_no_record_of_a_folder_holds_its_reader_up(reader: str, place: str, tmp_path: Path) -> None:
    name, use = READERS[reader]
    run = make_run(tmp_path / "run")
    (run / name).unlink(missing_ok=True)
    (QUICK | LARGE)[place](run / name)
    with bounded(), suppress(ConfigError):
        use(run)


def test_a_long_file_of_metrics_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    filler = "x" * (1 << 18)
    with path.open("w") as file:
        for step in range(60):
            file.write(json.dumps({"env_steps": step, "text": filler}) + "\n")
    tracemalloc.start()
    opened = MetricsFile(path)
    opened.on_run_start(RunInfo(tmp_path, "a", "a", {}, resumed_at=30))
    opened.on_run_end("done", {})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 << 20
    assert [record["env_steps"] for _, record in complete_lines(path)] == list(range(31))


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        ("[" * 100_000, "nested more than 100 deep"),
        ("[" * 101 + "]" * 101, "nested more than 100 deep"),
        ("9" * 301, "a number of 301 digits"),
        (b"[1, \xff]", "can't decode"),
        ("[" + "1," * 2_000_001 + "1]", "more than 2,000,000 values"),
    ],
)
def test_json_beyond_the_limits_is_refused(content: str | bytes, flaw: str) -> None:
    with pytest.raises(ValueError, match=flaw):
        json_records.parse(content)


def test_json_within_the_limits_is_read() -> None:
    assert json_records.parse("[" * 100 + "]" * 100)
    assert float(json_records.parse("9" * 300)) == pytest.approx(1e300)
    assert json_records.parse(b'{"a": [NaN, 1e400, -1, 2.5]}')["a"][1:] == [math.inf, -1, 2.5]
    assert len(json_records.parse("[" + "[]," * 200 + "{}]")) == 201


FIGURES: list[Any] = [math.nan, math.inf, -math.inf, -1, 0, True, None, "many", [], {}, [[]]]


@pytest.mark.parametrize(
    "value",
    [pytest.param(10**299, id="10^299"), *(pytest.param(value, marks=pytest.mark.slow) for value in FIGURES)],
)
def test_any_figure_in_any_field_of_a_record_is_borne(value: Any, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for file in ("manifest.json", "summary.json", "metrics.jsonl"):
        before = (run / file).read_text()
        for key in {**json.loads(before), "pid": 1, "start": 1, "host": 1, "x": 1, "perf/wall_s": 1}:
            (run / file).write_text(json.dumps({**json.loads(before), key: value}) + "\n")
            for reader in ALL_OF_A_RUN:
                with suppress(ConfigError):
                    READERS[reader][1](run)
            found = speeds_below(tmp_path)
            assert all(0 < speed < math.inf for speed in found.values())
        (run / file).write_text(before)

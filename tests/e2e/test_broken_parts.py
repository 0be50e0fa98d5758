"""Environments, callbacks and trackers that break in a run; the numbers are those of the faults."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from breaking import ON_PATH, TRUSTED
from harness import records
from processes import BATCH, SMALL, checkpoints, corridor, manifest, run, summary

from rlexp.base.errors import ConfigError


def failed(folder: Path, text: str, why: str) -> None:
    """One clear line on the terminal, the trace in the folder, `failed` in the records."""
    errors = [line for line in text.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and re.search(why, errors[0]), text
    assert "Traceback" not in text
    assert manifest(folder)["status"] == summary(folder)["status"] == "failed"
    assert "Traceback" in (folder / "error.txt").read_text()


def test_1_an_environment_that_raises_sometimes_is_retried_and_counted(train: Callable[..., Any]) -> None:
    done = train(*corridor("Crashing", p_crash=0.02), "stop.iterations=5", "name=a")
    assert done.exit_code == 0
    lines = records(done.folder)
    assert sum(line["perf/env_failures"] for line in lines) > 0
    assert [line["env_steps"] for line in lines] == [BATCH * i for i in range(1, 6)], "no batch is short"


@pytest.mark.parametrize("runners", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_2_an_environment_that_always_raises_ends_the_run_in_bounded_time(
    tmp_path: Path, runners: int
) -> None:
    env = ("env=gym", "env.id=breaking.BreaksForGood", TRUSTED, *SMALL[1:])
    words = (*env, f"hardware.num_env_runners={runners}", "hardware.num_cpus_per_env_runner=0.5", "name=a")
    start = time.monotonic()
    code, text = run(*words, folder=tmp_path, **ON_PATH)
    assert code == 1 and time.monotonic() - start < 60, text
    failed(tmp_path / "runs" / "a", text, r"breaking.BreaksForGood.*times in a row.*the simulator is gone")
    trace = (tmp_path / "runs" / "a" / "error.txt").read_text()
    assert re.search(r'File ".*breaking.py", line \d+, in step', trace), trace


def test_2_one_that_never_worked_is_refused_before_training(
    train: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"envs.testing.Crashing.*times in a row.*the simulator crashed"):
        train(*corridor("Crashing", p_crash=1.0), "name=a")
    assert not (tmp_path / "runs" / "a").exists()


@pytest.mark.parametrize(("field", "value"), [("observation", "nan"), ("reward", "inf")])
def test_10_a_number_that_is_not_finite_stops_the_run_with_env_step_and_field(
    train: Callable[..., Any], field: str, value: str
) -> None:
    outcome = train(*corridor("NotFinite", at_step=300, field=field, value=value), "name=a")
    assert outcome.exit_code == 1 and outcome.error is not None
    assert re.search(rf"envs.testing.NotFinite.*returned {value} in .*step 300", outcome.error), outcome.error
    assert manifest(outcome.folder)["status"] == "failed"
    assert summary(outcome.folder)["checkpoint"] == f"checkpoints/step_{BATCH}", "the last good state stays"


@pytest.fixture
def breaking_run(train: Callable[..., Any]) -> Callable[..., Any]:
    """Trains in this process with `breaking.Breaks`."""

    def start(hook: str, *words: str) -> Any:
        callback = f"+callbacks.broken={{_target_: breaking.Breaks, hook: {hook}}}"
        return train(*corridor(), callback, TRUSTED, *words)

    return start


@pytest.mark.parametrize("hook", ["on_run_start", "on_record", "on_checkpoint", "on_train_result"])
def test_a_callback_that_raises_fails_the_run_which_then_can_go_on(
    breaking_run: Callable[..., Any], hook: str
) -> None:
    from rlexp.run.resume import resume

    every = 5 if hook == "on_record" else 1
    outcome = breaking_run(hook, "name=a", f"checkpoint.every={every}")
    assert outcome.exit_code == 1 and outcome.error == f"ValueError: in {hook}"
    trace = (outcome.folder / "error.txt").read_text()
    assert "broken on purpose" in trace and "breaking.py" in trace
    assert manifest(outcome.folder)["status"] == "failed"
    if hook == "on_record":
        assert checkpoints(outcome.folder)[-1] == f"step_{2 * BATCH}", "what was trained is saved"
    again = resume(outcome.folder, ["stop.iterations=4", "callbacks.broken.hook=none", TRUSTED])
    assert again.status == "done" and [r["iteration"] for r in records(outcome.folder)] == [1, 2, 3, 4]
    assert not (outcome.folder / "error.txt").exists() and manifest(outcome.folder)["status"] == "done"


def test_a_callback_that_fails_to_close_is_only_told(
    breaking_run: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    outcome = breaking_run("on_run_end", "stop.iterations=2", "name=a")
    assert outcome.status == "done"
    assert "Breaks failed to close: ValueError: in on_run_end" in capfd.readouterr().err


def test_a_tracker_that_raises_fails_the_run(train: Callable[..., Any]) -> None:
    outcome = train(*corridor(), "+tracking.broken={_target_: breaking.BrokenTracker}", TRUSTED, "name=a")
    assert outcome.exit_code == 1 and outcome.error == "OSError: the tracker is broken"
    assert manifest(outcome.folder)["status"] == "failed"
    assert summary(outcome.folder)["checkpoint"] == f"checkpoints/step_{2 * BATCH}"

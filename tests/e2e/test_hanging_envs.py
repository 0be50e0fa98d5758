"""Faults 6, 7 and 9 in whole runs: environments that hang or always crash, evaluation runners that are killed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from harness import CHECKOUT, records
from processes import corridor, manifest, run, summary

ON_PATH = {"PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(Path(__file__).parent)])}
TRUSTED = "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,hanging,killing]"
APART = ("hardware.num_envs_per_env_runner=2", "hardware.gym_env_vectorize_mode=async")
REMOTE = ("hardware.num_env_runners=1", "hardware.num_cpus_per_env_runner=0.5")
SOON = "hardware.sample_timeout_s=2"


def hanging(name: str = "Hanging", **arguments: object) -> tuple[str, ...]:
    given = [f"+env.config.{key}={value}" for key, value in arguments.items()]
    return (*corridor(), f"env.id=hanging.{name}", *given, TRUSTED, "name=a")


def failed_with(folder: Path, words: str) -> None:
    """The run failed for that reason, by all its records, and may be resumed where it was saved last."""
    for told in (manifest(folder), summary(folder)):
        assert told["status"] == "failed" and words in told["reason"]
    assert summary(folder)["checkpoint"] == f"checkpoints/step_{records(folder)[-1]['env_steps']}"


def test_6_a_step_that_never_returns_fails_the_run_and_it_goes_on_later(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    code, text = run(*hanging(at_step=450), SOON, "tracking=wandb", folder=tmp_path, **ON_PATH)
    assert code == 1 and "they hang in hanging.py" in text and f"rlexp resume {folder}" in text, text
    failed_with(folder, "no step for 2 s")
    assert (
        "hanging.py" in (folder / "log.txt").read_text() and "in_python" in (folder / "error.txt").read_text()
    )
    assert any(folder.glob("wandb/offline-run-*/*.wandb")) and "wandb sync" in text


@pytest.mark.slow
@pytest.mark.parametrize("fast", ["always", "never"])
@pytest.mark.parametrize("how", ["native", "locked"])
def test_6_native_code_that_never_returns_ends_the_process(tmp_path: Path, how: str, fast: str) -> None:
    folder = tmp_path / "runs" / "a"
    where = {"at_step": 450} if fast == "always" else {"at_reset": 60}
    code, text = run(*hanging(how=how, **where), SOON, f"fast={fast}", folder=tmp_path, **ON_PATH)
    assert code == 1, text
    end = time.monotonic() + 10
    while manifest(folder)["status"] == "running" and time.monotonic() < end:
        time.sleep(0.05)
    failed_with(folder, "hang in")
    assert (
        "hanging.py" in (folder / "error.txt").read_text()
        and "hanging.py" in (folder / "log.txt").read_text()
    )
    iterations = len(records(folder)) + 1
    code, text = run("resume", "runs/a", TRUSTED, f"stop.iterations={iterations}", folder=tmp_path, **ON_PATH)
    assert code == 0 and len(records(folder)) == iterations, text


@pytest.mark.slow
@pytest.mark.parametrize("fast", ["always", "never"])
def test_6_a_process_of_an_environment_that_hangs_is_started_anew(tmp_path: Path, fast: str) -> None:
    words = (
        *hanging(at_step=250),
        *APART,
        SOON,
        f"fast={fast}",
        "stop.iterations=3",
        "callbacks=episode_stats",
    )
    code, text = run(*words, folder=tmp_path, **ON_PATH)
    folder = tmp_path / "runs" / "a"
    assert code == 0 and len(records(folder)) == 3, text
    log = (folder / "log.txt").read_text()
    assert "no answer within 2 s" in log and "all 2 are made anew" in log and "hanging.py" in log


@pytest.mark.slow
@pytest.mark.parametrize("fast", ["always", "never"])
@pytest.mark.parametrize("where", [(), REMOTE])
def test_7_processes_that_always_crash_end_the_run(tmp_path: Path, where: tuple[str, ...], fast: str) -> None:
    words = (*hanging("DiesApart"), *APART, *where, f"fast={fast}")
    code, text = run(*words, folder=tmp_path, timeout=150, **ON_PATH)
    assert code == 1 and "died 10 times in a row" in text and "process 0 was ended by signal 11" in text, text
    assert manifest(tmp_path / "runs" / "a")["status"] == "failed"


EVALUATION = (
    "evaluation=default",
    "evaluation.evaluation_interval=1",
    "evaluation.evaluation_num_env_runners=1",
    "evaluation.evaluation_duration=2",
    "hardware.delay_between_env_runner_restarts_s=0.1",
    "hardware.num_cpus_per_env_runner=0.5",
    "+callbacks.kills._target_=killing.KillsEvaluationRunners",
)


@pytest.mark.slow
@pytest.mark.parametrize("fast", ["always", "never"])
def test_9_killed_evaluation_runners_come_back(tmp_path: Path, fast: str) -> None:
    words = (*corridor(), *EVALUATION, "+callbacks.kills.for_good=false", f"fast={fast}", TRUSTED)
    code, text = run(*words, "stop.iterations=5", "name=a", folder=tmp_path, **ON_PATH)
    assert code == 0, text
    evaluated = ["eval/return_mean" in line for line in records(tmp_path / "runs" / "a")]
    skipped = evaluated.count(False)
    assert evaluated[0] and evaluated[-1] and text.count("evaluation skipped at iteration") == skipped <= 2


@pytest.mark.slow
@pytest.mark.parametrize("fast", ["always", "never"])
def test_9_evaluation_runners_dead_for_good_are_told_and_end_the_run(tmp_path: Path, fast: str) -> None:
    words = (*corridor(), *EVALUATION, "+callbacks.kills.for_good=true", f"fast={fast}", TRUSTED, "name=a")
    code, text = run(
        *words, "evaluation.evaluation_unhealthy_workers_timeout_s=1", folder=tmp_path, **ON_PATH
    )
    assert code == 1 and text.count("evaluation skipped at iteration") == 2, text
    failed_with(
        tmp_path / "runs" / "a", "3 evaluations in a row were skipped: 0 of 1 evaluation runners alive"
    )
    evaluated = ["eval/return_mean" in line for line in records(tmp_path / "runs" / "a")]
    assert evaluated == [True, False, False, False], "old figures are not told as new ones"

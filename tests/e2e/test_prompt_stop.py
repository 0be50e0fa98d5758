"""Ctrl-C and SIGTERM are heard within a second or so, wherever a run is."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import CHECKOUT, records
from processes import checkpoints, gone, manifest, rlexp_child, run, summary, trials

Train = Callable[..., Any]

ENV = ("env=gym", "env.id=odd_envs.Endless", "hardware=local", "tuned=none", "model=mlp", "tracking=none")
SMALL = (
    *ENV,
    "hardware.num_envs_per_env_runner=2",
    "algorithm.train_batch_size_per_learner=200",
    "algorithm.minibatch_size=100",
    "algorithm.num_epochs=1",
    "model.fcnet_hiddens=[8]",
    "stop.env_steps=10000000",
    "trusted=[odd_envs,rlexp,ray.rllib,callbacks,gymnasium]",
    "name=a",
)
LONG = ("evaluation=none", "algorithm.train_batch_size_per_learner=10000000")
EVALUATES = ("evaluation.evaluation_interval=1", "evaluation.max_episode_steps=null")
IMPORTABLE = os.pathsep.join([str(CHECKOUT), str(Path(__file__).parents[1] / "environment")])
LATE_S = 3.0
"""A second, and what saving and a busy machine take."""


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "environment"))


def stopped_after(
    train: Train, words: tuple[str, ...], mark: Path, base: tuple[str, ...] = SMALL
) -> tuple[float, Any]:
    """Trains, sends SIGTERM soon after `mark` is there; returns the seconds from there to the end."""
    sent, over = [], threading.Event()

    def send() -> None:
        end = time.monotonic() + 60
        while not (mark.exists() or over.is_set()) and time.monotonic() < end:
            time.sleep(0.02)
        if over.wait(0.2):
            return
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        outcome = train(*base, f"+env.config.mark={mark}", *words)
    finally:
        ended = time.monotonic()
        over.set()
        thread.join()
    return ended - sent[0], outcome


@pytest.mark.parametrize(
    "words",
    [
        ("fast=always", *EVALUATES),
        pytest.param(("fast=never", *EVALUATES), marks=pytest.mark.slow),
    ],
)
def test_an_evaluation_that_never_ends_is_broken_off(
    at_home: Path, train: Train, words: tuple[str, ...]
) -> None:
    folder = at_home / "runs" / "a"
    seconds, outcome = stopped_after(train, words, at_home / "mark")
    assert (outcome.status, outcome.summary["reason"]) == ("stopped", "SIGTERM") and seconds < LATE_S
    # What was trained before the evaluation is kept.
    assert records(folder)[-1]["env_steps"] >= 200 and "eval/return_mean" not in records(folder)[-1]
    assert outcome.summary["checkpoint"] == f"checkpoints/step_{records(folder)[-1]['env_steps']}"


@pytest.mark.parametrize(
    "words",
    [
        ("+env.config.step_s=0.002", "fast=always"),
        ("+env.config.step_s=30", "fast=always"),
        pytest.param(("+env.config.step_s=0.002", "fast=never"), marks=pytest.mark.slow),
        pytest.param(
            ("+env.config.step_s=30", "hardware.gym_env_vectorize_mode=async"), marks=pytest.mark.slow
        ),
        pytest.param(
            ("+env.config.step_s=0.01", "hardware.num_env_runners=1", "hardware.num_cpus_per_env_runner=0.5"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_long_sample_or_step_is_broken_off(at_home: Path, train: Train, words: tuple[str, ...]) -> None:
    folder = at_home / "runs" / "a"
    seconds, outcome = stopped_after(train, (*LONG, *words), at_home / "mark")
    assert (outcome.status, outcome.summary["reason"]) == ("stopped", "SIGTERM") and seconds < LATE_S
    assert records(folder) == [] and outcome.summary["checkpoint"] is None


def test_signals_that_an_environment_takes_are_taken_back(at_home: Path, train: Train) -> None:
    from rlexp.terminal.interrupt import interruptible

    with interruptible() as interrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        interrupt.rearm()
        assert signal.getsignal(signal.SIGINT) == interrupt.handle


FEW = ("algorithm.train_batch_size_per_learner=204", "evaluation=none")
UPDATES = ("algorithm.num_epochs=100000",)
REPLAYED = (
    "algorithm=sac",
    "algorithm.train_batch_size_per_learner=256",
    "algorithm.num_steps_sampled_before_learning_starts=200",
    "algorithm.rollout_fragment_length=200",
    "algorithm.training_intensity=100000",
    "hardware.num_envs_per_env_runner=1",
    "env.id=odd_envs.EndlessPush",
)
TWO = ("hardware.num_learners=2", "hardware.num_cpus_per_learner=0.5")
WITHOUT = ("algorithm.minibatch_size=100", "algorithm.num_epochs=1")
"""Of `SMALL`, what only PPO has."""


@pytest.mark.parametrize(
    "words",
    [
        (*UPDATES, "fast=always"),
        pytest.param((*UPDATES, "fast=never"), marks=pytest.mark.slow),
        pytest.param((*UPDATES, "fast=never", "hardware.num_learners=1"), marks=pytest.mark.slow),
        pytest.param((*UPDATES, "fast=never", *TWO), marks=pytest.mark.slow),
        pytest.param((*REPLAYED, "fast=always"), marks=pytest.mark.slow),
        pytest.param((*REPLAYED, "fast=never"), marks=pytest.mark.slow),
        pytest.param(("algorithm=appo", *UPDATES, "fast=always"), marks=pytest.mark.slow),
    ],
)
def test_updates_end_with_a_minibatch_and_the_iteration_counts(
    at_home: Path, train: Train, words: tuple[str, ...]
) -> None:
    import rlexp

    base = [word for word in SMALL if "algorithm=sac" not in words or word not in WITHOUT]
    folder = at_home / "runs" / "a"
    seconds, outcome = stopped_after(train, (*FEW, *words), at_home / "mark", base=tuple(base))
    assert (outcome.status, outcome.summary["reason"]) == ("stopped", "SIGTERM")
    # Two learners share two cores with this process; RLlib imports SciPy for the first sample from its replay.
    assert seconds < (10.0 if words[-2:] == TWO or words == (*REPLAYED, "fast=never") else LATE_S)
    last = records(folder)[-1]
    assert last["env_steps"] >= 200 and last["iteration"] == 1
    assert outcome.summary["checkpoint"] == f"checkpoints/step_{last['env_steps']}"
    again = (
        ["algorithm.num_epochs=1"] if "algorithm=sac" not in words else ["algorithm.training_intensity=null"]
    )
    outcome = rlexp.resume(folder, [*again, f"stop.env_steps={last['env_steps'] + 408}"])
    rows = records(folder)
    assert outcome.status == "done" and [row["iteration"] for row in rows] == list(range(1, len(rows) + 1))
    assert last["env_steps"] + 408 <= rows[-1]["env_steps"] < last["env_steps"] + 1000


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "times"), [((), 2), (("+env.config.times=1",), 1)])
def test_an_environment_that_catches_every_exception_cannot_keep_a_run_alive(
    tmp_path: Path, arguments: tuple[str, ...], times: int
) -> None:
    mark = tmp_path / "mark"
    words = (*SMALL, *LONG, *arguments, "env.id=odd_envs.Stubborn", f"+env.config.mark={mark}")
    with rlexp_child(*words, folder=tmp_path, PYTHONPATH=IMPORTABLE) as child:
        child.until(mark.exists)
        time.sleep(0.3)
        for _ in range(times):
            sent = time.monotonic()
            child.process.send_signal(signal.SIGINT)
            time.sleep(0.8)
        assert child.end(30) == 130, child.text
        assert time.monotonic() - sent < 6.0
    assert "ended by" in child.text
    folder = tmp_path / "runs" / "a"
    assert manifest(folder)["status"] == summary(folder)["status"] == "stopped"


SWEPT = (
    "-m",
    *SMALL[:-1],
    "seed=0,1",
    "sweep.name=s",
    "hardware=auto",
    "hardware.num_envs_per_env_runner=1",
    "checkpoint.every=null",
    "algorithm.train_batch_size_per_learner=100",
    "evaluation=none",
    "+env.config.step_s=0.3",
)
NAMES = ("000-seed=0", "001-seed=1")
"""Two trials whose second iteration takes half a minute."""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_trials_of_a_sweep_break_off_their_iteration(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "sweeps" / "s"
    with rlexp_child(*SWEPT, folder=tmp_path, PYTHONPATH=IMPORTABLE) as child:
        child.until(lambda: all(records(folder / "trials" / name) for name in NAMES))
        time.sleep(1.0)
        sent = time.monotonic()
        child.process.send_signal(number)
        assert child.end(60) == 130, child.text
        seconds = time.monotonic() - sent
    assert seconds < 10.0, seconds  # Of which Ray's end takes some.
    for name in NAMES:
        trial = folder / "trials" / name
        assert [row["env_steps"] for row in records(trial)] == [100]
        assert "step_100" in checkpoints(trial) and manifest(trial)["status"] == "stopped"
    # The first hundred steps of an environment take no time.
    code, text = run("resume", "sweeps/s", "stop.env_steps=200", folder=tmp_path, PYTHONPATH=IMPORTABLE)
    assert code == 0, text
    for name, trial in trials(folder).items():
        assert trial["status"] == "done", text
        rows = records(folder / "trials" / name)
        assert [row["env_steps"] for row in rows] == [100, 200]
        assert [row["iteration"] for row in rows] == [1, 2]
    assert json.loads((folder / "sweep.json").read_text())["status"] == "done"


@pytest.mark.slow
def test_trials_break_off_their_iteration_when_the_sweeps_time_is_over(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "s"
    with rlexp_child(*SWEPT, "sweep.wall_s=20", folder=tmp_path, PYTHONPATH=IMPORTABLE) as child:
        child.until(lambda: all(records(folder / "trials" / name) for name in NAMES))
        assert child.end(60) == 0, child.text
    for name in NAMES:
        trial = folder / "trials" / name
        assert [row["env_steps"] for row in records(trial)] == [100]
        assert "step_100" in checkpoints(trial) and manifest(trial)["status"] == "stopped"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("words", [("evaluation.max_episode_steps=null",), ("+env.config.step_s=30",)])
def test_an_evaluation_in_processes_of_its_own_is_broken_off(
    tmp_path: Path, number: signal.Signals, words: tuple[str, ...]
) -> None:
    folder, mark = tmp_path / "runs" / "a", tmp_path / "mark"
    apart = (
        *SMALL,
        "algorithm.train_batch_size_per_learner=100",
        "hardware.num_envs_per_env_runner=1",
        "evaluation.evaluation_interval=1",
        "evaluation.evaluation_num_env_runners=1",
        "evaluation.num_envs=1",
    )
    with rlexp_child(
        *apart, *words, f"+env.config.mark={mark}", folder=tmp_path, PYTHONPATH=IMPORTABLE
    ) as child:
        child.until(mark.exists)
        time.sleep(0.5)
        family, sent = child.family, time.monotonic()
        child.process.send_signal(number)
        assert child.end(60) == 130, child.text
        seconds = time.monotonic() - sent
        assert gone(family, 10) == []
    assert seconds < 8.0, seconds  # Of which Ray's end takes some.
    assert [row["env_steps"] for row in records(folder)] == [100]
    assert summary(folder)["checkpoint"] == "checkpoints/step_100"

"""Ctrl-C and SIGTERM are heard within a second or so, wherever a run is."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import records

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
LATE_S = 3.0
"""A second, and what saving and a busy machine take."""


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "environment"))


def stopped_after(train: Train, words: tuple[str, ...], mark: Path) -> tuple[float, Any]:
    """Trains, sends SIGTERM soon after `mark` is there; returns the seconds from there to the end."""
    sent = []

    def send() -> None:
        end = time.monotonic() + 60
        while not mark.exists() and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.2)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=send)
    thread.start()
    outcome = train(*SMALL, f"+env.config.mark={mark}", *words)
    ended = time.monotonic()
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

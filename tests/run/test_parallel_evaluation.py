"""Evaluation beside training: its metrics and training's are one logger's, and two threads write into it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from harness import tiny

PARALLEL = [
    "evaluation.evaluation_parallel_to_training=true",
    "evaluation.evaluation_num_env_runners=1",
    "evaluation.evaluation_interval=1",
    "evaluation.evaluation_duration=2",
    "tracking=none",
]


@pytest.fixture
def trainable(ray_session: None) -> Iterator[Any]:
    from rlexp.run.building.prepare import prepare
    from rlexp.run.trainable import RunTrainable

    made = RunTrainable(config={"prepared": prepare(tiny(*PARALLEL))})
    yield made
    made.stop()


@pytest.mark.slow
@pytest.mark.landing
def test_both_are_told_and_may_write_at_the_same_time(trainable: Any) -> None:
    for _ in range(3):
        record = trainable.step()
        assert record["eval/return_mean"] > 0 and record["train/return_mean"] > 0
    metrics, done = trainable.algorithm.metrics, threading.Event()

    def write() -> None:
        for at in range(3000):
            metrics.log_value(("written", str(at % 50), str(at)), 1.0)
        done.set()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        thread = threading.Thread(target=write)
        thread.start()
        while not done.is_set():
            metrics.peek()  # Walks through all entries, as at an iteration's end.
        thread.join()
    finally:
        sys.setswitchinterval(interval)

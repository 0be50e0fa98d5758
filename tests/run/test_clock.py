"""A run's time is the clock's, whoever spends it, and evaluation that takes the most of it is told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import train_tiny

from rlexp.run.bookkeeping.counters import CHECKPOINTS, EVALUATION, REST, SHARES, TRAINING, Clock
from rlexp.run.health import EvaluationCost
from rlexp.terminal.final_summary import closing_rows


def test_what_is_spent_and_the_rest_add_up_to_the_clocks_time() -> None:
    clock = Clock(since=time.monotonic() - 10.0)
    clock.add(TRAINING, 6.0)
    clock.add(EVALUATION, 2.0)
    with pytest.raises(ValueError), clock.of(CHECKPOINTS):
        raise ValueError
    shares = clock.shares()
    assert shares[REST] == pytest.approx(2.0, abs=0.1) and shares[CHECKPOINTS] > 0
    assert sum(shares.values()) == pytest.approx(clock.wall_s, abs=0.1) == pytest.approx(10.0, abs=0.1)


def test_a_resumed_run_goes_on_from_the_time_it_had() -> None:
    before = Clock(since=time.monotonic() - 10.0)
    before.add(EVALUATION, 2.0)
    after = Clock(since=time.monotonic() - 3.0)
    after.restore(json.loads(json.dumps(before.state())))
    assert after.wall_s == pytest.approx(13.0, abs=0.1) and after.spent[EVALUATION] == 2.0


def test_a_date_that_is_set_back_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "time", lambda: -1e9)
    with clock.of(TRAINING):
        pass
    assert 0 <= clock.spent[TRAINING] <= clock.wall_s < 60


def test_the_closing_table_says_what_the_time_was_spent_on() -> None:
    shares = dict(zip(SHARES, (50.0, 30.0, 5.0, 15.0), strict=True))
    rows = dict(closing_rows({"status": "done", "wall_s": 100.0, **shares}))
    assert rows["wall time"] == "100.0 s (training 50 %, evaluation 30 %, checkpoints 5 %, rest 15 %)"
    assert dict(closing_rows({"status": "done", "wall_s": 100.0}))["wall time"] == "100.0 s"


class Warned:
    """Evaluations that take `evaluation` seconds each, beside `training` seconds."""

    def __init__(self) -> None:
        self.clock, self.said = Clock(), list[str]()
        self.cost = EvaluationCost(self.clock, self.said.append)

    def evaluate(self, training: float, evaluation: float, env_steps: int) -> None:
        self.clock.add(TRAINING, training)
        self.clock.add(EVALUATION, evaluation)
        self.cost.on_record({"env_steps": env_steps, "iteration": 1, "perf/eval_s": evaluation})


def test_a_run_that_spends_more_on_evaluation_than_on_training_says_so_once_with_a_way_out() -> None:
    run = Warned()
    run.evaluate(3.0, 6.0, 500)
    assert run.said == []  # The first one alone: perhaps learning has not begun.
    run.evaluate(3.0, 6.0, 1000)
    run.evaluate(3.0, 6.0, 1500)
    (line,) = run.said
    assert "12 s against 6 s after 1,000 env steps" in line
    assert (
        "evaluation.evaluation_interval_env_steps=5000 " in line
    )  # 12 s become a fifth of 6 s: ten times rarer.


def test_a_run_that_trains_longer_or_hardly_evaluates_says_nothing() -> None:
    for training, evaluation in ((10.0, 9.0), (0.1, 0.2)):
        run = Warned()
        for step in (1, 2, 3):
            run.evaluate(training, evaluation, 100 * step)
        assert run.said == []


def test_the_summary_has_the_clocks_time_and_its_shares(tmp_path: Path) -> None:
    begin = time.monotonic()
    folder = train_tiny(["tracking=none", "evaluation.evaluation_interval=1"], tmp_path).folder
    elapsed = time.monotonic() - begin
    summary = json.loads((folder / "summary.json").read_text())
    shares: Callable[[str], Any] = summary.get
    assert summary["wall_s"] == pytest.approx(sum(shares(name) for name in SHARES), abs=0.05)
    assert min(shares(name) for name in SHARES) > 0 and summary["wall_s"] <= elapsed

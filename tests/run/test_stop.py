"""When a run has had enough, and what of that survives a resume."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rlexp.base.errors import ConfigError
from rlexp.config.schema import AllOf, Plateau, Stop
from rlexp.run.stopping.stop_rules import Bound, StopRules


def record(**values: Any) -> dict[str, Any]:
    return {"env_steps": 0, "iteration": 0, "perf/wall_s": 0.0, **values}


@pytest.mark.parametrize(
    ("stop", "spent", "reason", "more"),
    [
        (Stop(env_steps=100), {"env_steps": 100}, "100 env steps", "stop.env_steps=200"),
        (Stop(iterations=3), {"iteration": 3}, "3 iterations", "stop.iterations=6"),
        (Stop(wall_s=1.5), {"perf/wall_s": 1.6}, "1.5 s", "stop.wall_s=4"),
        (Stop(metric={"m": 5}), {"m": 5.0}, "m >= 5", "stop.metric=null"),
        (Stop(metric={"m": "<0.1"}), {"m": 0.05}, "m < 0.1", "stop.metric=null"),
    ],
)
def test_each_rule_says_why_and_what_lets_it_go_on(
    stop: Stop, spent: dict[str, Any], reason: str, more: str
) -> None:
    rules = StopRules(stop)
    assert rules.update(record()) is None
    assert rules.update(record(**spent)) == rules.holds(record(**spent)) == reason
    assert rules.more(record(**spent)) == more


@pytest.mark.parametrize("value", [math.nan, None, "5"])
def test_what_is_no_number_reaches_no_bound(value: Any) -> None:
    assert StopRules(Stop(metric={"m": "<=5"})).update(record(m=value)) is None


@pytest.mark.parametrize("text", ["fast", "=>5", "5 6", ""])
def test_what_is_no_bound_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError, match=r"stop\.metric\.m.*neither a number nor a bound"):
        Bound.parse("m", text)


def plateau(patience: int = 2, **rule: Any) -> StopRules:
    return StopRules(Stop(plateau=Plateau(metric="m", patience=patience, **rule)))


def reasons(rules: StopRules, values: list[Any]) -> list[bool]:
    return [rules.update(record(**({} if v is None else {"m": v}))) is not None for v in values]


def test_a_plateau_counts_reports_without_progress() -> None:
    assert reasons(plateau(), [1, 2, 2, None, math.nan, 1]) == [False, False, False, False, False, True]
    assert reasons(plateau(mode="min"), [3, 2, 1, 1, 1]) == [False, False, False, False, True]
    assert reasons(plateau(min_delta=0.5), [1, 1.4, 1.5]) == [False, False, True]


def test_a_plateau_goes_on_where_it_stood() -> None:
    before = plateau(patience=3)
    reasons(before, [5, 4, 4])
    after = plateau(patience=3)
    after.restore(before.state())
    assert reasons(after, [5]) == [True]
    other = StopRules(Stop(plateau=Plateau(metric="n", patience=3)))
    other.restore(before.state())
    assert other.plateau is not None and other.plateau.best == -math.inf, "another metric has another best"


def test_a_last_evaluation_is_counted_once() -> None:
    rules = StopRules(Stop(plateau=Plateau(metric="eval/m", patience=2)))
    rules.update(record(**{"eval/m": 1}))
    rules.update(record())
    rules.observe({"eval/m": 1}, names=("eval/",))
    assert rules.plateau is not None and rules.plateau.reports_since_best == 1
    trained = StopRules(Stop(plateau=Plateau(metric="train/m", patience=2)))
    trained.observe({"train/m": 1}, names=("eval/",))
    assert trained.plateau is not None and trained.plateau.best == -math.inf


BOTH = Stop(env_steps=1000, all_of=AllOf(env_steps=100, metric={"eval/m": 5, "train/m": "<=2"}))


def test_rules_that_must_hold_at_once_end_a_run_when_the_last_one_does() -> None:
    rules = StopRules(BOTH)
    assert rules.update(record(env_steps=50, **{"eval/m": 9, "train/m": 1})) is None, "too few steps"
    assert rules.update(record(env_steps=120, **{"train/m": 3})) is None
    reason = rules.update(record(env_steps=140, **{"train/m": 2}))
    assert reason == "env_steps >= 100 and eval/m >= 5 and train/m <= 2", (
        "an evaluation stays until the next one"
    )
    assert rules.more(record(env_steps=140, **{"train/m": 2})) == "stop.all_of=null"
    assert rules.metrics() == {n: f"stop.all_of.metric.{n}" for n in ("eval/m", "train/m")}
    assert StopRules(BOTH).update(record(env_steps=1000)) == "1,000 env steps", (
        "any of the others ends it alone"
    )


def test_last_values_survive_a_resume_unless_nobody_reads_them_any_more() -> None:
    before = StopRules(BOTH)
    before.update(record(env_steps=50, **{"eval/m": 9}))
    after = StopRules(BOTH)
    after.restore(before.state())
    assert after.update(record(env_steps=120, **{"train/m": 1})) is not None
    other = StopRules(Stop(all_of=AllOf(metric={"train/m": 1})))
    other.restore(before.state())
    assert other.state() == {}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (True, "mine.solved"),
        ("enough", "enough"),
        (False, None),
        (None, None),
        ("", None),
        (np.True_, "mine.solved"),
    ],
)
def test_a_function_ends_a_run_by_true_or_by_a_reason(said: Any, reason: str | None) -> None:
    spec = {"_target_": "mine.solved"}
    rules = StopRules(Stop(function=spec), lambda record: said)
    assert rules.update(record()) == reason
    again = StopRules(Stop(function=spec))
    again.restore(rules.state())
    assert again.holds(record()) == reason, "a run that is resumed is done"
    assert rules.more(record()) == ("stop.function=null" if reason else "stop.plateau=null")
    without = StopRules(Stop())
    without.restore(rules.state())
    assert without.holds(record()) is None

"""When a run has had enough: steps, iterations, time, a metric's bound, or no progress."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.headline_metrics import WALL_S
from rlexp.config.callables.targets import TARGET
from rlexp.config.schema import AllOf, Plateau, Stop

StopFunction = Callable[[Mapping[str, Any]], Any]
"""Of a record; true or a text (why) ends the run."""
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_BOUND = re.compile(r"^\s*(<=|>=|<|>)?\s*(\S+)\s*$")


@dataclass(frozen=True)
class Bound:
    """A threshold on a metric; a bare number means "reach it from below"."""

    metric: str
    sign: str
    value: float

    @classmethod
    def parse(cls, metric: str, text: float | str, place: str = "stop.metric") -> Bound:
        """Reads `450`, `">=450"` or `"<0.1"`; anything else is a `ConfigError` of the key `place`."""
        match = _BOUND.match(str(text))
        try:
            if match:
                return cls(metric, match[1] or ">=", float(match[2]))
        except ValueError:
            pass
        raise ConfigError(
            f"{place}.{metric}: {text!r} is neither a number nor a bound",
            key=f"{place}.{metric}",
            fix=f"'{place}={{{metric}: 450}}' or '<=0.1'",
        )

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether the record has the metric and it is within the bound; NaN never is."""
        value = record.get(self.metric)
        return isinstance(value, (int, float)) and _OPERATORS[self.sign](value, self.value)


@dataclass
class PlateauWatch:
    """Counts the reports of a metric since it was last better by `min_delta`."""

    rule: Plateau
    best: float = -math.inf
    reports_since_best: int = 0

    @property
    def stuck(self) -> bool:
        """Whether the metric has gone `patience` reports without progress."""
        return self.reports_since_best >= self.rule.patience

    def update(self, record: Mapping[str, Any]) -> bool:
        """Counts a report, if `record` has the metric; returns `stuck`."""
        value = record.get(self.rule.metric)
        if isinstance(value, (int, float)) and not math.isnan(value):
            gain = -value if self.rule.mode == "min" else value
            if gain > self.best + self.rule.min_delta:
                self.best, self.reports_since_best = gain, 0
            else:
                self.reports_since_best += 1
        return self.stuck


class LatestValues:
    """The last value of each metric that rules of different rhythms read: an evaluation's stays until the next one."""

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self.values: dict[str, float] = {}

    def take_in(self, record: Mapping[str, Any]) -> None:
        """Remembers what `record` has of them."""
        self.values |= {name: record[name] for name in self._names if name in record}

    def over(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A record, completed by what came before it."""
        return {**self.values, **record}

    def restore(self, values: Mapping[str, float]) -> None:
        """Goes on from `values`; metrics that no rule reads any more are forgotten."""
        self.values = {name: value for name, value in values.items() if name in self._names}


@dataclass
class StopRules:
    """All stop rules of a run; `update` once per iteration.

    Attributes:
        function: what `rules.function` names; None where it is not to be called.
        bounds_together: those of `rules.all_of`.
    """

    rules: Stop
    function: StopFunction | None = None
    bounds: list[Bound] = field(init=False)
    bounds_together: list[Bound] = field(init=False)
    plateau: PlateauWatch | None = field(init=False)

    def __post_init__(self) -> None:
        self.bounds = [Bound.parse(name, value) for name, value in (self.rules.metric or {}).items()]
        self.plateau = PlateauWatch(self.rules.plateau) if self.rules.plateau else None
        together = (self.rules.all_of.metric if self.rules.all_of else None) or {}
        self.bounds_together = [Bound.parse(n, value, "stop.all_of.metric") for n, value in together.items()]
        self._latest = LatestValues({bound.metric for bound in self.bounds_together})
        self._said: str | None = None

    @property
    def asked_together(self) -> int:
        """How many conditions `all_of` has."""
        rules = self.rules.all_of or AllOf()
        budgets = (rules.env_steps, rules.iterations, rules.wall_s)
        return sum(budget is not None for budget in budgets) + len(self.bounds_together)

    def update(self, record: Mapping[str, Any]) -> str | None:
        """Takes in an iteration; the reason to stop after it, or None."""
        self.observe(record)
        if self.function is not None and self.rules.function is not None:
            self._said = reason_of(self.function, record, str(self.rules.function[TARGET]))
        return self.holds(record)

    def observe(self, record: Mapping[str, Any], names: tuple[str, ...] = ("",)) -> None:
        """Counts a plateau's reports among the metrics whose name starts with one of `names`; remembers last values."""
        self._latest.take_in(record)
        if self.plateau is not None and self.plateau.rule.metric.startswith(names):
            self.plateau.update(record)

    def holds(self, record: Mapping[str, Any]) -> str | None:
        """The reason to stop, judged by `record` and the plateau so far; counts nothing."""
        if reason := self.budget_spent(record):
            return reason
        for bound in self.bounds:
            if bound.holds(record):
                return f"{bound.metric} {bound.sign} {bound.value:g}"
        if self.plateau is not None and self.plateau.stuck:
            return f"{self.plateau.rule.metric} has not improved for {self.plateau.rule.patience} reports"
        return self._said or self._together(record)

    def _together(self, record: Mapping[str, Any]) -> str | None:
        rules, now = self.rules.all_of, self._latest.over(record)
        if rules is None:
            return None
        budgets = {"env_steps": rules.env_steps, "iteration": rules.iterations, WALL_S: rules.wall_s}
        asked = {name: budget for name, budget in budgets.items() if budget is not None}
        spent = all(now[name] >= budget for name, budget in asked.items())
        if not spent or not all(bound.holds(now) for bound in self.bounds_together):
            return None
        reached = [f"{name} >= {budget:,g}" for name, budget in asked.items()]
        return " and ".join([*reached, *(f"{b.metric} {b.sign} {b.value:g}" for b in self.bounds_together)])

    def more(self, record: Mapping[str, Any]) -> str:
        """The overrides that let a run that ended with `record` go on: every rule that holds, loosened."""
        rules, loosened = self.rules, []
        if rules.env_steps is not None and record["env_steps"] >= rules.env_steps:
            loosened.append(f"stop.env_steps={2 * int(record['env_steps'])}")
        if rules.iterations is not None and record["iteration"] >= rules.iterations:
            loosened.append(f"stop.iterations={2 * int(record['iteration'])}")
        if rules.wall_s is not None and record[WALL_S] >= rules.wall_s:
            loosened.append(f"stop.wall_s={math.ceil(2 * record['perf/wall_s'])}")
        if any(bound.holds(record) for bound in self.bounds):
            loosened.append("stop.metric=null")
        if self._said is not None:
            loosened.append("stop.function=null")
        if self._together(record) is not None:
            loosened.append("stop.all_of=null")
        return " ".join(loosened or ["stop.plateau=null"])

    def budget_spent(self, record: Mapping[str, Any]) -> str | None:
        """The budget (steps, iterations, seconds) that is used up, or None."""
        rules = self.rules
        if rules.env_steps is not None and record["env_steps"] >= rules.env_steps:
            return f"{rules.env_steps:,} env steps"
        if rules.iterations is not None and record["iteration"] >= rules.iterations:
            return f"{rules.iterations:,} iterations"
        if rules.wall_s is not None and record[WALL_S] >= rules.wall_s:
            return f"{rules.wall_s:g} s"
        return None

    def metrics(self) -> dict[str, str]:
        """The metrics that the rules read, each with its config key."""
        names = {b.metric: f"stop.metric.{b.metric}" for b in self.bounds}
        names |= {b.metric: f"stop.all_of.metric.{b.metric}" for b in self.bounds_together}
        if self.plateau:
            names[self.plateau.rule.metric] = "stop.plateau.metric"
        return names

    def state(self) -> dict[str, Any]:
        """What must survive a resume."""
        watch, state = self.plateau, dict[str, Any]()
        if watch is not None:
            state |= {"metric": watch.rule.metric, "best": watch.best, "since": watch.reports_since_best}
        if self._latest.values:
            state["latest"] = dict(self._latest.values)
        if self._said is not None:
            state["function"] = {"spec": self.rules.function, "reason": self._said}
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes up a plateau's count and a function's word where they stood, unless they were of others."""
        self._latest.restore(state.get("latest", {}))
        said = state.get("function", {})
        self._said = said.get("reason") if said.get("spec") == self.rules.function else None
        if self.plateau and state.get("metric") == self.plateau.rule.metric:
            self.plateau.best, self.plateau.reports_since_best = state["best"], state["since"]


def reason_of(function: StopFunction, record: Mapping[str, Any], name: str) -> str | None:
    """Why a function ends the run after an iteration, or None.

    Args:
        function: is shown a copy.
        record: of the iteration.
        name: the function's import path, which is the reason where it gives none.
    """
    said = function(dict(record))
    if isinstance(said, str):
        return said or None
    return name if said is not None and bool(said) else None

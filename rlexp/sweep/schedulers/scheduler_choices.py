"""Schedulers: which trials are stopped early, paused, or go on from another's state. Ray Tune's own, by env steps.

`build` imports Ray Tune; the rest does not.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.callables.annotations import describe, matches
from rlexp.sweep.schedulers.population import Pb2, Pbt
from rlexp.sweep.space.search_space import Space
from rlexp.sweep.trials.trial_task import SCHEDULER, SCORE, SHARE, TIME

if TYPE_CHECKING:
    from ray.tune.schedulers import TrialScheduler


@dataclass(frozen=True)
class Asha:
    """Asynchronous successive halving (Li et al. 2020): at each rung only the best 1 / reduction_factor go on."""

    name: str = "asha"
    grace_steps: int | None = None
    reduction_factor: float = 3.0
    brackets: int = 1
    replays: ClassVar[bool] = True
    pauses: ClassVar[bool] = False
    groups_seeds: ClassVar[bool] = True

    def build(self, mode: str, budget: int, space: Space) -> TrialScheduler:
        """Ray Tune's."""
        from ray.tune.schedulers import AsyncHyperBandScheduler

        grace = self._grace(budget)
        return AsyncHyperBandScheduler(
            time_attr=TIME,
            metric=SCORE,
            mode=mode,
            max_t=budget,
            grace_period=grace,
            reduction_factor=self.reduction_factor,
            brackets=self.brackets,
            stop_last_trials=False,  # Trials end by their own stop rules.
        )

    def milestones(self, budget: int) -> list[int]:
        """Env steps at which trials are compared, rising: the first bracket's rungs."""
        milestones, step = [], float(self._grace(budget))
        while step < budget:
            milestones.append(math.ceil(step))
            step *= self.reduction_factor
        return milestones

    def _grace(self, budget: int) -> int:
        grace = self.grace_steps or max(1, round(budget / self.reduction_factor**2))
        if not 0 < grace < budget:
            fix = f"{SCHEDULER}.grace_steps={budget // 9}"
            raise ConfigError(
                f"{SCHEDULER}.grace_steps={grace} is not below stop.env_steps={budget}",
                key=SCHEDULER,
                fix=fix,
            )
        return grace


@dataclass(frozen=True)
class Hyperband:
    """Hyperband (Li et al. 2018): brackets of trials that wait for each other at every rung; paused ones are saved."""

    name: str = "hyperband"
    reduction_factor: float = 3.0
    rungs: int = 2
    replays: ClassVar[bool] = False
    pauses: ClassVar[bool] = True
    groups_seeds: ClassVar[bool] = False

    @property
    def units(self) -> int:
        """The budget in units of the first rung."""
        return round(self.reduction_factor**self.rungs)

    def build(self, mode: str, budget: int, space: Space) -> TrialScheduler:
        """Ray Tune's."""
        from ray.tune.schedulers import HyperBandScheduler

        return HyperBandScheduler(
            time_attr=SHARE,
            metric=SCORE,
            mode=mode,
            max_t=self.units,
            reduction_factor=self.reduction_factor,
            stop_last_trials=False,
        )

    def milestones(self, budget: int) -> list[int]:
        """Env steps at which trials wait for each other, rising."""
        units = [int(self.reduction_factor**rung) for rung in range(self.rungs)]
        return [math.ceil(unit * budget / self.units) for unit in units]


@dataclass(frozen=True)
class Median:
    """The median rule (Golovin et al. 2017): a trial whose best so far is below the others' median of means stops."""

    name: str = "median"
    grace_steps: int | None = None
    min_trials: int = 3
    replays: ClassVar[bool] = True
    pauses: ClassVar[bool] = False
    groups_seeds: ClassVar[bool] = True

    def build(self, mode: str, budget: int, space: Space) -> TrialScheduler:
        """Ray Tune's."""
        from ray.tune.schedulers import MedianStoppingRule

        return MedianStoppingRule(
            time_attr=TIME,
            metric=SCORE,
            mode=mode,
            grace_period=self.grace_steps or budget // 4,
            min_samples_required=self.min_trials,
        )

    def milestones(self, budget: int) -> list[int]:
        """Env steps, rising, at which every trial has a score; at them the seeds of a point are compared as one."""
        grace = self.grace_steps or max(1, budget // 4)
        return list(range(grace, budget, grace))


# `replays`: a sweep that goes on shows the scheduler what was reported before; the others begin with what still runs.
# `pauses`: trials wait for each other. `together`: can judge the seeds of a point as one. `milestones`: env steps at
# which trials evaluate and report, whatever their interval.
SCHEDULERS: dict[str, type[Any]] = {cls.name: cls for cls in (Asha, Hyperband, Median, Pbt, Pb2)}
SchedulerSettings = Any
"""One of `SCHEDULERS`, or None."""


def scheduler_of(plain: Mapping[str, Any]) -> SchedulerSettings:
    """The scheduler of `sweep.scheduler`; None for none.

    Raises:
        ConfigError: an unknown name or key, a wrong type or value.
    """
    name, given = plain.get("name", "none"), {k: v for k, v in plain.items() if k != "name"}
    if name == "none" and not given:
        return None
    known = [*SCHEDULERS, "none"]
    if name not in SCHEDULERS:
        near = nearest(str(name), known)
        fix = f"{SCHEDULER}.name={(near or known)[0]}" if name != "none" else f"sweep={known[0]}"
        message = f"{SCHEDULER}.name must be one of {', '.join(known)}, not {name}"
        if name == "none":
            message = f"{SCHEDULER}.{next(iter(given))} has no effect without a scheduler"
        raise ConfigError(message, key=f"{SCHEDULER}.name", suggestions=near, fix=fix)
    kind = SCHEDULERS[name]
    types = {field.name: str(field.type) for field in dataclasses.fields(kind)}
    for key, value in given.items():
        if key not in types:
            near = nearest(key, list(types))
            raise ConfigError(
                f"{SCHEDULER}.{key}: {name} has {', '.join(types)}",
                key=f"{SCHEDULER}.{key}",
                suggestions=[f"{SCHEDULER}.{each}" for each in near],
            )
        if not matches(types[key], value):
            raise ConfigError(
                f"{SCHEDULER}.{key} must be {describe(types[key])}, not {value!r}", key=f"{SCHEDULER}.{key}"
            )
    scheduler = kind(**given)
    _check_ranges(scheduler)
    return scheduler


_RANGES: dict[str, tuple[float, float]] = {
    "grace_steps": (1, math.inf),
    "perturb_steps": (1, math.inf),
    "reduction_factor": (1.5, math.inf),
    "brackets": (1, 10),
    "rungs": (1, 6),
    "min_trials": (1, math.inf),
    "quantile": (1e-6, 0.5),
    "resample": (0.0, 1.0),
}


def _check_ranges(scheduler: SchedulerSettings) -> None:
    for key, (low, high) in _RANGES.items():
        value = getattr(scheduler, key, None)
        if value is not None and not low <= value <= high:
            raise ConfigError(
                f"{SCHEDULER}.{key} must be from {low:g} to {high:g}, not {value:g}", key=f"{SCHEDULER}.{key}"
            )


def check_budget(scheduler: SchedulerSettings, budgets: Sequence[int | None]) -> int | None:
    """The trials' common budget of env steps, which schedulers measure time by.

    Raises:
        ConfigError: they have none, or not the same.
    """
    if scheduler is None:
        return None
    if len(set(budgets)) != 1 or budgets[0] is None:
        problem = "there is none" if set(budgets) == {None} else "they differ"
        raise ConfigError(
            f"{SCHEDULER}.name={scheduler.name} compares trials by env steps of one budget, and {problem}",
            key="stop.env_steps",
            fix="stop.env_steps=100000",
        )
    return budgets[0]


def perturbed(scheduler: SchedulerSettings, space: Space) -> list[str]:
    """The keys whose values the scheduler changes in trials that train.

    Raises:
        ConfigError: what the space varies cannot be changed so.
    """
    return scheduler.perturbed(space) if isinstance(scheduler, (Pbt, Pb2)) else []


def clones(plain: Mapping[str, Any]) -> bool:
    """Whether the scheduler of `sweep.scheduler` changes trials that train, so that equal ones become different."""
    return isinstance(scheduler_of(plain), (Pbt, Pb2))

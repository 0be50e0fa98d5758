"""Schedulers with a population, whose poor trials go on from good ones' states: what they draw and perturb.

`build` imports Ray Tune; the rest does not.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rlexp.base.errors import ConfigError
from rlexp.config.composition.override_syntax import value_of
from rlexp.sweep.space.search_space import Interval, Listed, Space
from rlexp.sweep.trials.trial import SEED
from rlexp.sweep.trials.trial_task import SCHEDULER, SCORE, TIME, VALUES

if TYPE_CHECKING:
    from ray.tune.schedulers import TrialScheduler

STEPS = 20
"""Into so many a scale is divided whose values cannot be multiplied."""


@dataclass(frozen=True)
class _Population:
    """What populations have in common; their trials wait for each other, so fewer processes treat them alike, too."""

    name: str
    perturb_steps: int | None = None
    quantile: float = 0.25
    replays: ClassVar[bool] = False
    pauses: ClassVar[bool] = True
    groups_seeds: ClassVar[bool] = False

    def _common(self, mode: str, budget: int) -> dict[str, Any]:
        return {
            "time_attr": TIME,
            "metric": SCORE,
            "mode": mode,
            "perturbation_interval": self._every(budget),
            "quantile_fraction": self.quantile,
            "synch": True,
            "log_config": False,
        }

    def milestones(self, budget: int) -> list[int]:
        """Env steps at which trials are compared and perturbed, rising."""
        every = self._every(budget)
        return list(range(every, budget, every))

    def _every(self, budget: int) -> int:
        return self.perturb_steps or max(1, budget // 10)

    def perturbed(self, space: Space) -> list[str]:
        """The keys whose values change in trials that train.

        Raises:
            ConfigError: there is none, or a group is among them, which cannot.
        """
        keys = [key for dimension in space.dimensions for key in dimension.keys if key != SEED]
        if not keys:
            raise ConfigError(
                f"{SCHEDULER}.name={self.name} perturbs what the sweep varies, and nothing is",
                key=SCHEDULER,
                fix="'algorithm.lr=tag(log,interval(1e-5,1e-2))'",
            )
        groups = [key for key in keys if "." not in key]
        if groups:
            raise ConfigError(
                f"{SCHEDULER}.name={self.name} cannot change {groups[0]} in a trial that trains; it perturbs single "
                "values",
                key=groups[0],
                fix="a sweep for each choice",
            )
        return keys


@dataclass(frozen=True)
class Pbt(_Population):
    """Population based training (Jaderberg et al. 2017): poor trials go on from good ones' states, values perturbed."""

    name: str = "pbt"
    resample: float = 0.25

    def build(self, mode: str, budget: int, space: Space) -> TrialScheduler:
        """Ray Tune's."""
        from ray.tune.schedulers import PopulationBasedTraining

        return PopulationBasedTraining(
            **self._common(mode, budget),
            hyperparam_mutations={VALUES: mutations(space)},
            custom_explore_fn=clip_to_intervals(space),
            resample_probability=self.resample,
        )


@dataclass(frozen=True)
class Pb2(_Population):
    """Population based bandits (Parker-Holder et al. 2020): as PBT, values chosen by a model of what raised scores."""

    name: str = "pb2"

    def build(self, mode: str, budget: int, space: Space) -> TrialScheduler:
        """See `rlexp.sweep.schedulers.pb2`.

        Raises:
            ConfigError: scikit-learn is not installed.
        """
        try:
            import sklearn  # noqa: F401
        except ImportError:
            raise ConfigError(
                f"{SCHEDULER}.name=pb2 needs scikit-learn, which is not installed",
                key=f"{SCHEDULER}.name",
                fix="pip install 'rlexp[pb2]'",
            ) from None
        from rlexp.sweep.schedulers.pb2 import IntervalPB2

        return IntervalPB2(space, **self._common(mode, budget))

    def perturbed(self, space: Space) -> list[str]:
        """See `_Population`; lists have no scale on which a model could know near from far."""
        keys = super().perturbed(space)
        lists = [d for d in space.dimensions if isinstance(d, Listed) and d.keys[0] in keys]
        if lists:
            key = lists[0].keys[0]
            raise ConfigError(
                f"{SCHEDULER}.name=pb2 chooses from intervals, and {key} is a list",
                key=key,
                fix="sweep=pbt, or interval(low,high)",
            )
        return keys


def mutations(space: Space) -> dict[str, Any]:
    """What PBT draws and perturbs by: lists are walked, other values multiplied by 0.8 or 1.2."""
    mutated: dict[str, Any] = {}
    for dimension in space.dimensions:
        if isinstance(dimension, Listed):
            for key in dimension.keys:
                if key != SEED:
                    mutated[key] = list(dict.fromkeys(value_of(point[key]) for point in dimension.values()))
        elif isinstance(dimension, Interval):
            mutated[dimension.key] = _values_or_sampler(dimension)
    return mutated


def _values_or_sampler(interval: Interval) -> list[Any] | Callable[[], Any]:
    if interval.scale == "pow2":
        return [value_of(point[interval.key]) for point in interval.values()]
    if interval.scale == "one_minus":
        # Multiplied itself, a discount would leave its range: it walks along its scale.
        return [value_of(interval.at(step / STEPS)[interval.key]) for step in range(STEPS + 1)]
    return lambda: value_of(interval.at(random.random())[interval.key])


def clip_to_intervals(space: Space) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Keeps perturbed values in their intervals."""
    intervals = {d.key: d for d in space.dimensions if isinstance(d, Interval)}

    def clipped(config: dict[str, Any]) -> dict[str, Any]:
        values = dict(config[VALUES])
        for key, interval in intervals.items():
            value = min(max(values[key], interval.low), interval.high)
            values[key] = round(value) if interval.whole or interval.scale == "pow2" else float(value)
        return {**config, VALUES: values}

    return clipped

"""Self-paced learning: a normal distribution of tasks that goes to a target as fast as the agent's score allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.curriculum.teachers.parts.gaussian import Normal, Truncated
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY, integer, number, positive, reachable
from rlexp.curriculum.teachers.parts.unit_box import Floats, UnitBox
from rlexp.curriculum.teachers.spdl_step import SPDLStep, minimizer
from rlexp.environment.tasks.directive import Directive
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress, measured
from rlexp.environment.tasks.space import TaskSpace


class SPDL:
    """Draws tasks from a normal distribution and moves it towards a target distribution.

    After every `episodes` episodes drawn from the present distribution p, the next one p' solves

        min KL(p' || target)   subject to   E_p'[score] >= v_lb   and   KL(p' || p) <= max_kl,

    with E_p' estimated by importance weights from those episodes' scores. Until the mean score has once reached
    `v_lb`, p' maximises E_p'[score] instead, within the same max_kl; if later the episodes promise `v_lb` nowhere
    within max_kl, p stays. Far from the target, standard deviations keep a floor, lest p shrinks
    to the target's width on its way and sees nothing around it. Draws outside the space are drawn again.
    Episodes drawn from earlier distributions, and scores that are NaN, do not count.

    Source: Klink et al. 2021, "A probabilistic interpretation of self-paced learning with applications to
    reinforcement learning", section 4, with episodes' scores in place of a critic's values.

    Args:
        space: of numbers.
        seed: not used: env runners draw.
        target: {mean, std}, each a number for every parameter: a list in the space's order, or by name, or one
            number for a space of one. In the parameters' own units; of a `log_box`, the std is that of the natural
            logarithm. Parameters with one value only are left out.
        initial: the same for the first distribution; None takes the middle of the space and the standard
            deviation of a uniform distribution on it.
        v_lb: mean score to keep, in the score's unit.
        max_kl: most that one step changes the distribution, in nats.
        episodes: of the present distribution, between two steps.
        covariance: `diagonal`, or `full` to let parameters be correlated.
        std_floor: least standard deviation far from the target, as a share of a parameter's range.
        floor_kl: KL to the target, in nats, down to which the floor holds; None takes that of a distribution of
            the floor's width which is 1.5 floors off the target in each parameter.
        measure: what the score is, `curriculum.measure`, so that scores it can never reach are refused.

    Raises:
        ConfigError: an argument or the space does not fit, or scipy is not installed.
    """

    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        target: Mapping[str, Any],
        initial: Mapping[str, Any] | None = None,
        v_lb: float = 0.5,
        max_kl: float = 0.05,
        episodes: int = 100,
        covariance: str = "diagonal",
        std_floor: float = 0.025,
        floor_kl: float | None = None,
        measure: str | None = None,
    ) -> None:
        self._box = UnitBox(space, "SPDL")
        self._target = _normal(self._box, target, "target")
        if initial is None:
            width = len(self._box.names)
            self._now = Normal(np.full(width, 0.5), np.eye(width) / np.sqrt(12.0))
        else:
            self._now = _normal(self._box, initial, "initial")
        self._v_lb = reachable("v_lb", v_lb, 0.5, measure)
        self._max_kl = positive("max_kl", max_kl, 0.05)
        self._episodes = integer("episodes", episodes, 100, low=2)
        if covariance not in ("diagonal", "full"):
            key = f"{KEY}.covariance"
            near = nearest(str(covariance), ["diagonal", "full"])
            raise ConfigError(
                f"{key} must be diagonal or full, not {covariance!r}",
                key=key,
                suggestions=near,
                fix=f"{key}=diagonal",
            )
        self._full = covariance == "full"
        self._floor = np.full(len(self._box.names), number("std_floor", std_floor, 0.025, 0.0, 1.0))
        default = _floor_kl(self._target, self._floor) if std_floor else 0.0
        self._floor_kl = default if floor_kl is None else number("floor_kl", floor_kl, 8000.0, low=0.0)
        minimizer()
        self._number, self._reached, self._performance = 0, False, float("nan")
        self._points, self._scores = np.zeros((0, len(self._box.names))), np.zeros(0)

    @property
    def complete(self) -> bool:
        """Whether the target is within one step: KL(p || target) <= max_kl."""
        return self._now.divergence(self._target) <= self._max_kl

    def directive(self) -> Directive:
        """The present distribution."""
        return Truncated(self._box, self._now, self._number)

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Collects episodes of the present distribution and takes a step when there are enough."""
        ours = [outcome for outcome in measured(outcomes) if outcome.tag == self._number]
        if not ours:
            return False
        self._points = np.concatenate([self._points, self._box.points(ours)])
        self._scores = np.concatenate([self._scores, [outcome.score for outcome in ours]])
        return len(self._scores) >= self._episodes and self._step()

    def _step(self) -> bool:
        self._performance = float(self._scores.mean())
        self._reached = self._reached or self._performance >= self._v_lb
        away = self._now.divergence(self._target)
        floor = self._floor if away > self._floor_kl else np.zeros_like(self._floor)
        step = SPDLStep(self._now, self._points, self._scores, self._max_kl, floor, self._full)
        moved = step.towards(self._target, self._v_lb) if self._reached else step.best()
        self._points, self._scores = self._points[:0], self._scores[:0]
        if moved.divergence(self._now) < 1e-9:
            return False
        self._now, self._number = moved, self._number + 1
        return True

    def metrics(self) -> dict[str, float]:
        """KL to the target in nats, whether `v_lb` was reached, the last mean score; mean and std by parameter."""
        names, units = self._box.names, self._box.spans()
        means = zip(names, self._box.values(self._now.mean), strict=True)
        stds = zip(names, self._now.std * units, strict=True)
        metrics = {"kl_target": self._now.divergence(self._target), "reached": float(self._reached)}
        if np.isfinite(self._performance):
            metrics["performance"] = self._performance
        metrics |= {f"mean/{name}": float(value) for name, value in means}
        return metrics | {f"std/{name}": float(value) for name, value in stds}

    def state_dict(self) -> dict[str, Any]:
        """The distribution and the episodes since the last step."""
        return {
            "mean": self._now.mean.copy(),
            "root": self._now.root.copy(),
            "points": self._points.copy(),
            "scores": self._scores.copy(),
            "number": self._number,
            "reached": self._reached,
            "performance": self._performance,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with that distribution."""
        self._now = Normal(np.array(state["mean"]), np.array(state["root"]))
        self._points, self._scores = np.array(state["points"]), np.array(state["scores"])
        self._number, self._reached = int(state["number"]), bool(state["reached"])
        self._performance = float(state["performance"])


def _floor_kl(target: Normal, floor: Floats) -> float:
    return Normal(target.mean + 1.5 * floor, np.diag(floor)).divergence(target)


def _normal(box: UnitBox, spec: Any, name: str) -> Normal:
    """The distribution from {mean, std} in the parameters' units."""
    key = f"{KEY}.{name}"
    if not isinstance(spec, Mapping) or set(spec) != {"mean", "std"}:
        example = f"{key}: {{mean: [0, 1], std: [1, 1]}}"
        raise ConfigError(f"{key} must be {{mean, std}}, not {spec!r}", key=key, fix=example)
    mean, std = (_by_parameter(box.names, spec[part], f"{name}.{part}") for part in ("mean", "std"))
    for parameter, value, low, high in zip(box.names, mean, box.low, box.high, strict=True):
        if not low <= value <= high:
            bounds = f"from {low:g} to {high:g}"
            raise ConfigError(f"{key}.mean: {parameter} must be {bounds}, not {value:g}", key=f"{key}.mean")
    for parameter, value in zip(box.names, std, strict=True):
        if value <= 0.0:
            raise ConfigError(f"{key}.std of {parameter} must be above 0, not {value:g}", key=f"{key}.std")
    return Normal(box.unit_values(mean), np.diag(std / box.spans()))


def _by_parameter(names: list[str], value: Any, name: str) -> Floats:
    """[D] numbers, from a mapping, a list, or one number."""
    key = f"{KEY}.{name}"
    if isinstance(value, Mapping):
        for given in value:
            if given not in names:
                near = nearest(str(given), names)
                raise ConfigError(
                    f"{key}: no parameter {given}; there are {', '.join(names)}", key=key, suggestions=near
                )
        missing = [n for n in names if n not in value]
        if missing:
            raise ConfigError(f"{key} lacks {', '.join(missing)}", key=key)
        value = [value[n] for n in names]
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(values) != len(names):
        raise ConfigError(
            f"{key} must hold {len(names)} numbers ({', '.join(names)}), not {values!r}", key=key
        )
    return np.array([number(name, v, 0.0) for v in values])

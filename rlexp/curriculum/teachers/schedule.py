"""Parameters that move with training, whatever the agent does."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY, check_keys, positive
from rlexp.environment.tasks.dimension import Box, Choice, Dimension, is_number
from rlexp.environment.tasks.directive import Directive
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.sampler import Constant, Sampled, samplers
from rlexp.environment.tasks.space import TaskSpace

_KEYS = ("from", "to", "steps", "shape")
_SHAPES = ("linear", "cosine", "steps(n)")


@dataclass(frozen=True)
class Ramp:
    """The course of one parameter from a value to another.

    Attributes:
        dim: the parameter.
        start: value at the beginning.
        end: value at the end.
        steps: env steps from one to the other.
        shape: share of the way [0, 1] by share of the time [0, 1].
    """

    dim: Dimension
    start: float
    end: float
    steps: float
    shape: Callable[[float], float]

    def at(self, env_steps: int) -> Any:
        """The value of the parameter at an env step."""
        share = self.shape(min(env_steps / self.steps, 1.0))
        if share in (0.0, 1.0):
            return self.end if share else self.start
        if isinstance(self.dim, Choice):
            value = self.start + (self.end - self.start) * share
            return min(self.dim.options, key=lambda option: abs(option - value))
        if isinstance(self.dim, Box):
            if self.dim.log:
                return self.start * (self.end / self.start) ** share
            return self.start + (self.end - self.start) * share
        return round(self.start + (self.end - self.start) * share)


class Schedule:
    """Moves parameters from one value to another as env steps are made: x = from + (to - from) * f(t / steps).

    The shape f is the identity (`linear`), (1 - cos(pi u)) / 2 (`cosine`), or floor(n u) / n (`steps(n)`: n equal
    jumps). After `steps` env steps of the run a parameter stays at `to`. A `log_box` moves in its logarithm;
    whole and listed numbers are rounded to the nearest.

    Args:
        space: the tasks.
        seed: not used: env runners draw.
        parameters: {<parameter>: {from, to, steps, shape}}; of a space of one unnamed parameter, {from, to, ...}
            alone. Without a `shape`: linear.
        sample: values or samplers of other parameters, see `rlexp.environment.tasks.sampler`; others are uniform.

    Raises:
        ConfigError: an argument does not fit.
    """

    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        parameters: Mapping[str, Any],
        sample: Mapping[str, Any] | None = None,
    ) -> None:
        self._space = space
        self._ramps = _ramps(space, parameters)
        self._others = samplers(space, sample, f"{KEY}.sample") if sample else {}
        for name in self._others:
            if name in self._ramps:
                key = f"{KEY}.sample.{name}"
                raise ConfigError(f"{key}: {name} moves already, by {KEY}.parameters", key=key)
        self._env_steps = 0
        self._now = self._values()

    @property
    def complete(self) -> bool:
        """Whether all parameters have arrived."""
        return all(self._env_steps >= ramp.steps for ramp in self._ramps.values())

    def directive(self) -> Directive:
        """The values of the last update."""
        moving = {name: Constant(value) for name, value in self._now.items()}
        return Sampled(self._space, {**self._others, **moving})

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Moves the values; returns whether one has changed."""
        before, self._env_steps = self._now, progress.env_steps
        self._now = self._values()
        return self._now != before

    def _values(self) -> dict[str, Any]:
        return {name: ramp.at(self._env_steps) for name, ramp in self._ramps.items()}

    def metrics(self) -> dict[str, float]:
        """The values, and the share of the way in time of the slowest parameter."""
        slowest = max(ramp.steps for ramp in self._ramps.values())
        values = {f"value/{name}": float(value) for name, value in self._now.items()}
        return {"schedule": min(self._env_steps / slowest, 1.0), **values}

    def state_dict(self) -> dict[str, Any]:
        """How far training has come."""
        return {"env_steps": self._env_steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        self._env_steps = int(state["env_steps"])
        self._now = self._values()


def _ramps(space: TaskSpace, spec: Any) -> dict[str, Ramp]:
    key = f"{KEY}.parameters"
    if not isinstance(spec, Mapping) or not spec:
        raise ConfigError(
            f"{key} must map parameters to {{from, to, steps, shape}}, not {spec!r}",
            key=key,
            fix=f"{key}: {{{next(iter(space.dims))}: {{from: 0, to: 1, steps: 1e5}}}}",
        )
    if space.bare:
        name, dim = next(iter(space.dims.items()))
        return {name: _ramp(dim, spec, "parameters")}
    space.check_names(spec, key)
    return {str(name): _ramp(space.dims[name], one, f"parameters.{name}") for name, one in spec.items()}


def _ramp(dim: Dimension, spec: Any, name: str) -> Ramp:
    key = f"{KEY}.{name}"
    if not isinstance(spec, Mapping):
        raise ConfigError(
            f"{key} must be {{from, to, steps, shape}}, not {spec!r}",
            key=key,
            fix=f"{key}: {{from: 0, to: 1, steps: 1e5}}",
        )
    check_keys(key, spec, _KEYS)
    if isinstance(dim, Choice) and not all(map(is_number, dim.options)):
        raise ConfigError(f"{key}: only numbers can move, and the parameter is {dim}", key=key)
    for end in ("from", "to"):
        if end not in spec:
            raise ConfigError(f"{key} lacks {end}", key=f"{key}.{end}", fix=f"{key}.{end}: <{dim}>")
        if not dim.contains(spec[end]):
            raise ConfigError(f"{key}.{end} must be {dim}, not {spec[end]!r}", key=f"{key}.{end}")
    if "steps" not in spec:
        raise ConfigError(f"{key} lacks steps (of the env)", key=f"{key}.steps", fix=f"{key}.steps: 1e5")
    steps = positive(f"{name}.steps", spec["steps"], 1e5)
    start, end = (_plain(dim, spec[end]) for end in ("from", "to"))
    return Ramp(dim, start, end, steps, _shape(spec.get("shape", "linear"), f"{key}.shape"))


def _plain(dim: Dimension, value: Any) -> Any:
    """The value in the parameter's own type."""
    if isinstance(dim, Choice):
        return next(option for option in dim.options if option == value)
    return float(value) if isinstance(dim, Box) else int(value)


def _shape(text: Any, key: str) -> Callable[[float], float]:
    if text == "linear":
        return lambda share: share
    if text == "cosine":
        return lambda share: 0.5 - 0.5 * math.cos(math.pi * share)
    match = re.fullmatch(r"steps\(\s*([1-9]\d{0,6})\s*\)", text) if isinstance(text, str) else None
    if match is None:
        raise ConfigError(
            f"{key} must be linear, cosine or steps(n), n jumps, not {text!r}",
            key=key,
            suggestions=nearest(str(text), _SHAPES),
            fix=f"{key}: steps(4)",
        )
    jumps = int(match[1])
    # A share such as 0.3 is a little too small in binary, and 10 * 0.3 would be.
    return lambda share: math.floor(jumps * share + 1e-9) / jumps

"""Epsilon-greedy exploration (Watkins 1989) for algorithms that act by action values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import algorithm_name, resolve, row_of

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

_KEY = "exploration"


class EpsilonGreedy:
    """A random action with probability epsilon.

    Args:
        initial: epsilon at step 0.
        final: epsilon from `steps` on.
        steps: environment steps, over all runners, that epsilon falls over.
        schedule: `[[env_step, epsilon], ...]`, joined by straight lines, instead of the three above.

    Raises:
        ConfigError: an argument is out of range.
    """

    def __init__(
        self,
        initial: float = 1.0,
        final: float = 0.05,
        steps: int = 10_000,
        schedule: Sequence[Sequence[float]] | None = None,
    ) -> None:
        if schedule is None and not (_is_number(steps) and steps >= 1):
            fix = f"{_KEY}.steps=10000"
            raise ConfigError(f"{_KEY}.steps must be at least 1, got {steps!r}", key=f"{_KEY}.steps", fix=fix)
        points = [[0, initial], [steps, final]] if schedule is None else [list(point) for point in schedule]
        _check_points(points, "initial and final" if schedule is None else "schedule")
        self.schedule: list[tuple[int, float]] = [(int(step), float(epsilon)) for step, epsilon in points]

    def check(self, config_class: str | type) -> None:
        """DQN and what derives from it: no other of RLlib's algorithms has an epsilon."""
        row = row_of(resolve(config_class))
        if row is None or not row.epsilon_greedy:
            name = algorithm_name(config_class)
            message = f"exploration=epsilon_greedy: {name} has no epsilon; it samples its policy"
            fix = "exploration=default, or algorithm=dqn"
            raise ConfigError(message, key=_KEY, suggestions=["exploration=default"], fix=fix)

    def configure(self, config: AlgorithmConfig) -> None:
        """Set DQN's epsilon, in place of `algorithm.epsilon`."""
        config.env_runners(explore=True)
        schedule: Any = self.schedule
        config.training(epsilon=schedule)


def _check_points(points: list[list[float]], named: str) -> None:
    """RLlib needs a first point at step 0, rising steps, and a last value that then stays."""
    key = f"{_KEY}.schedule" if named == "schedule" else _KEY
    fix = f"{_KEY}.schedule=[[0,1.0],[10000,0.05]]"
    if not points or any(len(point) != 2 or not all(map(_is_number, point)) for point in points):
        raise ConfigError(f"{key} must be a list of [env_step, epsilon], got {points!r}", key=key, fix=fix)
    if any(not 0 <= epsilon <= 1 for _, epsilon in points):
        raise ConfigError(
            f"{key}: {named} must lie between 0 and 1, got {[p[1] for p in points]}", key=key, fix=fix
        )
    steps = [step for step, _ in points]
    if len(points) < 2 or steps[0] != 0 or any(b <= a for a, b in zip(steps, steps[1:], strict=False)):
        raise ConfigError(
            f"{key} must begin at step 0 and have two or more rising steps, got {steps}", key=key, fix=fix
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

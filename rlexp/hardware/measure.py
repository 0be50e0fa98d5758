"""How fast an environment is, by a moment of random steps."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

STRETCHES = 10


def measure_step_seconds(make_env: Callable[[], Any], budget_s: float = 0.3) -> float:
    """Seconds that one step of the environment takes with random actions, resets included.

    The median of ten stretches, so that a moment in which another process has the core does not count.

    Args:
        make_env: makes a Gymnasium environment; it is closed afterwards. Its making is not measured.
        budget_s: seconds to spend after the first reset; each stretch has at least one step, and a step that
            takes the whole budget ends the measurement.

    Raises:
        Exception: whatever the environment itself raises.
    """
    env = make_env()
    try:
        env.action_space.seed(0)
        # The first reset often loads assets; later ones are what training pays for.
        env.reset(seed=0)
        stretches: list[float] = []
        end = time.perf_counter() + budget_s
        while len(stretches) < STRETCHES and (not stretches or time.perf_counter() < end):
            stretches.append(_stretch(env, budget_s / STRETCHES))
        return statistics.median(stretches)
    finally:
        env.close()


def _stretch(env: Any, seconds: float) -> float:
    """Seconds a step over at least `seconds` and one step."""
    steps, start = 0, time.perf_counter()
    while True:
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        steps += 1
        if terminated or truncated:
            env.reset()
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            return elapsed / steps

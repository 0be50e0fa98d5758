"""A point mass that has to pass a gate in a wall; the gate is the task. After Klink et al. 2020 and 2021."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

HALF = 4.0
"""Half a side of the square room, in metres; its middle is (0, 0), and the wall with the gate is y = 0."""
START, GOAL = (0.0, 3.0), (0.0, -3.0)
NEAR = 0.5
"""Metres from the goal that count as there."""
DT, STEPS = 0.1, 100
"""Seconds of an env step, and steps of an episode."""
THRUST = 1.5
"""Acceleration of a full action, in metres per second squared."""
PUSH = 0.005
"""Standard deviation of the random push of each env step, in metres per second."""
TASK = {"position": (-HALF, HALF), "width": (0.1, 2 * HALF), "friction": (0.0, 100.0)}
"""What a task may say, with the lowest and the highest value."""

Vector = NDArray[np.float32]


class PointMass(gymnasium.Env[Vector, Vector]):
    """Fly from (0, 3) through the gate to (0, -3), and stay there until ten seconds are over.

    The action is the acceleration in x and y, [2] from -1 to 1, where 1 is 1.5 m/s^2. The observation is [6]: x, vx,
    y, vy, how far the gate's middle is in x, and half its width, in metres and seconds. The reward of a step is
    exp(-0.6 * distance to the goal). Whoever crosses y = 0 beside the gate crashes, which ends the episode; the
    sides of the room only stop. `info["success"]` tells at an episode's end whether it came within 0.5 m of the
    goal, and `info["crashed"]` whether it ended in the wall.

    Where the gate is narrow and far off, the way through it leads past crashes that cost all later rewards, and
    hovering before the wall is what is learnt: hence a curriculum of gates. Source of the task: Klink et al. 2021, "A
    probabilistic interpretation of self-paced learning with applications to reinforcement learning", section 6;
    this dynamics differs in that a step is integrated exactly between crossings, and the thrust is bounded by 1.5.

    Args:
        position: x of the gate's middle, -4 to 4.
        width: of the gate, 0.1 to 8 metres.
        friction: deceleration by velocity, 0 to 100 per second; the agent does not see it.
    """

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(self, position: float = 2.5, width: float = 0.5, friction: float = 0.0) -> None:
        self.observation_space = gymnasium.spaces.Box(
            np.array([-HALF, -np.inf, -HALF, -np.inf, -2 * HALF, 0], np.float32),
            np.array([HALF, np.inf, HALF, np.inf, 2 * HALF, HALF], np.float32),
        )
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._task = _checked({"position": position, "width": width, "friction": friction})
        self._now = dict(self._task)
        self._place, self._velocity, self._steps, self._reached = START, (0.0, 0.0), 0, False

    def set_task(self, task: Mapping[str, float]) -> None:
        """Changes `position`, `width`, `friction` or several, from the next reset on.

        Raises:
            ValueError: an unknown name, or a value out of range.
        """
        self._task = {**self._task, **_checked(task)}

    def get_task(self) -> dict[str, float]:
        """The task of the next reset."""
        return dict(self._task)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Vector, dict[str, Any]]:
        """At rest at the start, before the gate of the task that was set last."""
        super().reset(seed=seed)
        self._now = dict(self._task)
        self._place, self._velocity, self._steps, self._reached = START, (0.0, 0.0), 0, False
        return self._seen(), {}

    def step(self, action: Vector) -> tuple[Vector, float, bool, bool, dict[str, Any]]:
        """A tenth of a second under constant thrust."""
        pushes = self.np_random.normal(0.0, PUSH, 2)
        moved = [
            moving(place, velocity + push, THRUST * min(1.0, max(-1.0, float(thrust))), self._now["friction"])
            for place, velocity, push, thrust in zip(
                self._place, self._velocity, pushes.tolist(), action, strict=True
            )
        ]
        (x, vx), (y, vy) = moved
        at = crossing(self._place, (x, y))
        crashed = at is not None and abs(at - self._now["position"]) > self._now["width"] / 2
        self._place, self._velocity = (
            ((at, 0.0), (0.0, 0.0)) if crashed and at is not None else ((x, y), (vx, vy))
        )
        self._steps += 1
        distance = math.dist(self._place, GOAL)
        self._reached = self._reached or distance <= NEAR
        over = self._steps >= STEPS
        ended = crashed or over
        info = {"success": self._reached, "crashed": crashed} if ended else {}
        return self._seen(), math.exp(-0.6 * distance), crashed, over and not crashed, info

    def _seen(self) -> Vector:
        (x, y), (vx, vy) = self._place, self._velocity
        gate = (self._now["position"] - x, self._now["width"] / 2)
        return np.array([x, vx, y, vy, *gate], np.float32)


def moving(place: float, velocity: float, thrust: float, friction: float) -> tuple[float, float]:
    """Place and velocity in one direction after a step: the solution of v' = thrust - friction * v, exactly.

    Args:
        place: metres; the room's sides at -4 and 4 stop the motion.
        velocity: metres per second.
        thrust: metres per second squared.
        friction: per second.
    """
    if friction > 1e-6:
        limit, decay = thrust / friction, math.exp(-friction * DT)
        travelled = limit * DT + (velocity - limit) * (1.0 - decay) / friction
        velocity = limit + (velocity - limit) * decay
    else:
        travelled = velocity * DT + thrust * DT * DT / 2
        velocity += thrust * DT
    place += travelled
    return (place, velocity) if abs(place) <= HALF else (math.copysign(HALF, place), 0.0)


def crossing(before: tuple[float, float], after: tuple[float, float]) -> float | None:
    """The x at which the straight line between two places crosses the wall; None where it does not."""
    (x0, y0), (x1, y1) = before, after
    if (y0 > 0) == (y1 > 0):
        return None
    return x0 + (x1 - x0) * y0 / (y0 - y1)


def _checked(task: Mapping[str, float]) -> dict[str, float]:
    for name, value in task.items():
        if name not in TASK:
            raise ValueError(f"a task has {', '.join(TASK)}, not {name!r}")
        low, high = TASK[name]
        if not low <= value <= high:
            raise ValueError(f"{name} must lie between {low:g} and {high:g}, not {value!r}")
    return {name: float(value) for name, value in task.items()}

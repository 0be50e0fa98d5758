from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

import envs.point_mass
from envs.point_mass import DT, GOAL, HALF, STEPS, THRUST, PointMass, crossing, moving


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No random pushes."""
    monkeypatch.setattr(envs.point_mass, "PUSH", 0.0)


def flown(env: PointMass, policy: Any) -> tuple[list[NDArray[np.float32]], dict[str, Any], bool, bool]:
    """Observations of one episode, its last info, and whether it was terminated or truncated."""
    seen = [env.reset(seed=0)[0]]
    while True:
        observation, _, terminated, truncated, info = env.step(policy(seen[-1]))
        seen.append(observation)
        if terminated or truncated:
            return seen, info, terminated, truncated


def down(_: Any) -> NDArray[np.float32]:
    return np.array([0.0, -1.0], np.float32)


def pilot(seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stops before the gate, passes it and goes to the goal."""
    x, vx, y, vy, gate, _ = seen.tolist()
    aligned = abs(gate) < 0.1 and abs(vx) < 0.1
    to_x, to_y = (gate, -0.6 - y if aligned else 0.4 - y) if y > -0.3 else (-x, GOAL[1] - y)
    return np.clip([3 * to_x - 3 * vx, 3 * to_y - 3 * vy], -1, 1).astype(np.float32)


@pytest.mark.filterwarnings("ignore:.*infinity", "ignore:.*render modes")
def test_gymnasium_finds_nothing_wrong() -> None:
    check_env(PointMass(), skip_render_check=True)


@pytest.mark.parametrize("friction", [0.0, 1e-5, 0.5, 8.0])
def test_a_step_solves_the_equation_of_motion(friction: float) -> None:
    place, velocity, parts = 1.0, -0.7, 20_000
    for _ in range(parts):
        place += velocity * DT / parts
        velocity += (0.9 - friction * velocity) * DT / parts
    assert moving(1.0, -0.7, 0.9, friction) == pytest.approx((place, velocity), abs=1e-4)


def test_sides_of_the_room_stop() -> None:
    assert moving(3.95, 2.0, 1.5, 0.0) == (HALF, 0.0) and moving(-3.95, -2.0, 0.0, 1.0) == (-HALF, 0.0)


@pytest.mark.usefixtures("still")
def test_thrust_moves_as_the_observation_tells() -> None:
    env = PointMass(position=2.0, width=3.0)
    first, _ = env.reset()
    assert first.tolist() == [0.0, 0.0, 3.0, 0.0, 2.0, 1.5]
    x, vx, y, vy, gate, half = env.step(np.array([1.0, -5.0], np.float32))[0].tolist()
    assert vx == pytest.approx(THRUST * DT) and vy == pytest.approx(-THRUST * DT)
    assert x == pytest.approx(THRUST * DT**2 / 2) == pytest.approx(3.0 - y, rel=1e-4)
    assert gate == pytest.approx(2.0 - x) and half == 1.5


def test_where_the_wall_is_crossed() -> None:
    assert crossing((0.0, 1.0), (2.0, -1.0)) == pytest.approx(1.0)
    assert crossing((3.0, -0.1), (1.0, 0.3)) == pytest.approx(2.5)
    assert crossing((0.0, 1.0), (0.0, 0.1)) is None and crossing((0.0, -1.0), (0.0, -0.1)) is None


@pytest.mark.usefixtures("still")
def test_beside_the_gate_is_a_crash_that_ends_the_episode() -> None:
    seen, info, terminated, truncated = flown(PointMass(position=2.0, width=3.9), down)
    assert terminated and not truncated and info == {"success": False, "crashed": True}
    assert seen[-1][:4].tolist() == [0.0, 0.0, 0.0, 0.0] and len(seen) < STEPS


@pytest.mark.usefixtures("still")
def test_through_the_gate_is_none() -> None:
    seen, info, terminated, truncated = flown(PointMass(position=2.0, width=4.1), down)
    assert truncated and not terminated and not info["crashed"] and len(seen) == STEPS + 1
    # Full thrust passes the goal and stops at the room's side: it has been there.
    assert seen[-1][2] == -HALF and info["success"]


@pytest.mark.parametrize("position", [-2.5, 0.0, 2.5])
def test_the_narrow_gate_can_be_passed(position: float) -> None:
    env = PointMass(position=position, width=0.5)
    seen, info, terminated, _ = flown(env, pilot)
    assert info["success"] and not terminated
    assert math.dist(seen[-1][[0, 2]], GOAL) < 0.25


@pytest.mark.parametrize("friction", [3.0, 10.0])
def test_thick_air_lets_nobody_through(friction: float) -> None:
    _, info, terminated, _ = flown(PointMass(position=0.0, width=8.0, friction=friction), down)
    assert not info["success"] and not terminated


def test_reward_is_1_at_the_goal_and_falls_with_the_distance() -> None:
    env = PointMass(position=0.0, width=8.0)
    env.reset(seed=0)
    _, reward, *_ = env.step(np.zeros(2, np.float32))
    assert reward == pytest.approx(math.exp(-0.6 * 6.0), rel=1e-2)


def test_a_task_holds_from_the_next_reset_on() -> None:
    env = PointMass(position=1.0, width=2.0)
    env.reset()
    env.set_task({"width": 0.5})
    assert env.get_task() == {"position": 1.0, "width": 0.5, "friction": 0.0}
    assert env.step(np.zeros(2, np.float32))[0][5] == 1.0
    assert env.reset()[0][5] == 0.25


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ({"width": 0.0}, "between 0.1 and 8"),
        ({"position": 4.5}, "between -4 and 4"),
        ({"wdth": 1.0}, "not 'wdth'"),
    ],
)
def test_tasks_that_are_none_are_refused(task: dict[str, float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        PointMass().set_task(task)


def test_the_seed_decides_the_pushes() -> None:
    def end(seed: int) -> list[float]:
        env = PointMass()
        env.reset(seed=seed)
        for _ in range(10):
            observation, *_ = env.step(np.zeros(2, np.float32))
        return observation.tolist()

    assert end(3) == end(3) != end(4)

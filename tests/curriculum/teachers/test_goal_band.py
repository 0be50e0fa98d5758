from __future__ import annotations

import numpy as np
import pytest

from rlexp.curriculum.teachers.goal_band import GoalBand
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of({"x": {"box": [0, 1]}, "y": {"box": [0, 1]}})


def tell(teacher: GoalBand, mean: list[float], generation: int = 0, tries: int = 10) -> bool:
    """Every task of the pool gets `tries` episodes with this mean score."""
    outcomes = []
    for at, score in enumerate(mean):
        wins = round(score * tries)
        outcomes += [Outcome({}, 0, [generation, at], float(n < wins), 0.0, 1) for n in range(tries)]
    return teacher.update(outcomes, TrainingProgress(0, 0))


def pool(teacher: GoalBand) -> np.ndarray:
    return teacher.state_dict()["points"]


def test_new_tasks_come_from_those_strictly_in_the_band_and_good_ones_are_replayed() -> None:
    teacher = GoalBand(SPACE, seed=0, fresh=6, replayed=4, tries=10, uniform=0.0, step=1e-6)
    first = pool(teacher)
    assert tell(teacher, [0.0, 0.1, 0.2, 0.8, 0.9, 1.0])
    second = pool(teacher)
    assert len(second) == 6 + 2  # two good ones are all that can be replayed
    near = np.abs(second[:, None] - first[None]).max(-1).argmin(1)
    assert set(near.tolist()) == {2, 3}
    assert sorted(map(tuple, second[6:])) == sorted(map(tuple, first[2:4]))
    metrics = teacher.metrics()
    assert (metrics["good"], metrics["solved"], metrics["hopeless"]) == pytest.approx((2 / 6,) * 3)
    assert metrics["generation"] == 1 and metrics["remembered"] == 2


def test_a_generation_lasts_tries_times_its_tasks() -> None:
    teacher = GoalBand(SPACE, seed=0, fresh=4, replayed=0, tries=3)
    outcomes = [Outcome({}, 0, [0, at % 4], 1.0, 0.0, 1) for at in range(12)]
    assert not teacher.update(outcomes[:11], TrainingProgress(0, 0))
    assert teacher.update(outcomes[11:], TrainingProgress(0, 0))


def test_with_nothing_good_it_goes_on_from_what_is_solved_and_else_from_where_it_was() -> None:
    start = [{"x": 0.1, "y": 0.1}]
    teacher = GoalBand(SPACE, seed=0, start=start, fresh=3, replayed=2, tries=10, uniform=0.0, step=1e-6)
    assert len(pool(teacher)) == 4 and np.allclose(pool(teacher), 0.1, atol=1e-3)
    assert tell(teacher, [0.0] * 4)
    assert np.allclose(pool(teacher), 0.1, atol=1e-3) and teacher.metrics()["hopeless"] == 1.0
    farther = GoalBand(SPACE, seed=0, fresh=2, replayed=2, tries=10, uniform=0.0, step=1e-6)
    solved = pool(farther)[1]
    assert tell(farther, [0.0, 1.0])
    assert np.allclose(pool(farther), solved, atol=1e-3) and farther.metrics()["remembered"] == 0


def test_a_new_task_is_a_reflected_brownian_step_away() -> None:
    start = [{"x": 0.5, "y": 0.0}]
    teacher = GoalBand(
        SPACE, seed=0, start=start, fresh=20_000, replayed=0, uniform=0.0, horizon=50, step=0.01
    )
    points = pool(teacher)[1:]
    # Mean variance over 1..50 steps: 25.5 * 0.01²; at the border y the motion is folded to one side.
    assert points[:, 0].std() == pytest.approx(np.sqrt(25.5) * 0.01, rel=0.02)
    assert points[:, 0].mean() == pytest.approx(0.5, abs=2e-3)
    assert points[:, 1].min() >= 0.0 and (points[:, 1] ** 2).mean() == pytest.approx(25.5e-4, rel=0.04)


def test_the_memory_is_bounded_and_holds_no_task_twice() -> None:
    levels = TaskSpace.of({"int": [0, 9]})
    teacher = GoalBand(levels, seed=0, fresh=20, replayed=5, tries=10, memory=4)
    for generation in range(3):
        tell(teacher, [0.5] * len(pool(teacher)), generation)
        memory = teacher.state_dict()["memory"]
        assert len(memory) == 4
    assert len({tuple(row) for row in memory}) == len(memory)


def test_a_share_of_new_tasks_comes_from_the_whole_space() -> None:
    start = [{"x": 0.0, "y": 0.0}]
    teacher = GoalBand(SPACE, seed=0, start=start, fresh=100, uniform=0.3, step=1e-6)
    assert (pool(teacher) > 1e-3).all(1).sum() == 30

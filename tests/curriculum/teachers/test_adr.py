from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlexp.curriculum.teachers.adr import ADR
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of({"gap": {"box": [0, 10]}, "force": {"box": [-4, 4]}})
MIDDLE = {"gap": 5.0, "force": 0.0}
LOW_GAP, HIGH_GAP, LOW_FORCE, HIGH_FORCE = range(4)


def tell(teacher: ADR, bound: int, score: float, times: int = 10, moves: int = 0) -> bool:
    outcomes = [Outcome(MIDDLE, 0, [bound, moves], score, 0.0, 1)] * times
    return teacher.update(outcomes, TrainingProgress(0, 0))


def test_a_bound_moves_out_by_a_step_and_in_again_but_not_past_the_start() -> None:
    teacher = ADR(SPACE, seed=0, initial=MIDDLE)
    assert tell(teacher, HIGH_GAP, 0.8) and teacher.metrics()["high/gap"] == pytest.approx(5.5)
    assert tell(teacher, LOW_FORCE, 1.0) and teacher.metrics()["low/force"] == pytest.approx(-0.4)
    assert teacher.metrics()["volume"] == pytest.approx(0.05 * 0.05)
    assert tell(teacher, HIGH_GAP, 0.5, moves=1) and teacher.metrics()["high/gap"] == pytest.approx(5.0)
    assert not tell(teacher, HIGH_GAP, 0.0, moves=2) and teacher.metrics()["high/gap"] == pytest.approx(5.0)


def test_nine_scores_decide_nothing_and_a_decision_empties_the_queue() -> None:
    teacher = ADR(SPACE, seed=0, initial=MIDDLE)
    assert not tell(teacher, HIGH_GAP, 1.0, times=9)
    assert tell(teacher, HIGH_GAP, 0.0, times=1)  # mean 0.9
    # Mean 0.7 is between shrink and expand: the queue is emptied without a move.
    teacher = ADR(SPACE, seed=0, initial=MIDDLE)
    assert not tell(teacher, HIGH_GAP, 0.7)
    assert not tell(teacher, HIGH_GAP, 1.0, times=9)
    assert tell(teacher, HIGH_GAP, 1.0, times=1)


def test_of_one_batch_only_episodes_before_the_move_count() -> None:
    teacher = ADR(SPACE, seed=0, initial=MIDDLE)
    assert tell(teacher, HIGH_GAP, 1.0, times=35)
    assert teacher.metrics()["moves"] == 1 and teacher.state_dict()["filled"].tolist() == [0, 0, 0, 0]


def test_draws_are_uniform_between_the_bounds_or_on_one_of_them() -> None:
    teacher = ADR(SPACE, seed=0, initial=MIDDLE, boundary=0.7)
    for moves in range(4):
        tell(teacher, HIGH_GAP, 1.0, moves=moves)
    directive, rng = teacher.directive(), np.random.default_rng(0)
    draws = [directive.sample(rng, 0) for _ in range(4000)]
    pinned = [draw for draw in draws if draw.tag is not None]
    assert len(pinned) / 4000 == pytest.approx(0.7, abs=0.03)
    counts = np.bincount([draw.tag[0] for draw in pinned], minlength=4)
    assert counts.min() > 0.2 * len(pinned)
    pinned_high = [draw.task["gap"] for draw in pinned if draw.tag == [HIGH_GAP, 4]]
    assert pinned_high == pytest.approx([7.0] * len(pinned_high)) and pinned_high
    gaps = np.array([draw.task["gap"] for draw in draws if draw.tag is None])
    assert gaps.min() >= 5.0 and gaps.max() <= 7.0 + 1e-9 and gaps.mean() == pytest.approx(6.0, abs=0.06)
    assert all(draw.task["force"] == 0.0 for draw in draws)


def test_no_draw_is_spent_on_a_bound_that_can_move_neither_way() -> None:
    directive, rng = ADR(SPACE, seed=0).directive(), np.random.default_rng(0)
    tags = [directive.sample(rng, 0).tag for _ in range(200)]
    assert {tag[0] for tag in tags if tag} == {HIGH_GAP, HIGH_FORCE}


def test_it_is_complete_at_the_whole_space() -> None:
    teacher = ADR(SPACE, seed=0, initial=MIDDLE, step=0.1)
    for bound in range(4):
        for moves in range(5):
            assert not teacher.complete
            assert tell(teacher, bound, 1.0, moves=moves)
    assert teacher.complete and teacher.metrics()["volume"] == pytest.approx(1.0)
    assert not tell(teacher, HIGH_GAP, 1.0, moves=5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1)), max_size=200))
def test_the_bounds_keep_the_start_between_them_and_stay_in_the_space(told: list[tuple[int, float]]) -> None:
    teacher = ADR(SPACE, seed=0, initial={"gap": 2.0, "force": 4.0}, queue=1, step=0.3)
    for bound, score in told:
        tell(teacher, bound, score, 1, int(teacher.state_dict()["moves"][bound]))
        low, high = teacher.state_dict()["corners"]
        assert (low >= 0).all() and (high <= 1).all()
        assert low[0] <= 0.2 <= high[0] and low[1] <= 1.0 == high[1]

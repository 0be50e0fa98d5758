"""Learning progress against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rlexp.curriculum.teachers.learning_progress import LearningProgress
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

THREE = TaskSpace.of({"level": {"int": [1, 3]}})


def told(teacher: LearningProgress, *scores: float | None) -> bool:
    pairs = [(at, score) for at, score in enumerate(scores) if score is not None]
    return teacher.update(
        [Outcome({"level": a + 1}, 0, a, s, 0.0, 1) for a, s in pairs], TrainingProgress(0, 0)
    )


def reweighted(p: float, theta: float = 0.1) -> float:
    return p * (1 - theta) / (p + theta * (1 - 2 * p))


def test_both_averages_start_at_the_first_score_and_follow() -> None:
    teacher = LearningProgress(THREE, seed=0)
    told(teacher, 0.5, 0.0)
    assert teacher.progress().tolist() == [0.0, 0.0, 0.0]
    told(teacher, 1.0, 0.2)
    # fast 0.55 and 0.02, slow 0.505 and 0.002
    expected = [reweighted(0.55) - reweighted(0.505), reweighted(0.02) - reweighted(0.002), 0.0]
    assert teacher.progress() == pytest.approx(expected)
    assert expected[1] > expected[0]  # the smaller change is near 0


def test_probabilities_are_logistic_z_scores_of_the_living_and_a_uniform_share() -> None:
    teacher = LearningProgress(THREE, seed=0)
    told(teacher, 0.5, 0.0, 0.0)
    told(teacher, 1.0, 0.2, 0.0)
    progress = teacher.progress()[:2]
    z = (progress - progress.mean()) / progress.std()
    raised = 1 / (1 + np.exp(-z))
    expected = [*(0.75 * raised / raised.sum() + 0.25 / 3), 0.25 / 3]
    cdf = teacher.directive().cdf  # type: ignore[attr-defined]
    assert np.diff(cdf, prepend=np.float32(0)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("baseline", "expected"), [(0.2, [0.75, 0.0]), ({"level=1": 0.2}, [0.75, 0.1]), (1.0, [0.2, 0.0])]
)
def test_a_random_policys_score_is_taken_off(baseline: object, expected: list[float]) -> None:
    teacher = LearningProgress(THREE, seed=0, baseline=baseline)  # type: ignore[arg-type]
    told(teacher, 0.8, 0.1)
    assert teacher.state_dict()["fast"][:2] == pytest.approx(expected)


def test_it_is_uniform_until_something_succeeds() -> None:
    teacher = LearningProgress(THREE, seed=0)
    assert told(teacher, 0.0, 0.0, None) is False
    assert told(teacher, None, None, 0.5) is True

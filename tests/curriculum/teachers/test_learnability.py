"""Sampling for learnability: scores, generations and what counts in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlexp.curriculum.teachers.learnability import Learnability
from rlexp.environment.tasks.directive import Draw
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of({"levels": 10_000})


def draws(teacher: Learnability, count: int = 400) -> list[Draw]:
    rng, directive = np.random.default_rng(0), teacher.directive()
    return [directive.sample(rng, 0) for _ in range(count)]


def outcome(draw: Draw, score: float) -> Outcome:
    return Outcome(draw.task, 0, draw.tag, score, score, 1)


def each(teacher: Learnability) -> list[Draw]:
    """One draw of each level of the generation."""
    return list({draw.tag[1]: draw for draw in draws(teacher)}.values())


def test_scores_are_expected_variances_of_success() -> None:
    teacher = Learnability(SPACE, seed=0, candidates=4, tries=9)
    by_tag = {draw.tag[1]: draw for draw in draws(teacher)}
    scores = {0: [], 1: [1.0], 2: [1.0, 0.0], 3: [0.0, 0.0]}
    teacher.update(
        [outcome(by_tag[at], s) for at, many in scores.items() for s in many], TrainingProgress(0, 0)
    )
    assert teacher.scores() == pytest.approx([1 / 6, 2 / 12, 4 / 20, 3 / 20])


def test_the_most_learnable_are_kept_and_drawn_half_the_time() -> None:
    teacher = Learnability(SPACE, seed=0, candidates=8, keep=2, tries=2)
    levels = each(teacher)
    assert len(levels) == 8 and all(draw.trainable for draw in levels)
    wanted = {levels[2].task, levels[5].task}
    assert (
        teacher.update([outcome(draw, float(draw.task in wanted)) for draw in levels], TrainingProgress(0, 0))
        is False
    )
    assert teacher.update([outcome(draw, 0.0) for draw in levels], TrainingProgress(0, 0)) is True
    after = draws(teacher)
    replayed = [draw.task for draw in after if draw.tag[1] < 2]
    assert set(replayed) == wanted and 0.4 < len(replayed) / len(after) < 0.6
    assert teacher.metrics() == {"learnability": pytest.approx(0.2), "new": 1.0, "generation": 1.0}


def test_episodes_of_an_earlier_generation_do_not_count() -> None:
    teacher = Learnability(SPACE, seed=0, candidates=4)
    late = [outcome(draw, 1.0) for draw in each(teacher)]
    assert teacher.update(late, TrainingProgress(0, 0)) is True
    assert teacher.update([replace(o, score=0.0) for o in late] * 9, TrainingProgress(0, 0)) is False
    assert teacher.scores().tolist() == pytest.approx([1 / 6] * len(teacher.scores()))


def test_a_learnt_level_is_let_go() -> None:
    teacher = Learnability(SPACE, seed=0, candidates=8, keep=1)
    teacher.update([outcome(d, 0.5) for d in each(teacher)], TrainingProgress(0, 0))
    kept = next(draw for draw in draws(teacher) if draw.tag[1] == 0)
    teacher.update([outcome(kept, 1.0)] * 20, TrainingProgress(0, 0))
    teacher.update([outcome(d, 0.5) for d in each(teacher) if d.tag[1] > 0], TrainingProgress(0, 0))
    assert kept.task not in {draw.task for draw in draws(teacher) if draw.tag[1] == 0}


def test_candidates_may_be_tried_without_learning() -> None:
    teacher = Learnability(SPACE, seed=0, candidates=8, train_candidates=False)
    assert not any(draw.trainable for draw in draws(teacher))
    teacher.update([outcome(draw, 0.5) for draw in each(teacher)], TrainingProgress(0, 0))
    assert all(draw.trainable == (draw.tag[1] < 2) for draw in draws(teacher))


def test_a_space_smaller_than_the_candidates_goes_on() -> None:
    teacher = Learnability(TaskSpace.of({"choice": ["a", "b"]}), seed=0)
    for _ in range(5):
        assert teacher.update([outcome(draw, 0.5) for draw in draws(teacher)], TrainingProgress(0, 0)) is True
    assert {draw.task for draw in draws(teacher)} <= {"a", "b"}

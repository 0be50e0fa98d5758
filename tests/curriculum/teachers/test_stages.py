from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from rlexp.base.errors import CheckpointError, RunFailedError
from rlexp.curriculum.simulation.simulate import simulate
from rlexp.curriculum.simulation.student import Student
from rlexp.curriculum.teachers.stages import Stages
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of({"rooms": {"int": [1, 6]}, "wind": {"box": [0, 1]}})
CHAIN = [{"name": name, "task": {"rooms": rooms}} for name, rooms in (("two", 2), ("four", 4), ("six", 6))]
SMALL = {"window": 10, "min_episodes": 10}
DIAMOND = [
    {"name": "move", "task": {"rooms": 1}},
    {"name": "open", "task": {"rooms": 2}, "after": "move"},
    {"name": "carry", "task": {"rooms": 3}, "after": ["move"]},
    {"name": "all", "task": {"rooms": 4}, "after": ["open", "carry"]},
]


def chain(**arguments: Any) -> Stages:
    return Stages(SPACE, seed=0, **{"stages": CHAIN, "promote": SMALL, **arguments})


def drawn(teacher: Stages, count: int = 400) -> list[Any]:
    directive, rng = teacher.directive(), np.random.default_rng(0)
    return [directive.sample(rng, env_index) for env_index in range(count)]


def rooms(teacher: Stages) -> dict[int, float]:
    counts = Counter(draw.task["rooms"] for draw in drawn(teacher))
    return {value: count / 400 for value, count in sorted(counts.items())}


def play(
    teacher: Stages, scores: list[float], only: int | None = None, steps: int = 0, **fields: Any
) -> bool:
    """Episodes that the present directive draws, without rehearsals; of `only` that number of rooms."""
    draws = [d for d in drawn(teacher, 2000) if d.tag is not None and only in (None, d.task["rooms"])]
    metrics = fields.pop("metrics", {})
    outcomes = [
        Outcome(d.task, 0, d.tag, score, fields.pop("episode_return", score), 20, success=score, **fields)
        for d, score in zip(draws, scores, strict=False)
    ]
    return teacher.update(outcomes, TrainingProgress(steps, 0, metrics))


def test_a_stage_is_left_at_its_threshold_after_enough_episodes() -> None:
    teacher = chain()
    assert not play(teacher, [1.0] * 9) and rooms(teacher) == {2: 1.0}
    assert play(teacher, [1.0], steps=500) and rooms(teacher) == {4: 1.0}
    assert not play(teacher, [1.0] * 7 + [0.0] * 3), "0.7"
    assert not play(teacher, [0.0] * 3 + [1.0] * 6), "the last ten: 0.6"
    assert play(teacher, [1.0] * 3, steps=900), "the last ten: 0.9"
    assert teacher.metrics() == {
        "stage": 2.0,
        "stage_progress": 1.0,
        "promotions": 2.0,
        "demotions": 0.0,
        "mastered": 2.0,
    }
    assert teacher.events == [
        {"env_steps": 500, "what": "promoted", "from": "two", "to": "four"},
        {"env_steps": 900, "what": "promoted", "from": "four", "to": "six"},
    ]
    assert teacher.new_events == ["four is mastered, now six"]
    assert all(0 <= draw.task["wind"] <= 1 for draw in drawn(teacher))


def test_the_last_stage_stays_open_and_completes_the_curriculum() -> None:
    teacher = chain()
    for _ in range(2):
        assert play(teacher, [1.0] * 10) and not teacher.complete
    assert not play(teacher, [1.0] * 10) and teacher.complete and rooms(teacher) == {6: 1.0}
    assert not play(teacher, [0.0] * 50) and teacher.complete
    assert [event["what"] for event in teacher.events] == ["promoted", "promoted", "complete"]
    endless = chain(stages=[*CHAIN[:2], {**CHAIN[2], "promote": None}])
    for _ in range(5):
        play(endless, [1.0] * 20)
    assert not endless.complete and endless.metrics()["mastered"] == 2.0


def test_what_was_drawn_before_a_switch_never_counts() -> None:
    teacher = chain(demote={})
    first = drawn(teacher, 50)
    late = [Outcome(d.task, 0, d.tag, 1.0, 1.0, 20, success=1.0) for d in first]
    assert play(teacher, [1.0] * 10)
    state = teacher.state_dict()["open"]["four"]
    assert not teacher.update(late, TrainingProgress(0, 0))
    assert teacher.state_dict()["open"]["four"]["episodes"] == state["episodes"] == 0
    # Back in the first stage, by a demotion: its episodes of the first visit are still of the first visit.
    assert [play(teacher, [0.0] * 40) for _ in range(5)] == [False] * 4 + [True], "three of 100 or more"
    assert rooms(teacher) == {2: 1.0}
    assert not teacher.update(late, TrainingProgress(0, 0)) and rooms(teacher) == {2: 1.0}


def test_a_promotion_needs_its_patience_in_a_row_and_new_episodes_each_time() -> None:
    teacher = chain(promote={**SMALL, "patience": 3})
    assert not play(teacher, [1.0] * 10) and not play(teacher, [1.0])
    for _ in range(5):
        assert not teacher.update([], TrainingProgress(0, 0)), "nothing new"
    assert not play(teacher, [0.0] * 5), "0.5: all over again"
    assert not play(teacher, [1.0] * 10) and not play(teacher, [1.0]) and play(teacher, [1.0])


def test_a_demotion_goes_back_and_its_patience_doubles() -> None:
    teacher = chain(demote={"margin": 0.2, "patience": 2, **SMALL})
    for checks in (2, 4, 8):
        assert play(teacher, [1.0] * 10) and rooms(teacher) == {4: 1.0}
        # Below 0.8 - 0.2, and not at it.
        for _ in range(20):
            assert not play(teacher, [1.0] * 6 + [0.0] * 4)
        for _ in range(checks - 1):
            assert not play(teacher, [0.0] * 10)
        assert play(teacher, [0.0] * 10) and rooms(teacher) == {2: 1.0}
    assert teacher.metrics()["demotions"] == 3.0 and teacher.new_events == ["back from four to two"]


def test_a_demotion_from_the_mastered_last_stage_takes_the_completion_back() -> None:
    teacher = chain(demote={"patience": 1, **SMALL})
    for _ in range(3):
        play(teacher, [1.0] * 10)
    assert teacher.complete and play(teacher, [0.0] * 10) and not teacher.complete
    assert rooms(teacher) == {4: 1.0} and teacher.metrics()["mastered"] == 1.0


def test_rehearsals_are_of_earlier_stages_and_do_not_count() -> None:
    teacher = chain(rehearsal=0.3)
    assert rooms(teacher) == {2: 1.0}
    for _ in range(2):
        play(teacher, [1.0] * 10)
    shares = rooms(teacher)
    assert shares[6] == pytest.approx(0.7, abs=0.06) and shares[2] == pytest.approx(0.15, abs=0.05)
    assert {draw.tag is None for draw in drawn(teacher) if draw.task["rooms"] < 6} == {True}
    again = [draw for draw in drawn(teacher) if draw.tag is None]
    outcomes = [Outcome(d.task, 0, d.tag, 1.0, 1.0, 20, success=1.0) for d in again]
    assert not teacher.update(outcomes, TrainingProgress(0, 0)) and "mean" not in teacher.metrics()


def test_conditions_read_means_counts_steps_and_metrics() -> None:
    stages = [
        {**CHAIN[0], "promote": "return>=5 & episodes>=4"},
        {**CHAIN[1], "promote": "steps>=100"},
        {**CHAIN[2], "promote": {"when": "eval/return_mean>3 | custom/level>1", "min_episodes": 2}},
    ]
    teacher = chain(stages=stages)
    assert teacher.reads() == ["eval/return_mean", "custom/level"]
    assert not play(teacher, [6.0] * 3) and play(teacher, [6.0], steps=1000), "four, not a hundred"
    assert not teacher.update([], TrainingProgress(1099, 0)) and teacher.update([], TrainingProgress(1100, 0))
    seen = {"eval/return_mean": 4.0}
    assert not play(teacher, [0.0], metrics=seen) and not teacher.complete, "known, but of the stage before"
    assert not play(teacher, [0.0], metrics={}) and not teacher.complete
    play(teacher, [0.0], metrics=seen)
    assert teacher.complete


def test_evaluations_in_a_row_need_not_be_iterations_in_a_row() -> None:
    rule = {"when": "eval/success_rate>=0.8 & success>=0.6", "min_episodes": 2, "patience": 2}
    good, bad = {"eval/success_rate": 0.9}, {"eval/success_rate": 0.1}

    def promoted(*iterations: tuple[list[float], dict[str, float]]) -> bool:
        teacher = chain(promote=rule)
        return any([play(teacher, scores, metrics=metrics) for scores, metrics in iterations])

    won, lost = [1.0] * 20, [0.0] * 20
    assert not promoted((won, good), (won, {}), (won, {}))
    assert promoted((won, good), (won, {}), (won, good))
    assert not promoted((won, good), (won, bad), (won, good))
    assert not promoted((won, good), (lost, {}), (won, good)), "what was known said no"


def test_a_stage_overrides_keys_of_the_general_rule() -> None:
    stages = [{**CHAIN[0], "promote": {"threshold": 0.5}}, {**CHAIN[1], "promote": "success>=0.9"}, CHAIN[2]]
    teacher = chain(stages=stages)
    assert play(teacher, [1.0, 0.0] * 5)
    assert not play(teacher, [1.0] * 8 + [0.0] * 2) and play(teacher, [1.0] * 9)


def test_defaults_are_a_hundred_episodes_at_four_fifths() -> None:
    teacher = Stages(SPACE, seed=0, stages=CHAIN)
    assert not play(teacher, [1.0] * 99) and play(teacher, [0.0])
    assert not play(teacher, [0.0] * 5000) and teacher.metrics()["stage"] == 1.0, "never demoted"


def test_progress_tells_how_near_the_next_promotion_is() -> None:
    teacher = chain()
    play(teacher, [1.0] * 5)
    assert teacher.metrics()["stage_progress"] == pytest.approx(0.5) and teacher.metrics()["mean"] == 1.0
    play(teacher, [0.0] * 15)
    assert teacher.metrics()["stage_progress"] == 0.0
    play(teacher, [1.0] * 4)
    assert teacher.metrics()["stage_progress"] == pytest.approx(0.5)


def test_a_graph_opens_what_its_prerequisites_allow() -> None:
    teacher = chain(stages=DIAMOND)
    assert rooms(teacher) == {1: 1.0}
    assert play(teacher, [1.0] * 10) and rooms(teacher) == pytest.approx({2: 0.5, 3: 0.5}, abs=0.08)
    assert teacher.new_events == ["move is mastered, now open, carry"]
    play(teacher, [1.0] * 5, only=3)
    assert play(teacher, [1.0] * 10, only=2) and rooms(teacher) == {3: 1.0}
    assert play(teacher, [1.0] * 5, only=3) and rooms(teacher) == {4: 1.0}, "five were counted before"
    assert not teacher.complete and not play(teacher, [1.0] * 10) and teacher.complete


def test_a_graph_goes_back_to_what_a_stage_comes_right_after() -> None:
    teacher = chain(stages=DIAMOND, demote={"patience": 1, **SMALL})
    for _ in range(2):
        play(teacher, [1.0] * 100)
    assert rooms(teacher) == {4: 1.0} and play(teacher, [0.0] * 10)
    assert sorted(rooms(teacher)) == [2, 3] and teacher.metrics()["mastered"] == 1.0
    assert teacher.events[-1]["to"] == "open, carry"


def test_a_student_that_is_stuck_is_not_sent_to_and_fro() -> None:
    # It masters the first stage at once and will never master the second.
    student = Student(SPACE, skill=0.3, rate=0.0, sharpness=200)
    stages = [{"name": "easy", "task": {"rooms": 1, "wind": 0}}, {"name": "hard", "task": {"rooms": 6}}]
    teacher = Stages(SPACE, seed=0, stages=stages, demote={})
    trace = simulate(teacher, student, [{"rooms": 6, "wind": 1.0}], episodes=16_000)
    assert 2 <= trace.metrics[-1]["demotions"] <= 7
    stuck = simulate(
        chain(demote={}), Student(SPACE, skill=-5.0, rate=0.0), [{"rooms": 6, "wind": 1.0}], episodes=1600
    )
    assert stuck.versions[-1] == 0


def test_success_that_nobody_tells_ends_the_run() -> None:
    teacher = chain(promote={**SMALL, "measure": "success"})
    untold = [Outcome(d.task, 0, d.tag, 1.0, 1.0, 20) for d in drawn(teacher, 10)]
    with pytest.raises(RunFailedError, match="is_success"):
        teacher.update(untold, TrainingProgress(0, 0))


def test_a_saved_state_knows_stages_by_name() -> None:
    teacher = chain()
    for _ in range(3):
        play(teacher, [1.0] * 10, steps=70)
    longer = chain(stages=[*CHAIN, {"name": "five", "task": {"rooms": 5}}])
    longer.load_state_dict(teacher.state_dict())
    assert rooms(longer) == {5: 1.0} and not longer.complete and longer.events == teacher.events
    with pytest.raises(CheckpointError, match="no stage six"):
        chain(stages=CHAIN[:2]).load_state_dict(teacher.state_dict())


def test_stages_of_a_bare_space_and_without_names() -> None:
    stages = [{"task": 0}, {"task": {"uniform": [0, 15]}}, {"task": {}}]
    teacher = Stages(TaskSpace.of({"box": [0, 20]}), seed=0, stages=stages)
    assert teacher.directive().sample(np.random.default_rng(0), 0).task == 0
    assert list(teacher.state_dict()["demoted"]) == ["1", "2", "3"]


def test_a_margin_takes_the_mean_that_a_text_is_after() -> None:
    teacher = chain(stages=[{**CHAIN[0], "promote": "success>=0.5 & episodes>=10"}, *CHAIN[1:]], demote=SMALL)
    play(teacher, [1.0] * 10)
    for _ in range(3):
        assert not play(teacher, [1.0] * 3 + [0.0] * 7), "0.5 - 0.2"
    assert [play(teacher, [0.0] * 10) for _ in range(3)] == [False, False, True]

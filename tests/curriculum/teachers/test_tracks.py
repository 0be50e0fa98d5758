from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlexp.base.errors import ConfigError
from rlexp.config.schema import CurriculumChoice
from rlexp.curriculum.build import teacher_of
from rlexp.curriculum.teachers.tracks import Tracks
from rlexp.environment.tasks.directive import Directive, Draw, Fixed
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

TEACHERS = "rlexp.curriculum.teachers"
SPACE = TaskSpace.of(
    {
        "gravity": {"box": [-12, 0]},
        "wind": {"box": [0, 15]},
        "rooms": {"int": [1, 6]},
        "size": {"choice": [5, 7]},
    }
)
GRAVITY = {"_target_": f"{TEACHERS}.schedule.Schedule", "parameters": {"from": -5, "to": -10, "steps": 100}}
WIND = {
    "_target_": f"{TEACHERS}.stages.Stages",
    "stages": [{"task": 0}, {"task": {"uniform": [5, 15]}}],
    "promote": {"measure": "return", "threshold": 150, "window": 4, "min_episodes": 4},
}
ROOMS = {"_target_": f"{TEACHERS}.ladder.Ladder"}


class Told:
    """A teacher that keeps what it is told."""

    complete = True

    def __init__(self, space: TaskSpace, *, seed: int) -> None:
        self.space, self.seed, self.outcomes, self.change = space, seed, [], False

    def directive(self) -> Directive:
        return Untrained(Fixed(self.space.sample(np.random.default_rng(self.seed)), tag="mine"))

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        self.outcomes += outcomes
        return self.change

    def metrics(self) -> dict[str, float]:
        return {"told": float(len(self.outcomes))}

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class Untrained:
    def __init__(self, inner: Directive) -> None:
        self.inner = inner

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        return self.inner.sample(rng, env_index)._replace(trainable=False)


def drawn(teacher: Tracks, count: int = 100) -> list[Draw]:
    directive, rng = teacher.directive(), np.random.default_rng(0)
    return [directive.sample(rng, env_index % 8) for env_index in range(count)]


def finished(draws: Sequence[Draw], episode_return: float, score: float = 0.0) -> list[Outcome]:
    return [
        Outcome(d.task, 7, d.tag, score, episode_return, 20, env_index=at % 8, signals={"max_mc": 0.5})
        for at, d in enumerate(draws)
    ]


def told(tracks: dict[str, Any], seed: int = 0) -> Tracks:
    mine = {"_target_": f"{__name__}.Told"}
    return Tracks(SPACE, seed=seed, tracks={**tracks, "size, rooms": mine}, trusted=["rlexp", __name__])


def test_each_track_draws_its_own_parameters_and_the_rest_is_uniform() -> None:
    teacher = Tracks(SPACE, seed=0, tracks={"gravity": GRAVITY, "wind": WIND})
    draws = drawn(teacher)
    assert {draw.task["gravity"] for draw in draws} == {-5.0} and {draw.task["wind"] for draw in draws} == {0}
    assert {draw.task["rooms"] for draw in draws} == set(range(1, 7)) and all(
        draw.trainable for draw in draws
    )
    assert list(draws[0].task) == list(SPACE.dims)
    assert draws[0].tag == {"gravity": [0, None], "wind": [0, 1]}


def test_tracks_move_on_their_own() -> None:
    teacher = Tracks(SPACE, seed=0, tracks={"gravity": GRAVITY, "wind": WIND, "rooms": ROOMS})
    before = drawn(teacher, 8)
    assert teacher.update(finished(before[:4], 200.0, score=1.0), TrainingProgress(50, 1))
    assert teacher.new_events == ["wind: 1 is mastered, now 2"]
    after = drawn(teacher, 8)
    assert {draw.task["gravity"] for draw in after} == {-7.5}
    assert all(5 <= draw.task["wind"] <= 15 for draw in after)
    assert [draw.task["rooms"] for draw in after] == [2, 2, 2, 2, 1, 1, 1, 1]
    assert after[0].tag == {"gravity": [1, None], "wind": [1, 2], "rooms": [1, 1]}
    # Draws of before are stale for the tracks that have moved, and for those alone.
    assert (
        teacher.update(finished(before, 200.0, score=1.0), TrainingProgress(50, 2)) and not teacher.complete
    )
    assert [draw.task["rooms"] for draw in drawn(teacher, 8)] == [2] * 8
    metrics = teacher.metrics()
    assert metrics["gravity/value/gravity"] == -7.5 and metrics["wind/stage"] == 1.0
    assert metrics["rooms/level_mean"] == 1.0


def test_it_is_complete_when_all_tracks_are() -> None:
    teacher = Tracks(SPACE, seed=0, tracks={"gravity": GRAVITY, "wind": WIND})
    for steps in (50, 100):
        assert not teacher.complete
        teacher.update(finished(drawn(teacher, 4), 200.0), TrainingProgress(steps, 1))
    assert teacher.complete


def test_a_teacher_hears_of_its_parameters_its_version_and_its_tag() -> None:
    teacher = told({"gravity": GRAVITY})
    inner = teacher._teachers["size,rooms"]
    assert isinstance(inner, Told) and list(inner.space.dims) == ["size", "rooms"] and not inner.space.bare
    draws = drawn(teacher, 3)
    assert not any(draw.trainable for draw in draws), "one track that says so is enough"
    teacher.update(finished(draws, 1.0), TrainingProgress(10, 1))
    own = {name: draws[0].task[name] for name in ("size", "rooms")}
    assert inner.outcomes[0] == Outcome(own, 0, "mine", 0.0, 1.0, 20, 0, signals={"max_mc": 0.5})
    inner.change = True
    assert teacher.update([], TrainingProgress(10, 1))
    teacher.update(finished(drawn(teacher, 1), 1.0), TrainingProgress(10, 1))
    assert inner.outcomes[-1].version == 1
    # A draw of the evaluation, or of another curriculum, has no tags.
    assert (
        teacher.update(finished([Draw(draws[0].task)], 1.0), TrainingProgress(10, 1))
        and len(inner.outcomes) == 4
    )


def test_tracks_have_seeds_of_their_own_that_others_do_not_change() -> None:
    def seeds(tracks: dict[str, Any], seed: int) -> Any:
        return {name: t.seed for name, t in told(tracks, seed)._teachers.items() if isinstance(t, Told)}

    mine = {"_target_": f"{__name__}.Told"}
    first, other, alone = seeds({"wind": mine}, 0), seeds({"wind": mine}, 1), seeds({}, 0)
    assert len({*first.values(), *other.values()}) == 4 and alone["size,rooms"] == first["size,rooms"]


def test_metrics_that_the_rules_read_are_told() -> None:
    watched = {**WIND, "promote": "custom/gusts>3"}
    assert Tracks(SPACE, seed=0, tracks={"gravity": GRAVITY, "wind": watched}).reads() == ["custom/gusts"]


def test_what_one_of_them_asks_of_the_learner_all_ask() -> None:
    levels = {"_target_": f"{TEACHERS}.plr.RobustPLR"}
    both = Tracks(SPACE, seed=0, tracks={"gravity": GRAVITY, "wind": levels})
    assert both.needs_signals == ("positive_value_loss",) and both.leaves_out
    alone = Tracks(SPACE, seed=0, tracks={"gravity": GRAVITY})
    assert alone.needs_signals == () and not alone.leaves_out


def test_it_is_built_from_a_config_whose_specs_are_left_to_it() -> None:
    choice = CurriculumChoice(
        tasks={"gravity": {"box": [-12, 0]}, "wind": {"box": [0, 15]}},
        teacher={"_target_": f"{TEACHERS}.tracks.Tracks", "tracks": {"gravity": GRAVITY, "wind": WIND}},
    )
    assert isinstance(teacher_of(choice, ["rlexp"], seed=0), Tracks)
    foreign = dict(choice.teacher or {}, tracks={"wind": {"_target_": "envs.mine.Teacher"}})
    with pytest.raises(ConfigError, match="not among the trusted modules"):
        teacher_of(replace(choice, teacher=foreign), ["rlexp"], seed=0)


@pytest.mark.parametrize(
    ("tracks", "key", "message"),
    [
        ({}, "tracks", "must map parameters"),
        ({"gravty": GRAVITY}, "tracks.gravty", "did you mean: gravity"),
        ({"gravity": GRAVITY, "wind, gravity": ROOMS}, "tracks.wind, gravity", "gravity is in two tracks"),
        ({"gravity": {"parameters": {}}}, "tracks.gravity", "must name a teacher"),
        ({"gravity": {"_target_": "os.system"}}, "tracks.gravity", "refused"),
        (
            {"gravity": {"_target_": f"{TEACHERS}.schedule.Shedule"}},
            "tracks.gravity",
            "did you mean: Schedule",
        ),
        ({"gravity": {**GRAVITY, "paramters": {}}}, "tracks.gravity", "takes no argument paramters"),
        (
            {"gravity": {**GRAVITY, "parameters": {"from": 1}}},
            "tracks.gravity.parameters.from",
            "from -12 to 0",
        ),
        ({"wind": {**WIND, "promote": {"window": 0}}}, "tracks.wind.promote.window", "at least 1"),
        ({"wind": {**WIND, "promote": "sucess>1"}}, "tracks.wind.promote", "did you mean: success"),
        (
            {"rooms": {"_target_": "rlexp.environment.tasks.space.TaskSpace", "dims": {}}},
            "tracks.rooms",
            "TaskSpace",
        ),
    ],
)
def test_a_bad_track_is_told_with_its_key(tracks: dict[str, Any], key: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Tracks(SPACE, seed=0, tracks=tracks)
    assert caught.value.key == f"curriculum.teacher.{key}" and message in str(caught.value)
    assert caught.value.key in str(caught.value)

"""Every shipped curriculum makes its teacher, on an environment that has tasks."""

from __future__ import annotations

import pytest
from harness import choices

import rlexp
from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.curriculum.build import curriculum_of
from rlexp.environment.tasks.space import space_of

GIVEN = {
    "function": ["curriculum.task_fn=task_functions.always_two"],
    "ladder": ["curriculum.teacher.parameter=rooms"],
    "schedule": ["curriculum.teacher.parameters={rooms: {from: 1, to: 6, steps: 100}}"],
    "spdl": ["curriculum.teacher.target={mean: [6, 6], std: [0.1, 0.1]}"],
    "stages": ["curriculum.teacher.stages=[{name: two, task: {rooms: 2}}, {name: six, task: {rooms: 6}}]"],
    "tracks": ["curriculum.teacher.tracks={rooms: {_target_: rlexp.curriculum.teachers.ladder.Ladder}}"],
}
"""What a person has to say."""
ENVS = {"point_mass": "point_mass", "point_mass_friction": "point_mass"}
"""Where a choice belongs to one environment; the others fit any that has tasks."""
TRUSTED = "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,minigrid,task_functions]"


@pytest.mark.parametrize("name", [name for name in choices("curriculum") if name != "none"])
def test_every_choice_makes_a_teacher_that_draws_from_the_space(name: str) -> None:
    env = ENVS.get(name, "multiroom")
    config = rlexp.compose([f"env={env}", f"curriculum={name}", TRUSTED, *GIVEN.get(name, [])])
    curriculum = curriculum_of(config.curriculum, config.trusted, seed=0)
    assert curriculum is not None
    for env_index in range(8):
        space_of(config.curriculum).check(curriculum.payload().draw(env_index, 0).task, name)


@pytest.mark.parametrize("name", [name for name in GIVEN if name not in ("ladder",)])
def test_what_has_to_be_said_is_asked_for(name: str) -> None:
    with pytest.raises((ConfigError, ConfigErrors), match="curriculum.teacher"):
        rlexp.compose(["env=multiroom", f"curriculum={name}", TRUSTED])


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("ladder", "threshold=80"),
        ("adr", "expand=1.5"),
        ("adr", "shrink=-3"),
        ("goal_band", "high=30"),
        ("spdl", "v_lb=20"),
        ("stages", "promote.threshold=80"),
    ],
)
def test_a_score_that_success_can_never_be_is_refused_and_a_return_may_have_it(name: str, wrong: str) -> None:
    words = [
        "env=multiroom",
        f"curriculum={name}",
        TRUSTED,
        *GIVEN.get(name, []),
        f"curriculum.teacher.{wrong}",
    ]
    with pytest.raises((ConfigError, ConfigErrors), match="curriculum.measure=success"):
        rlexp.compose(words)
    rlexp.compose([*words, "curriculum.measure=return"])

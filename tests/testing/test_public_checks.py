"""`rlexp.testing` names what is wrong with a part, and finds nothing wrong with those that are shipped."""

from __future__ import annotations

from typing import Any

import faulty_parts as faulty
import pytest
import yaml
from harness import CONF, choices

from rlexp.curriculum.teachers.uniform import Uniform
from rlexp.testing import check_callback, check_environment, check_module, check_strategy, check_teacher

GIVEN = {
    "ladder": ["curriculum.teacher.parameter=rooms"],
    "schedule": ["curriculum.teacher.parameters={rooms: {from: 1, to: 6, steps: 100}}"],
    "spdl": ["curriculum.teacher.target={mean: [6, 6], std: [0.1, 0.1]}"],
    "stages": ["curriculum.teacher.stages=[{name: two, task: {rooms: 2}}, {name: six, task: {rooms: 6}}]"],
    "tracks": ["curriculum.teacher.tracks={rooms: {_target_: rlexp.curriculum.teachers.ladder.Ladder}}"],
}
"""What teachers need beside their choice."""
# Box2D's solver takes contacts in an order that depends on memory, so that no seed gives BipedalWalker's walk again.
ENVS = [name for name in choices("env") if name not in ("gym", "envpool", "atari", "bipedal")]


def flaws(check: Any, part: Any, **arguments: Any) -> str:
    with pytest.raises(AssertionError, match="does not keep the contract") as raised:
        check(part, **arguments)
    return str(raised.value)


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (faulty.Outside, "not between -1.0 and 1.0"),
        (faulty.Unseeded, "draw from self.np_random alone"),
        (faulty.Shared, "keep state on self"),
        (faulty.Undefined, "nan"),
        (faulty.ClosedOnce, "closing it a second time raised AttributeError"),
        (faulty.Raising, "the motor is off"),
        ("faulty_parts.Lime", "Line"),
    ],
)
def test_a_faulty_environment_is_named(part: Any, says: str) -> None:
    assert says in flaws(check_environment, part)


def test_a_sound_environment_passes() -> None:
    check_environment(faulty.Line)
    check_environment("faulty_parts.Line", max_episode_steps=5)
    check_environment("CartPole-v1")


def test_a_part_that_no_config_can_name_is_refused() -> None:
    class Here(faulty.Line):
        pass

    assert "move it to the top of a module" in flaws(check_environment, Here)


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (faulty.Unstable, "draw from a generator made of `seed` alone"),
        (faulty.BeyondTheSpace, "draws a task outside of the space"),
        (faulty.Forgetful, "put all that it has learnt"),
        (faulty.Silent, "so that no runner gets it; return True"),
        (faulty.Wordy, "metrics()['stage'] is 'first'"),
        (faulty.Wordy, "leave out curriculum/"),
        (faulty.Needy, "use 'value_l1'"),
        (faulty.Unpicklable, "cannot be pickled"),
        (faulty.Teacherless, "lacks update, metrics, state_dict, load_state_dict, complete"),
    ],
)
def test_a_faulty_teacher_is_named(part: Any, says: str) -> None:
    assert says in flaws(check_teacher, part)


def test_a_sound_teacher_passes() -> None:
    check_teacher(Uniform)
    check_teacher("rlexp.curriculum.teachers.ladder.Ladder", targets=[{"difficulty": 5}], threshold=0.7)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in choices("curriculum") if name not in ("none", "function")])
def test_every_shipped_teacher_passes(name: str) -> None:
    import rlexp

    words = ["experiment=minigrid_suite"] if name == "minigrid_suite" else [f"curriculum={name}"]
    if name != "minigrid_suite":
        words.append("env=point_mass" if name.startswith("point_mass") else "env=multiroom")
    choice = rlexp.compose([*words, *GIVEN.get(name, [])]).curriculum
    assert choice.teacher is not None
    arguments = dict(choice.teacher)
    check_teacher(
        arguments.pop("_target_"),
        tasks=choice.tasks,
        targets=choice.targets,
        measure=choice.measure,
        **arguments,
    )


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (faulty.Misspelt, "nothing calls on_episode_ended; write on_episode_end"),
        (faulty.Narrow, "cannot take what RLlib calls it with"),
        (faulty.RunHookOfNoRun, "nothing calls on_record"),
        (faulty.OldHook, "is never called"),
        (faulty.Writing, "__init__ wrote seen.txt"),
        (faulty.OneName, "write a tuple: METRICS = ('height',)"),
        (faulty.Line, "is no callback of RLlib"),
    ],
)
def test_a_faulty_callback_is_named(part: Any, says: str) -> None:
    assert says in flaws(check_callback, part, train=None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "says"),
    [(faulty.Undeclared, "logs 'height', which METRICS lacks"), (faulty.Failing, "no such column")],
)
def test_a_callback_that_is_wrong_in_a_run_is_named(part: Any, says: str) -> None:
    assert says in flaws(check_callback, part)


@pytest.mark.parametrize("name", [name for name in choices("callbacks") if name != "none"])
def test_every_shipped_callback_passes(name: str) -> None:
    (spec,) = yaml.safe_load((CONF / "callbacks" / f"{name}.yaml").read_text()).values()
    check_callback(spec.pop("_target_"), train=None, **spec)


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (faulty.NoConfigure, "it has no method configure"),
        (faulty.RefusesAll, "refuses every algorithm"),
        (faulty.RaisesPlainly, "raise rlexp.ConfigError"),
        (faulty.OfNames, "differently for the class and for its import path"),
        (faulty.UnknownSetting, "refuse the algorithm in check instead"),
        (faulty.Growing, "further when it is called again"),
    ],
)
def test_a_faulty_strategy_is_named(part: Any, says: str) -> None:
    assert says in flaws(check_strategy, part)


@pytest.mark.parametrize("name", choices("exploration"))
def test_every_shipped_strategy_passes(name: str) -> None:
    spec = yaml.safe_load((CONF / "exploration" / f"{name}.yaml").read_text())
    check_strategy(spec.pop("_target_"), **{key: value for key, value in spec.items() if key != "defaults"})


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (faulty.ShortOutput, "keep the first dimension"),
        (faulty.WrongWidth, "gives 1 numbers for an action"),
        (faulty.Noisy, "leave chance to the distribution"),
        (faulty.Hidden, "register layers and buffers"),
        (faulty.Columned, "compute_values has shape (4, 1)"),
        (faulty.Divided, "is not finite"),
        (faulty.NoModule, "is no RLModule"),
    ],
)
def test_a_faulty_module_is_named(part: Any, says: str) -> None:
    assert says in flaws(check_module, part, hiddens=[8])


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_the_shipped_module_passes(env: str) -> None:
    check_module("rlexp.models.separate.SeparateActorCritic", env=env, hiddens=[8])


@pytest.mark.slow
@pytest.mark.parametrize("env", ENVS)
def test_every_shipped_environment_passes(env: str) -> None:
    import rlexp

    choice = rlexp.compose([f"env={env}"]).env
    check_environment(choice.id, max_episode_steps=choice.max_episode_steps, **choice.config)

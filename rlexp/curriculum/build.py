"""From the config's `curriculum` to its parts, each checked."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from rlexp.base.errors import ConfigError
from rlexp.config.callables.targets import TARGET, check, locate
from rlexp.config.schema import CurriculumChoice
from rlexp.curriculum.curriculum import Curriculum
from rlexp.curriculum.teacher import Teacher
from rlexp.environment.tasks.apply_task import check_method
from rlexp.environment.tasks.directive import Cycle, Directive, Fixed
from rlexp.environment.tasks.episode_measure import check_measure
from rlexp.environment.tasks.payload import Payload
from rlexp.environment.tasks.space import space_of

TEACHER = "curriculum.teacher"


def check_curriculum(choice: CurriculumChoice, trusted: Sequence[str]) -> Teacher | None:
    """Everything about a curriculum that can be judged without an environment.

    Returns:
        Its teacher, for further checks; None without a curriculum.

    Raises:
        ConfigError: what is wrong.
    """
    if choice.teacher is None:
        return None
    space = space_of(choice)
    check_method(choice.apply)
    check_measure(choice.measure)
    for position, task in enumerate(choice.targets or []):
        space.check(task, f"curriculum.targets[{position}]")
    return teacher_of(choice, trusted, seed=0)


def teacher_of(choice: CurriculumChoice, trusted: Sequence[str], *, seed: int) -> Teacher:
    """The teacher, fresh.

    Raises:
        ConfigError: its arguments do not fit, or it is none.
    """
    assert choice.teacher is not None
    takes = inspect.signature(locate(choice.teacher[TARGET], trusted)).parameters
    offered = {"trusted": tuple(trusted), "measure": choice.measure}
    given = {"seed": seed, **{name: value for name, value in offered.items() if name in takes}}
    if choice.task_fn:
        given["task_fn"] = choice.task_fn
        if "task_fn" not in takes:
            raise ConfigError(
                f"curriculum.task_fn={choice.task_fn}: {choice.teacher[TARGET]} calls no task function",
                key="curriculum.task_fn",
                fix="curriculum=function",
            )
    # Teachers of teachers make those themselves: each has a space of its own.
    target = check(choice.teacher, trusted, positional=1, given=tuple(given), key=TEACHER, nested=False)
    arguments = {name: value for name, value in choice.teacher.items() if name != TARGET}
    teacher = target(space_of(choice), **arguments, **given)
    if not isinstance(teacher, Teacher):
        raise ConfigError(
            f"{TEACHER}: {choice.teacher['_target_']} made a {type(teacher).__name__}, which lacks "
            f"{', '.join(name for name in _PROTOCOL if not hasattr(teacher, name))}",
            key=TEACHER,
            fix="implement rlexp.curriculum.teacher.Teacher",
        )
    return teacher


_PROTOCOL = ("directive", "update", "metrics", "state_dict", "load_state_dict", "complete")


def curriculum_of(choice: CurriculumChoice, trusted: Sequence[str], seed: int) -> Curriculum | None:
    """What the main process keeps; None without a curriculum."""
    if choice.teacher is None:
        return None
    return Curriculum(teacher_of(choice, trusted, seed=seed), space_of(choice), choice.measure, seed)


def target_payload(choice: CurriculumChoice, seed: int) -> Payload | None:
    """What evaluation draws from: the target tasks in turn; None leaves the environment its own task."""
    if choice.teacher is None or not choice.targets:
        return None
    directive: Directive = Fixed(choice.targets[0]) if len(choice.targets) == 1 else Cycle(choice.targets)
    return Payload(directive, 0, 0, seed)

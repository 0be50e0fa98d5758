"""Whether a teacher can teach a run that is stopped, resumed and cloned."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.schema import CurriculumChoice
from rlexp.curriculum.build import check_curriculum, teacher_of
from rlexp.curriculum.simulation.student import Student
from rlexp.curriculum.teacher import Teacher, needed_signals
from rlexp.curriculum.teachers.plr import MAX_MC
from rlexp.environment.tasks.outcome import SIGNALS, Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace, space_of
from rlexp.testing.part import Part

TASKS = {"difficulty": {"int": [1, 5]}}
ITERATIONS, EPISODES = 24, 16
LARGEST_DIRECTIVE = 1_000_000  # bytes; it goes to each runner whenever it changes
_PLAIN = (type(None), bool, int, float, str, bytes, np.ndarray, np.generic)


def check_teacher(
    teacher: Callable[..., Any] | str,
    *,
    tasks: Mapping[str, Any] | None = None,
    targets: Sequence[Any] | None = None,
    measure: str = "success",
    **arguments: Any,
) -> None:
    """Lets a teacher teach a synthetic student, stops it, and goes on with its state.

    Args:
        teacher: its class, or its import path.
        tasks: the task space, as `curriculum.tasks`; five levels of difficulty if left out.
        targets: the tasks of evaluation, as `curriculum.targets`.
        measure: as `curriculum.measure`.
        arguments: as they stand beside `_target_` in `curriculum.teacher`.

    Raises:
        AssertionError: it lacks a method, draws tasks outside of the space, depends on something else than its
            arguments and the outcomes, does not go on from its state as if it had not been stopped, or logs what is
            no number.
    """
    part = Part(teacher)
    choice = CurriculumChoice(
        teacher={"_target_": part.path, **arguments},
        tasks=dict(tasks or TASKS),
        targets=None if targets is None else list(targets),
        measure=measure,
    )
    try:
        made = check_curriculum(choice, part.trusted)
    except (ConfigError, TypeError, ValueError) as error:
        part.stop(f"{error}" if isinstance(error, ConfigError) else f"making it raised {error!r}")
        return
    assert made is not None
    space = space_of(choice)

    def fresh(seed: int) -> Teacher:
        return teacher_of(choice, part.trusted, seed=seed)

    _check_attributes(part, made)
    with part.noting("teaching a student"):
        history = _teach(part, fresh(3), space)
        _check_repeats(part, fresh, history)
        _check_state(part, fresh, history)
    part.finish()


def _check_attributes(part: Part, teacher: Teacher) -> None:
    signals = needed_signals(teacher)
    written = getattr(teacher, "needs_signals", ())
    if isinstance(written, str):
        part.flaw(f"needs_signals is the text {written!r}; write a tuple: ({written!r},)")
        signals = ()
    for name in signals:
        if name not in (*SIGNALS, MAX_MC):
            known = [*SIGNALS, MAX_MC]
            part.flaw(
                f"needs_signals has {name!r}, which no run gives; use {(nearest(name, known) or known)[0]!r}"
            )
    if not isinstance(teacher.complete, bool):
        part.flaw(f"complete is {teacher.complete!r}; make it a property that returns True or False")


def _teach(part: Part, teacher: Teacher, space: TaskSpace) -> list[list[Outcome]]:
    """Checks what the teacher says on the way; returns the outcomes that it was given, a list an iteration."""
    rng, student, history, version = np.random.default_rng(0), Student(space, rate=0.02), [], 0
    for iteration in range(ITERATIONS):
        directive = teacher.directive()
        before = _pickled(part, directive)
        draws = [directive.sample(rng, slot) for slot in range(EPISODES)]
        for draw in draws:
            try:
                space.check(draw.task, "task")
            except ConfigError as error:
                part.stop(f"its directive draws a task outside of the space: {error}")
        outcomes = [student.attempt(draw, version, slot, rng) for slot, draw in enumerate(draws)]
        if iteration % 5 == 4:
            outcomes = []  # no episode has ended in this iteration
        history.append(outcomes)
        changed = teacher.update(outcomes, _progress(history))
        version += bool(changed)
        if not isinstance(changed, (bool, np.bool_)):
            part.flaw(
                f"update returned {changed!r}; return True where directive() is another now, else False"
            )
        elif not changed and _pickled(part, teacher.directive()) != before:
            part.flaw(
                "directive() is another after an update that returned False, so that no runner gets it; return True"
            )
        _check_metrics(part, teacher.metrics())
    return history


def _progress(history: list[list[Outcome]]) -> TrainingProgress:
    steps = sum(outcome.length for outcomes in history for outcome in outcomes)
    return TrainingProgress(steps, len(history), {"train/return_mean": 0.5})


def _pickled(part: Part, directive: Any) -> bytes:
    try:
        found = pickle.dumps(directive)
    except Exception as error:
        part.stop(
            f"directive() cannot be pickled ({error}); build it of plain values and classes of a module"
        )
        raise AssertionError from error  # for the type checker: `stop` raises
    if len(found) > LARGEST_DIRECTIVE:
        part.flaw(
            f"directive() is {len(found):,} bytes, and goes to every runner; keep what draws tasks, not their history"
        )
    return found


def _check_metrics(part: Part, metrics: Any) -> None:
    if not isinstance(metrics, dict):
        part.stop(f"metrics() returned {metrics!r}; return a dict of numbers by name")
    for name, value in metrics.items():
        if not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
            part.flaw(f"metrics()[{name!r}] is {value!r}; give a finite number, or leave the name out")
        if "/" in str(name) and str(name).startswith("curriculum/"):
            part.flaw(f"metrics() has {name!r}; leave out curriculum/, which is put before every name")


def _follow(teacher: Teacher, history: list[list[Outcome]], start: int = 0) -> list[Any]:
    """What the teacher says after each iteration of the history from `start` on."""
    said: list[Any] = []
    for end in range(start, len(history)):
        changed = teacher.update(history[end], _progress(history[: end + 1]))
        rng = np.random.default_rng(end)
        directive = teacher.directive()
        said.append(
            (bool(changed), [repr(directive.sample(rng, slot)) for slot in range(4)], teacher.metrics())
        )
    return said


def _check_repeats(part: Part, fresh: Callable[[int], Teacher], history: list[list[Outcome]]) -> None:
    np.random.seed(1)  # noqa: NPY002 - a teacher that reads the global generator is found by it
    first = _follow(fresh(3), history)
    np.random.seed(2)  # noqa: NPY002
    if repr(first) != repr(_follow(fresh(3), history)):
        part.flaw(
            "two with the same arguments, seed and outcomes say different things; draw from a generator made of `seed` "
            "alone, and read no clock"
        )


def _check_state(part: Part, fresh: Callable[[int], Teacher], history: list[list[Outcome]]) -> None:
    half = len(history) // 2
    teacher = fresh(3)
    _follow(teacher, history[:half])
    state = teacher.state_dict()
    if (where := _not_plain(state, "state_dict()")) is not None:
        part.flaw(
            f"{where}; keep plain values and numpy arrays, which checkpoints of later versions can still read"
        )
    stored = pickle.dumps(state)
    first = _follow(teacher, history, half)
    if pickle.dumps(state) != stored:
        part.flaw("a state that was taken changes with later updates; return copies from state_dict")
    other = fresh(4)  # a resumed run's has another random state until it is loaded
    other.load_state_dict(pickle.loads(stored))
    if repr(first) != repr(_follow(other, history, half)):
        part.flaw(
            "one that loads a state goes on differently from the one that it was taken of; put all that it has learnt, "
            "and its generator's state, into state_dict, and take it back in load_state_dict"
        )


def _not_plain(value: Any, path: str) -> str | None:
    """The first part of `value` that is no plain value, in words."""
    if isinstance(value, dict):
        pairs = [(key, f"{path}[{key!r}]") for key in value]
        return next((bad for key, at in pairs if (bad := _not_plain(value[key], at)) is not None), None)
    if isinstance(value, (list, tuple, set, frozenset)):
        parts = enumerate(value)
        return next(
            (bad for i, inner in parts if (bad := _not_plain(inner, f"{path}[{i}]")) is not None), None
        )
    return None if isinstance(value, _PLAIN) else f"{path} is a {type(value).__name__}"

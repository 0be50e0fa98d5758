"""Tasks in an environment's own vector form: which, when, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import vector_walks
from gymnasium.vector import SyncVectorEnv, VectorEnv
from vector_walks import InDict, NoBox, Walk, Walks, Wrapped

from rlexp.config.schema import CurriculumChoice, EnvChoice
from rlexp.engine.curriculum_connector import CurriculumConnector
from rlexp.engine.env_task_dispatcher import TaskDispatcher
from rlexp.environment.env_errors import FatalEnvError
from rlexp.environment.guards.guard import Guard
from rlexp.environment.guards.vector_guard import VectorGuard
from rlexp.environment.info_keys import FAILURE, NOT_LEARNT, OUTCOME
from rlexp.environment.make import make_env
from rlexp.environment.tasks.apply_task import task_applier
from rlexp.environment.tasks.directive import Draw, Everywhere, Fixed
from rlexp.environment.tasks.outcome import Outcome
from rlexp.environment.tasks.payload import Payload
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task_env import OBSERVED, TaskEnv
from rlexp.environment.tasks.vector_task_env import VectorTaskEnv

SPACE = TaskSpace.of({"length": {"int": [1, 6]}})
ROWS = 3


def made(
    form: Callable[..., VectorEnv] = Walks, measure: str = "success", observed: bool = False, **config: Any
) -> VectorTaskEnv:
    Walks.stepped = Walks.reset_times = 0
    guard = VectorGuard(partial(form, ROWS, **config), "walks")
    return VectorTaskEnv(guard, measure, SPACE if observed else None)


def payload(directive: Any = None, version: int = 0, base: int = 0) -> Payload:
    return Payload(directive or Everywhere(SPACE), version, base, 7)


def hand(vector: VectorEnv, given: Payload, worker_index: int = 0) -> None:
    piece = CurriculumConnector()
    piece.publish(given)
    TaskDispatcher(piece, worker_index).dispatch(vector)


def walk(vector: VectorEnv, steps: int) -> tuple[list[Outcome], list[Any]]:
    """The outcomes in order, and what each step returned, the reset first; actions are the same each time."""
    rng = np.random.default_rng(1)
    observations, infos = vector.reset(seed=0)
    none = np.zeros(ROWS, bool)
    returned = [(observations, np.zeros(ROWS), none, none, infos)]
    for _ in range(steps):
        returned.append(vector.step(rng.integers(0, 2, ROWS)))
    outcomes = [
        infos[OUTCOME][row] for *_, infos in returned for row in np.flatnonzero(infos.get(f"_{OUTCOME}", []))
    ]
    return outcomes, returned


@pytest.mark.parametrize("form", [Walks, Wrapped])
@pytest.mark.parametrize("measure", ["success", "return", "length", "info:progress"])
def test_it_does_what_tasks_in_single_environments_do(form: Any, measure: str) -> None:
    def single() -> TaskEnv:
        return TaskEnv(Guard(Walk, "walk"), task_applier("set_task", SPACE, Walk), measure, SPACE)

    found = []
    for vector in (SyncVectorEnv([single] * ROWS), made(form, measure, observed=True)):
        hand(vector, payload(version=2, base=40), worker_index=2)
        found.append(walk(vector, 60))
    assert found[0][0] == found[1][0] and len(found[0][0]) > 30
    assert {outcome.env_index for outcome in found[1][0]} == {3, 4, 5}
    assert len({outcome.score for outcome in found[1][0]}) > 1
    for single_step, vector_step in zip(found[0][1], found[1][1], strict=True):
        for one, other in zip(single_step[:4], vector_step[:4], strict=True):
            np.testing.assert_array_equal(one, other)


@dataclass(frozen=True)
class _Half:
    """Every task of the space; from every second, the policy does not learn."""

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        return Draw(SPACE.sample(rng), env_index, bool(rng.random() < 0.5))


def test_episodes_that_are_not_learnt_from_are_marked_as_in_single_environments() -> None:
    def single() -> TaskEnv:
        return TaskEnv(Guard(Walk, "walk"), task_applier("set_task", SPACE, Walk), "success")

    marks = []
    for vector in (SyncVectorEnv([single] * ROWS), made()):
        hand(vector, replace(payload(_Half()), excludes_episodes=True))
        _, returned = walk(vector, 60)
        none = np.zeros(ROWS, bool)
        marks.append(np.stack([infos.get(f"_{NOT_LEARNT}", none) for *_, infos in returned]))
    assert (marks[0] == marks[1]).all() and 3 < marks[0].sum() < marks[0].size / 2


def test_rows_hold_tasks_of_their_own_which_change_only_where_an_episode_begins() -> None:
    vector = made(observed=True)
    hand(vector, payload(base=1))
    assert vector.reset()[0].shape == (ROWS, 3)
    assert len({task["length"] for task in vector.tasks}) == ROWS
    begins, changes = np.zeros(ROWS, bool), 0
    for _ in range(40):
        before = vector.tasks
        observations, _, done, _, _ = vector.step(np.ones(ROWS, int))
        for row, task in enumerate(vector.tasks):
            assert observations[row, 1] == np.float32(task["length"] / 10)
            assert observations[row, 2] == SPACE.encode(task)[0]
            assert begins[row] or task is before[row]
            changes += task is not before[row]
        begins = done
    assert changes > 10


def test_a_new_payload_waits_for_episodes_to_end_and_outcomes_tell_the_old_version() -> None:
    vector = made()
    vector.set_curriculum(payload(Fixed({"length": 2}), version=1))
    vector.reset()
    vector.set_curriculum(payload(Fixed({"length": 3}), version=2))
    seen = [vector.step(np.ones(ROWS, int))[4].get(OUTCOME) for _ in range(6)]
    assert [one if one is None else (one[2].version, one[2].length) for one in seen] == [
        *(None, (1, 2), None),  # The third begins the next.
        *(None, None, (2, 3)),
    ]


def test_without_a_payload_nothing_is_changed() -> None:
    outcomes, returned = walk(made(length=2, observed=True), 6)
    assert outcomes == [] and all(OUTCOME not in infos for *_, infos in returned)
    assert returned[0][0].tolist() == [[0.0, np.float32(0.2), 0.0]] * ROWS


def test_a_payload_is_handed_once_beneath_whatever_wrappers() -> None:
    from gymnasium.wrappers.vector import DictInfoToList

    piece, vector = CurriculumConnector(), made()
    piece.publish(payload())
    dispatcher = TaskDispatcher(piece, 1)
    dispatcher.dispatch(DictInfoToList(vector))
    vector.reset()
    drawn = vector.tasks
    dispatcher.dispatch(DictInfoToList(vector))  # The stream goes on.
    vector.reset()
    assert drawn == [payload().draw(row, 0).task for row in range(ROWS)]
    assert vector.tasks == [payload().draw(row, 1).task for row in range(ROWS)]
    piece.publish(payload(base=9))
    dispatcher.dispatch(DictInfoToList(vector))
    vector.reset()
    assert vector.tasks == [payload(base=9).draw(row, 0).task for row in range(ROWS)]


def test_a_crash_ends_no_episode_that_counts_and_new_ones_have_tasks_of_their_own() -> None:
    """The third row begins its second episode in the step that crashes; it goes on with the task just drawn."""
    tasks = iter([5, 5, 2, 3, 4, 6, *[1] * 99])

    class Listed:
        def sample(self, rng: Any, env_index: int) -> Draw:
            return Draw({"length": next(tasks)})

    vector = made(crash_at=(3,))
    vector.set_curriculum(payload(Listed()))
    outcomes, returned = walk(vector, 10)
    assert returned[3][3].tolist() == [True, True, False]
    assert returned[3][4][f"_{FAILURE}"].tolist() == [True, True, False]
    assert OUTCOME not in returned[3][4]
    assert returned[4][0][:, 1].tolist() == pytest.approx([0.4, 0.6, 0.3])
    ended = [(outcome.env_index, outcome.task["length"], outcome.length) for outcome in outcomes[:4]]
    # The third row saw its first observation twice, which is a step to the policy.
    assert ended == [(2, 2, 2), (2, 3, 4), (0, 4, 4), (2, 1, 1)]


def test_a_reset_that_crashes_keeps_the_tasks() -> None:
    vector = made(crash_at_reset=(1, 2))
    vector.set_curriculum(payload())
    observations, infos = vector.reset(seed=0)
    assert infos["env_failure_count"].sum() == 2
    assert vector.tasks == [payload().draw(row, 0).task for row in range(ROWS)]
    assert observations[:, 1].tolist() == pytest.approx([task["length"] / 10 for task in vector.tasks])


def test_a_restart_sets_each_rows_task_once_a_try_and_draws_it_once() -> None:
    vector = made(crash_at=(1,), crash_at_reset=(2,))
    vector.set_curriculum(payload())
    vector.reset()
    _, _, _, truncated, infos = vector.step(np.ones(ROWS, int))
    assert truncated.all() and infos["env_failure_count"].sum() == 2
    vector.step(np.ones(ROWS, int))
    assert vector.tasks == [payload().draw(row, 1).task for row in range(ROWS)]
    assert vector.unwrapped.told == [0, 1, 2]  # Nothing more: the episodes had begun.


def test_a_reset_after_a_restart_draws_from_the_payload_of_the_day() -> None:
    vector = made(crash_at=(1,))
    vector.set_curriculum(payload(Fixed({"length": 2}), version=1))
    vector.reset()
    vector.step(np.ones(ROWS, int))
    vector.set_curriculum(payload(Fixed({"length": 1}), version=2))
    vector.reset()
    told = vector.step(np.ones(ROWS, int))[4][OUTCOME]
    assert [(o.task["length"], o.version, o.length) for o in told] == [(1, 2, 1)] * ROWS


def test_an_episode_begun_by_a_restart_keeps_its_task_when_a_payload_comes_before_its_step() -> None:
    vector = made(crash_at=(1,))
    vector.set_curriculum(payload(Fixed({"length": 2}), version=1))
    vector.reset()
    vector.step(np.ones(ROWS, int))
    vector.set_curriculum(payload(Fixed({"length": 4}), version=2))
    told = [vector.step(np.ones(ROWS, int))[4] for _ in range(3)]
    assert [(o.task["length"], o.version, o.length) for o in told[2][OUTCOME]] == [(2, 1, 2)] * ROWS


def test_a_dict_gets_the_tasks_numbers_which_later_draws_do_not_change() -> None:
    vector = made(InDict, observed=True)
    vector.set_curriculum(payload())
    first, _ = vector.reset()
    assert vector.observation_space.contains(first) and vector.single_observation_space[OBSERVED].shape == (
        1,
    )
    numbers = first[OBSERVED].copy()
    walk(vector, 20)
    np.testing.assert_array_equal(first[OBSERVED], numbers)
    with pytest.raises(ValueError, match="flat Box of floats or a Dict"):
        made(NoBox, observed=True)


@pytest.mark.parametrize("step", [False, True], ids=["in_a_reset", "in_a_restart"])
def test_what_ends_a_run_ends_it(step: bool) -> None:
    class Aside:
        def sample(self, rng: Any, env_index: int) -> Draw:
            return Draw({"length": 2}, trainable=not aside)

    aside = not step
    vector = made(crash_at=(1,))
    vector.set_curriculum(payload(Aside()))
    with pytest.raises(FatalEnvError, match="^curriculum: the teacher asks for the task"):
        vector.reset()
        aside = True
        vector.step(np.ones(ROWS, int))


def test_a_measure_that_the_environment_does_not_tell_ends_the_run_with_what_there_is() -> None:
    vector = made(measure="info:distance")
    vector.set_curriculum(payload())
    with pytest.raises(FatalEnvError, match=r"info:distance.*distance.*it has success, progress"):
        walk(vector, 10)


def test_what_makes_vector_environments_only_takes_tasks_as_a_single_one_too() -> None:
    tasks = CurriculumChoice(teacher={"_target_": "x"}, tasks={"length": {"int": [1, 6]}}, measure="length")
    env = make_env(EnvChoice(id="vector_walks.Walks"), [vector_walks.__name__], tasks)
    assert isinstance(env, TaskEnv)
    env.set_curriculum(payload(Fixed({"length": 2})))
    assert env.reset()[0].tolist() == pytest.approx([0.0, 0.2])
    env.step(1)
    assert env.step(1)[4][OUTCOME].length == 2

"""Tasks on their way into environments, and outcomes on their way out; real vector environments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

from rlexp.engine.curriculum_connector import CurriculumConnector
from rlexp.engine.env_task_dispatcher import TaskDispatcher
from rlexp.environment.env_errors import FatalEnvError
from rlexp.environment.guards.guard import Guard
from rlexp.environment.info_keys import NOT_LEARNT, OUTCOME
from rlexp.environment.tasks.apply_task import task_applier, why_unsupported
from rlexp.environment.tasks.directive import Cycle, Draw, Everywhere, Fixed
from rlexp.environment.tasks.payload import Payload
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task_env import TaskEnv

SPACE = TaskSpace.of({"length": {"int": [1, 4]}, "prize": {"box": [0, 1]}})


class Walk(gym.Env):
    """Ends after `length` steps with `prize`; its observation is the task it runs by."""

    observation_space = gym.spaces.Box(0.0, 9.0, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, length: int = 9, prize: float = 0.0, fails: bool = False) -> None:
        self.length, self.prize, self.fails = length, prize, fails

    def set_task(self, task: dict[str, Any]) -> None:
        self.length, self.prize = task["length"], task["prize"]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        if options:
            self.set_task(options)
        self._left = self.length
        return self._seen(), {}

    def step(self, action: int) -> Any:
        self._left -= 1
        if self.fails and self._left == 0:
            raise RuntimeError("broken")
        done = self._left == 0
        info = {"success": self.prize > 0.5, "progress": 1 - self._left / self.length} if done else {}
        return self._seen(), self.prize * done, done, False, info

    def _seen(self) -> np.ndarray:
        return np.array([self.length, self.prize], np.float32)


def made(way: str = "set_task", measure: str = "success", observed: bool = False, **config: Any) -> TaskEnv:
    guard = Guard(partial(Walk, **config), "walk")
    apply = task_applier(way, SPACE, lambda task: Walk(**task))
    return TaskEnv(guard, apply, measure, SPACE if observed else None)


def payload(directive: Any = None, version: int = 0, base: int = 0) -> Payload:
    return Payload(directive or Everywhere(SPACE), version, base, 7)


def episode(env: gym.Env) -> tuple[np.ndarray, dict]:
    observation, _ = env.reset()
    while True:
        _, _, terminated, truncated, info = env.step(0)
        if terminated or truncated:
            return observation, info


@pytest.mark.parametrize("way", ["set_task", "attributes", "reset_options", "factory"])
def test_every_way_brings_each_episodes_task_to_the_environment(way: str) -> None:
    env = made(way)
    env.set_curriculum(payload(version=3))
    for _ in range(20):
        observation, info = episode(env)
        outcome = info[OUTCOME]
        assert observation.tolist() == pytest.approx([outcome.task["length"], outcome.task["prize"]])
        assert outcome.task == env.task
        assert (outcome.length, outcome.version) == (outcome.task["length"], 3)
        assert outcome.episode_return == pytest.approx(outcome.task["prize"])
        assert outcome.score == outcome.success == float(outcome.task["prize"] > 0.5)


def test_without_a_payload_nothing_is_changed() -> None:
    env = made(length=2, prize=0.25)
    observation, info = episode(env)
    assert observation.tolist() == [2, 0.25] and OUTCOME not in info and env.task is None


def test_a_new_payload_waits_for_the_reset_and_the_outcome_tells_the_old_version() -> None:
    env = made()
    env.set_curriculum(payload(Fixed({"length": 2, "prize": 0.0}), version=1))
    env.reset()
    env.set_curriculum(payload(Fixed({"length": 4, "prize": 1.0}), version=2))
    env.step(0)
    *_, info = env.step(0)
    assert (info[OUTCOME].version, info[OUTCOME].length) == (1, 2)
    _, info = episode(env)
    assert (info[OUTCOME].version, info[OUTCOME].length) == (2, 4)


@pytest.mark.parametrize("way", ["set_task", "attributes"])
def test_an_environment_that_is_replaced_has_the_task_again_and_its_failure_is_no_outcome(way: str) -> None:
    env = made(way, fails=True)
    env.set_curriculum(payload(Fixed({"length": 2, "prize": 1.0})))
    _, info = episode(env)
    assert "env_failure" in info and OUTCOME not in info
    assert (env.unwrapped.length, env.unwrapped.prize) == (2, 1.0)


@pytest.mark.parametrize(
    ("measure", "expected"),
    [("success", 1.0), ("return", 0.75), ("length", 3.0), ("progress", 1.0), ("info:progress", 1.0)],
)
def test_measures(measure: str, expected: float) -> None:
    env = made(measure=measure)
    env.set_curriculum(payload(Fixed({"length": 3, "prize": 0.75})))
    assert episode(env)[1][OUTCOME].score == pytest.approx(expected)


class NotToLearn:
    """Tasks of a single step, every other one without learning from it."""

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        return Draw({"length": 1, "prize": 0.0}, trainable=rng.random() < 0.5)


def test_an_episode_that_is_not_learnt_from_is_marked_at_its_reset() -> None:
    env = made()
    env.set_curriculum(replace(payload(NotToLearn()), excludes_episodes=True))
    marks = []
    for count in range(20):
        _, info = env.reset()
        marks.append(NOT_LEARNT in info)
        assert marks[-1] is not payload(NotToLearn()).draw(0, count).trainable
        assert NOT_LEARNT not in env.step(0)[-1]
    assert len(set(marks)) == 2


def test_a_teacher_that_does_not_say_that_it_leaves_episodes_out_ends_the_run() -> None:
    env = made()
    env.set_curriculum(payload(NotToLearn()))
    with pytest.raises(FatalEnvError, match="leaves_out = True"):
        for _ in range(20):
            env.reset()


def test_a_measure_that_the_environment_does_not_tell_ends_the_run_with_what_there_is() -> None:
    env = made(measure="info:distance")
    env.set_curriculum(payload())
    with pytest.raises(FatalEnvError, match=r"info:distance.*distance.*it has success, progress"):
        episode(env)


def test_the_policy_may_see_the_task() -> None:
    env = made(observed=True)
    env.set_curriculum(payload(Fixed({"length": 4, "prize": 0.5})))
    observation, _ = env.reset()
    assert observation.tolist() == [4.0, 0.5, 1.0, 0.5]
    assert env.observation_space.contains(observation)
    with pytest.raises(ValueError, match="flat Box of floats or a Dict"):
        TaskEnv(gym.make("FrozenLake-v1"), task_applier("set_task", SPACE, Walk), "return", SPACE)


@pytest.fixture(params=[SyncVectorEnv, AsyncVectorEnv])
def vector(request: pytest.FixtureRequest) -> Iterator[gym.vector.VectorEnv]:
    environments = request.param([made, made, made])
    yield environments
    environments.close()


def outcomes(environments: gym.vector.VectorEnv, steps: int) -> list[list[Any]]:
    """By sub-environment."""
    found: list[list[Any]] = [[] for _ in range(environments.num_envs)]
    environments.reset(seed=0)
    for _ in range(steps):
        *_, infos = environments.step(np.zeros(environments.num_envs, int))
        for i in np.flatnonzero(infos.get(f"_{OUTCOME}", [])):
            found[i].append(infos[OUTCOME][i])
    return found


def test_each_sub_environment_has_tasks_of_its_own_the_same_in_every_process(vector: Any) -> None:
    piece = CurriculumConnector()
    piece.publish(payload(version=1, base=40))
    TaskDispatcher(piece, worker_index=2).dispatch(vector)
    found = outcomes(vector, 30)
    assert all(len(one) > 5 for one in found)
    for i, one in enumerate(found):
        assert [o.env_index for o in one] == [3 + i] * len(one)
        assert [o.task for o in one] == [payload(base=40).draw(3 + i, n).task for n in range(len(one))]
    assert len({one[0].task["prize"] for one in found}) == 3


def test_a_payload_is_handed_once_and_to_new_environments_again(vector: Any) -> None:
    piece = CurriculumConnector()
    piece.publish(payload())
    dispatcher = TaskDispatcher(piece, worker_index=0)
    dispatcher.dispatch(vector)
    before = [one[0].task for one in outcomes(vector, 6)]
    dispatcher.dispatch(vector)  # The stream goes on.
    after = [one[0].task for one in outcomes(vector, 6)]
    assert before != after
    piece.publish(payload(base=10))
    dispatcher.dispatch(vector)
    assert [one[0].task for one in outcomes(vector, 6)] == [
        payload(base=10).draw(i, 0).task for i in range(3)
    ]


def test_a_runner_without_the_curriculum_refuses_to_sample() -> None:
    with pytest.raises(RuntimeError, match="has not received the curriculum"):
        TaskDispatcher(CurriculumConnector(), 1).dispatch(SyncVectorEnv([made]))


def test_evaluation_draws_its_targets_in_turn_whatever_training_sends() -> None:
    piece = CurriculumConnector()
    targets = [{"length": n, "prize": 0.0} for n in (1, 2, 3)]
    piece.follows, piece.targets = False, payload(Cycle(targets))
    other = CurriculumConnector()
    other.publish(payload(Fixed({"length": 4, "prize": 1.0}), version=5))
    piece.set_state(other.get_state())
    environments = SyncVectorEnv([made])
    TaskDispatcher(piece, 0).dispatch(environments)
    assert [o.task["length"] for o in outcomes(environments, 24)[0]][:6] == [1, 2, 3, 1, 2, 3]


def test_states_merge_to_the_newest_and_a_restored_one_may_be_older() -> None:
    main, runner = CurriculumConnector(), CurriculumConnector()
    main.publish(payload(version=4, base=100))
    runner.publish(payload(version=3, base=90))
    runner.set_state(main.merge_states([runner.get_state()]))
    assert runner.payload.version == main.payload.version == 4
    main.merge_states([CurriculumConnector().get_state()])  # A runner that has just been started.
    assert main.payload.version == 4
    saved = CurriculumConnector()
    saved.publish(payload(version=2, base=50))
    runner.set_state(saved.get_state())
    assert runner.payload.version == 2


def test_a_restored_payload_arrives_though_its_version_and_base_are_those_of_another(vector: Any) -> None:
    mine, restored = Fixed({"length": 1, "prize": 0.0}), Fixed({"length": 2, "prize": 1.0})
    main, runner = CurriculumConnector(), CurriculumConnector()
    main.publish(payload(mine, version=4, base=9))
    runner.set_state(main.get_state())
    dispatcher = TaskDispatcher(runner, 0)
    dispatcher.dispatch(vector)
    main.publish(replace(payload(restored, version=4, base=9), generation=1))
    runner.set_state(main.merge_states([runner.get_state()]))
    dispatcher.dispatch(vector)
    assert outcomes(vector, 4)[0][0].task == restored.task


def test_what_cannot_take_tasks_is_told() -> None:
    cartpole = gym.make("CartPole-v1")
    assert why_unsupported(cartpole, "set_task", SPACE) == "it has no set_task method"
    assert why_unsupported(cartpole, "attributes", SPACE) == "it has no attribute prize"
    assert why_unsupported(cartpole, "attributes", TaskSpace.of({"gravity": {"box": [5, 15]}})) is None
    assert why_unsupported(cartpole, "factory", SPACE) is None

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

from rlexp.base.errors import ConfigError, RunFailedError
from rlexp.curriculum.simulation.simulate import simulate
from rlexp.curriculum.simulation.student import Student
from rlexp.curriculum.teacher import Teacher
from rlexp.curriculum.teachers.classic_result import train_result
from rlexp.curriculum.teachers.function import Function
from rlexp.environment.tasks.outcome import TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of({"rooms": {"int": [1, 6]}})
GOOD = TrainingProgress(
    5000, 3, {"train/return_mean": 250.0, "train/episode_len_mean": 90.0, "train/episodes": 7}
)


def one_up(train_result: Any, env: Any, env_context: Any) -> Any:
    task = env.get_task()
    if train_result["env_runners"]["episode_return_mean"] > 200:
        task["rooms"] = min(6, task["rooms"] + 1)
    return task


def made(task_fn: Any, space: TaskSpace | None = SPACE, **arguments: Any) -> Function:
    return Function(space, seed=0, task_fn=task_fn, **arguments)


def task_of(teacher: Function) -> Any:
    return teacher.directive().sample(np.random.default_rng(0), 0).task


def test_the_function_chooses_the_task_after_each_iteration() -> None:
    teacher = made(one_up)
    assert isinstance(teacher, Teacher) and task_of(teacher) == {"rooms": 1}
    assert teacher.update([], GOOD) is True and task_of(teacher) == {"rooms": 2}
    assert teacher.update([], TrainingProgress(6000, 4, {"train/return_mean": 10.0})) is False
    assert teacher.update([], TrainingProgress(7000, 5)) is False  # no episode ended: NaN is above nothing
    assert task_of(teacher) == {"rooms": 2} and teacher.metrics() == {"task/rooms": 2.0}


def test_its_state_is_the_last_task() -> None:
    teacher, other = made(one_up), made(one_up)
    teacher.update([], GOOD)
    other.load_state_dict(pickle.loads(pickle.dumps(teacher.state_dict())))
    assert task_of(other) == {"rooms": 2}
    assert other.update([], GOOD) and task_of(other) == {"rooms": 3} and task_of(teacher) == {"rooms": 2}


def test_a_function_by_import_path_must_be_trusted() -> None:
    path = f"{__name__}:one_up"
    with pytest.raises(ConfigError, match="not among the trusted") as caught:
        made(path)
    assert caught.value.key == "curriculum.teacher.task_fn"
    teacher = made(path, trusted=[__name__])
    assert teacher.update([], GOOD) and task_of(teacher) == {"rooms": 2}


def test_results_have_rllibs_names_old_and_new() -> None:
    learnt = {"learner/lr": 1e-3, "learner/vf_loss": 0.5, "custom/success_mean": 0.7, "eval/return_mean": 9.0}
    result = train_result(TrainingProgress(5000, 3, {**GOOD.metrics, **learnt}))
    assert result["train/return_mean"] == result["episode_reward_mean"] == 250.0
    assert result["env_runners"]["episode_return_mean"] == result["env_runners/episode_return_mean"] == 250.0
    assert result["episode_len_mean"] == 90.0 and math.isnan(result["episode_reward_max"])
    assert result["training_iteration"] == result["iteration"] == 3
    steps = (result["env_steps"], result["timesteps_total"], result["num_env_steps_sampled_lifetime"])
    assert steps == (5000, 5000, 5000) and result["env_runners"]["num_env_steps_sampled_lifetime"] == 5000
    assert result["custom_metrics"]["success_mean"] == 0.7
    assert result["learners"]["default_policy"] == {"default_optimizer_learning_rate": 1e-3, "vf_loss": 0.5}
    assert result["evaluation"]["env_runners"]["episode_return_mean"] == 9.0
    assert "evaluation" not in train_result(GOOD) and train_result(GOOD).get("nothing") is None
    with pytest.raises(KeyError, match="did you mean episode_reward_mean"):
        result["episode_rewards_mean"]


def test_the_context_is_the_environments_config() -> None:
    seen: list[Any] = []

    def look(train_result: Any, env: Any, env_context: Any) -> Any:
        seen.append((env, env_context))
        return env.get_task()

    made(look, env_config={"size": 5}, num_workers=4).update([], GOOD)
    env, context = seen[0]
    assert context["size"] == 5 and (context.worker_index, context.vector_index, context.num_workers) == (
        0,
        0,
        4,
    )
    assert context["worker_index"] == 0 and context["num_workers"] == 4 and env.task_space is SPACE
    with pytest.raises(AttributeError, match="has get_task"):
        env.set_task({"rooms": 3})


def test_an_error_of_the_function_ends_the_run_with_its_name() -> None:
    def broken(train_result: Any, env: Any, env_context: Any) -> Any:
        raise ValueError("no goals yet")

    with pytest.raises(
        RunFailedError, match=r"task_fn: .*broken failed: ValueError: no goals yet .*test_function\.py"
    ) as caught:
        made(broken).update([], GOOD)
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "returned no task"),
        ({"rooms": 7}, "whole number from 1 to 6, not 7"),
        ({"room": 3}, "no room"),
        (3, "maps rooms"),
        ({"rooms": {1}}, "no JSON value"),
        ({"rooms": float("nan")}, "no JSON value"),
        ({1: 2}, "is no text"),
    ],
)
def test_what_is_no_task_ends_the_run(returned: Any, said: str) -> None:
    def task_fn(train_result: Any, env: Any, env_context: Any) -> Any:
        return returned

    teacher = made(task_fn)
    with pytest.raises(RunFailedError, match=said) as caught:
        teacher.update([], GOOD)
    assert "task_fn" in str(caught.value) and task_of(teacher) == {"rooms": 1}


def test_without_a_space_any_json_value_is_a_task() -> None:
    tasks = iter([np.int64(3), {"map": ["..", "#."], "wind": np.array([1.0, 2.0])}, True, 1, "cave"])
    teacher = made(lambda result, env, context: next(tasks), None, start=0)
    seen = []
    for _ in range(5):
        assert teacher.update([], GOOD) is True
        seen.append(task_of(teacher))
    assert seen == [3, {"map": ["..", "#."], "wind": [1.0, 2.0]}, True, 1, "cave"]
    assert type(seen[0]) is int and seen[2] is True and seen[3] is not True


@pytest.mark.parametrize(
    ("task_fn", "arguments", "key"),
    [
        (lambda result, env: 1, {}, "task_fn"),
        (dict, {}, "task_fn"),
        ("rlexp.base.errors", {}, "task_fn"),
        ("rlexp.environment.tasks.task.task_kee", {}, "task_fn"),
        (one_up, {"start": {"rooms": 9}}, "start"),
        (one_up, {"start": {"rooms": {1}}}, "start"),
        (one_up, {"space": None}, "start"),
        (one_up, {"num_workers": -1}, "num_workers"),
    ],
)
def test_bad_arguments_are_told_with_their_key(task_fn: Any, arguments: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(task_fn, **arguments)
    assert (caught.value.key or "").startswith(f"curriculum.teacher.{key}")


def test_a_function_of_env_steps_takes_a_student_up_the_levels() -> None:
    def by_steps(train_result: Any, env: Any, env_context: Any) -> Any:
        return {"rooms": min(6, 1 + train_result["env_steps"] // 10_000)}

    trace = simulate(made(by_steps), Student(SPACE, rate=0.01, sharpness=10), [{"rooms": 6}], episodes=1600)
    assert trace.versions[-1] == 5 and trace.outcomes[-1][0].task == {"rooms": 6} and trace.target[-1] > 0.6

"""What a classic `task_fn` is given: RLlib's result, the environment and its context, as far as they exist here."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

from rlexp.base.suggest import nearest
from rlexp.environment.tasks.outcome import TrainingProgress
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task
from rlexp.metrics.rllib_keys import LEARNER_NAMES

_EPISODES = {
    "return_mean": ("episode_return_mean", "episode_reward_mean"),
    "return_min": ("episode_return_min", "episode_reward_min"),
    "return_max": ("episode_return_max", "episode_reward_max"),
    "episode_len_mean": ("episode_len_mean", "episode_len_mean"),
}
"""Episode metrics: RLlib's name under `env_runners`, and its older one at the top."""


class TrainResult(dict[str, Any]):
    """A result whose KeyError names the nearest keys that are there."""

    def __missing__(self, key: str) -> Any:
        near = nearest(str(key), [name for name in self if isinstance(name, str)])
        raise KeyError(f"train_result has no {key!r}" + (f"; did you mean {', '.join(near)}" if near else ""))


def train_result(progress: TrainingProgress) -> TrainResult:
    """The last iteration's metrics by their own flat names, and by RLlib's names, nested as RLlib nests them.

    `train/...` is also under `env_runners`, `eval/...` under `evaluation` and there under `env_runners`,
    `custom/...` under `custom_metrics`, `learner/...` under `learners` and `default_policy`. What is about episodes
    is NaN where none ended, as in RLlib.
    """
    metrics = progress.metrics
    runners, evaluation = _runners("train", metrics), _runners("eval", metrics)
    steps, iteration = progress.env_steps, progress.iteration
    result = TrainResult(metrics)
    result.update(env_steps=steps, iteration=iteration, training_iteration=iteration)
    result.update(num_env_steps_sampled_lifetime=steps, timesteps_total=steps)
    runners.update(num_env_steps_sampled_lifetime=steps)
    result.update({_EPISODES[own][1]: runners[_EPISODES[own][0]] for own in _EPISODES})
    result.update({f"env_runners/{name}": value for name, value in runners.items()})
    result.update(env_runners=runners, custom_metrics=TrainResult(_under("custom/", metrics)))
    if any(name.startswith("eval/") for name in metrics):
        result["evaluation"] = TrainResult(evaluation, env_runners=evaluation)
    result["learners"] = _learners(metrics)
    return result


def _runners(kind: str, metrics: Mapping[str, float]) -> TrainResult:
    runners = TrainResult(
        {name: metrics.get(f"{kind}/{own}", math.nan) for own, (name, _) in _EPISODES.items()}
    )
    runners["num_episodes"] = metrics.get(f"{kind}/episodes", 0)
    return runners


def _learners(metrics: Mapping[str, float]) -> TrainResult:
    classic = {own: name for name, own in LEARNER_NAMES.items()}
    learners = TrainResult(default_policy=TrainResult())
    for own, value in _under("learner/", metrics).items():
        module, _, name = own.rpartition("/")
        learners.setdefault(module or "default_policy", TrainResult())[classic.get(name, name)] = value
    return learners


def _under(prefix: str, metrics: Mapping[str, float]) -> dict[str, float]:
    return {name.removeprefix(prefix): value for name, value in metrics.items() if name.startswith(prefix)}


class ClassicEnv:
    """Stands for the environments, which are in other processes: knows the task set last, and the space.

    Attributes:
        task_space: all tasks; None where there is no space.
    """

    def __init__(self, task: Task, space: TaskSpace | None) -> None:
        self._task, self.task_space = task, space

    def get_task(self) -> Task:
        """The task set last."""
        return copy.deepcopy(self._task)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"the env that a task_fn sees has get_task() and task_space, no {name}: the environments are in other "
            "processes, and get the task that the function returns"
        )


class ClassicContext(dict[str, Any]):
    """The environment's config, with what RLlib's EnvContext adds, each as a key and as an attribute.

    Attributes:
        worker_index: 0, the main process.
        vector_index: 0.
        num_workers: number of env runners.
    """

    def __init__(self, config: Mapping[str, Any], num_workers: int) -> None:
        super().__init__(copy.deepcopy(dict(config)))
        self.worker_index, self.vector_index, self.num_workers = 0, 0, num_workers
        for name in ("worker_index", "vector_index", "num_workers"):
            self.setdefault(name, getattr(self, name))

"""Learning progress: draws the tasks on which success is rising or falling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.curriculum.teachers.parts.indexed_tasks import Floats, Ints, task_at
from rlexp.curriculum.teachers.parts.task_bandit import TaskBandit
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY, number, positive
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import task_key

HIGHEST_BASELINE = 0.75
"""A random policy that does better is taken to do this well, so that there is something left to learn."""


class LearningProgress(TaskBandit):
    """Draws tasks by the difference between a fast and a slow average of their success, which are reweighted so that
    progress near 0 counts more than the same near 1.

    One observation p is a task's mean score in one iteration, scaled to [0, 1] and then to
    max(p - b, 0) / (1 - b), b being what a random policy scores. From it,

        fast += alpha * (p - fast)    slow += alpha * (fast - slow)    progress = abs(f(fast) - f(slow))
        f(p) = p (1 - theta) / (p + theta (1 - 2 p))

    both averages starting at the first p. Over the tasks that have any progress or success, the logistic function of
    the progress' z-score, made to sum to 1, is the probability; others have none, and as long as all are such, the
    draw is uniform. A share `uniform` is always drawn uniformly.

    Episodes of an older directive count like others: they are of their task, and there is nothing to promote.
    A score that is NaN does not count.

    Source: Kanitscheider et al. 2021, "Multi-task curriculum learning in a complex, visual, hard-exploration domain:
    Minecraft", section 3.

    Args:
        space: of at most 100,000 tasks.
        seed: not used: env runners draw.
        alpha: weight of the newest observation in both averages.
        theta: the lower, the more progress near 0 counts; 0.5 weighs all alike.
        uniform: share of uniform draws.
        baseline: scaled score of a random policy on all tasks, or by task (`{"level=1": 0.2}`; others 0); at most 0.75
            is taken off.
        score_range: [low, high] scores; others are clipped to it.

    Raises:
        ConfigError: an argument or the space does not fit.
    """

    arrays = ("fast", "slow", "seen")

    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        alpha: float = 0.1,
        theta: float = 0.1,
        uniform: float = 0.25,
        baseline: float | Mapping[str, float] = 0.0,
        score_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(space, score_range)
        self._alpha = positive("alpha", alpha, 0.1, high=1.0)
        self._theta = positive("theta", theta, 0.1, high=0.5)
        self._uniform = number("uniform", uniform, 0.25, 0.0, 1.0)
        self._baseline = np.minimum(_baseline(space, self._count, baseline), HIGHEST_BASELINE)
        self._fast, self._slow = np.zeros(self._count), np.zeros(self._count)
        self._seen = np.zeros(self._count, bool)

    def observe(self, tasks: Ints, scores: Floats) -> None:
        """See `TaskBandit`."""
        base = self._baseline[tasks]
        above = np.maximum(scores - base, 0.0) / (1.0 - base)
        new = tasks[~self._seen[tasks]]
        self._fast[new] = self._slow[new] = above[~self._seen[tasks]]
        self._seen[new] = True
        self._fast[tasks] += self._alpha * (above - self._fast[tasks])
        self._slow[tasks] += self._alpha * (self._fast[tasks] - self._slow[tasks])

    def progress(self) -> Floats:
        """[N] learning progress of each task, in the order of `space.tasks()`."""
        return np.abs(self._reweighted(self._fast) - self._reweighted(self._slow))

    def _reweighted(self, p: Floats) -> Floats:
        return p * (1.0 - self._theta) / (p + self._theta * (1.0 - 2.0 * p))

    def probabilities(self) -> Floats:
        """See `TaskBandit`."""
        progress = self.progress()
        alive = (progress > 0) | (self._fast > 0)
        flat = 1.0 / self._count
        if not alive.any():
            return np.full(self._count, flat)
        spread = progress[alive].std()
        scores = (progress[alive] - progress[alive].mean()) / (spread if spread > 0 else 1.0)
        raised = 1.0 / (1.0 + np.exp(-scores))
        probabilities = np.full(self._count, self._uniform * flat)
        probabilities[alive] += (1.0 - self._uniform) * raised / raised.sum()
        return probabilities

    def metrics(self) -> dict[str, float]:
        """Mean and largest progress, mean success above the baseline, and tasks observed."""
        progress = self.progress()
        return {
            "progress_mean": float(progress.mean()),
            "progress_max": float(progress.max()),
            "success_mean": float(self._fast.mean()),
            "seen": float(self._seen.sum()),
        }


def _baseline(space: TaskSpace, count: int, value: Any) -> Floats:
    if not isinstance(value, Mapping):
        return np.full(count, number("baseline", value, 0.0, 0.0, 1.0))
    numbers, baselines = {task_key(task_at(space, at)): at for at in range(count)}, np.zeros(count)
    for name, score in value.items():
        if str(name) not in numbers:
            key = f"{KEY}.baseline"
            raise ConfigError(
                f"{key}: there is no task {name}; they are written like {next(iter(numbers))}",
                key=key,
                suggestions=nearest(str(name), numbers),
            )
        baselines[numbers[str(name)]] = number(f"baseline.{name}", score, 0.0, 0.0, 1.0)
    return baselines

"""Teacher-student curriculum learning: a bandit that goes where scores change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.curriculum.teachers.parts.indexed_tasks import Floats, Ints, even
from rlexp.curriculum.teachers.parts.score_windows import ScoreWindows
from rlexp.curriculum.teachers.parts.task_bandit import TaskBandit
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY, integer, number, positive
from rlexp.environment.tasks.space import TaskSpace

VARIANTS = ("window", "online", "sampling")
UNSEEN = 1.0
"""The slope of a task with fewer than two observations: as steep as any can be."""
THOMPSON_DRAWS = 32
"""Draws of the sampling variant that make one directive."""
TIE = 1e-9
"""Values this close are equal but for rounding: a slope of equal scores is no progress."""


class TSCL(TaskBandit):
    """Draws tasks by how much their scores change, up or down: forgotten tasks come back, solved ones rest.

    One observation is a task's mean score in one iteration, scaled to [0, 1]. The value Q of a task is, by `variant`:

    - `window`: the slope of its last `window` observations on the number of the iteration; 1 below two observations.
    - `online`: Q + alpha * (r - Q) at each observation, r being the change since the task's last one; Q and the
      score before the first are 0.
    - `sampling`: one of its last `window` changes at random, drawn anew (Thompson sampling); 1 before the first.

    Tasks are drawn in proportion to exp(abs(Q) / temperature), or with `temperature: 0` only those with the highest
    abs(Q); ties are shared evenly. `sampling` takes the task with the highest draw. A task whose Q is 0 as all others
    are is as likely as any. In all variants, a share `epsilon` is drawn uniformly.

    Episodes of an older directive count like others: they are of their task, and there is nothing to promote.
    A score that is NaN does not count.

    Source: Matiisen et al. 2017, "Teacher-student curriculum learning", algorithms 2 (online), 4 (window) and
    5 (sampling); there one task is drawn between two updates, here a whole iteration's.

    Args:
        space: of at most 100,000 tasks.
        seed: of the sampling variant.
        variant: window, online or sampling.
        window: observations (iterations) that a task's buffer holds, 10 where it is None; not for online.
        alpha: weight of the newest change, 0.1 where it is None; online only.
        temperature: of the Boltzmann draw, in changes of scaled scores an iteration, 0.01 where it is None (means of
            a few episodes are noisy; the source, with scores of whole test sets, has 4e-4). Not for sampling.
        epsilon: share of uniform draws.
        score_range: [low, high] scores; others are clipped to it.

    Raises:
        ConfigError: an argument or the space does not fit.
    """

    arrays = ("last", "values")

    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        variant: str = "window",
        window: int | None = None,
        alpha: float | None = None,
        temperature: float | None = None,
        epsilon: float = 0.1,
        score_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(space, score_range)
        if variant not in VARIANTS:
            key = f"{KEY}.variant"
            raise ConfigError(
                f"{key} must be one of {', '.join(VARIANTS)}, not {variant!r}",
                key=key,
                suggestions=nearest(str(variant), VARIANTS),
                fix=f"{key}=window",
            )
        self._variant = variant
        for name, value in _unread(variant, window, alpha, temperature):
            if value is not None:
                key = f"{KEY}.{name}"
                raise ConfigError(f"{key} has no effect on the variant {variant}", key=key, fix=f"{key}=null")
        size = 1 if variant == "online" else integer("window", 10 if window is None else window, 10, low=2)
        self._alpha = positive("alpha", 0.1 if alpha is None else alpha, 0.1, high=1.0)
        self._temperature = number("temperature", 0.01 if temperature is None else temperature, 0.01, low=0.0)
        self._epsilon = number("epsilon", epsilon, 0.1, 0.0, 1.0)
        self._rng = np.random.default_rng(seed)
        self._seen = ScoreWindows(self._count, size)
        self._last, self._values = (
            np.zeros(self._count),
            np.full(self._count, UNSEEN if variant == "window" else 0.0),
        )
        self._time = 0

    def observe(self, tasks: Ints, scores: Floats) -> None:
        """See `TaskBandit`."""
        self._time += 1
        change = scores - self._last[tasks]
        self._last[tasks] = scores
        if self._variant == "window":
            self._seen.add(tasks, self._time, scores)
            twice = tasks[self._seen.filled[tasks] > 1]
            self._values[twice] = self._seen.slopes(twice)
        else:
            self._values[tasks] += self._alpha * (change - self._values[tasks])
            self._seen.add(tasks, self._time, change)

    def probabilities(self) -> Floats:
        """See `TaskBandit`."""
        if self._variant == "sampling":
            greedy = self._thompson()
        elif self._temperature == 0:
            size = np.abs(self._values)
            greedy = even(size >= size.max() - TIE)
        else:
            raised = np.exp((np.abs(self._values) - np.abs(self._values).max()) / self._temperature)
            greedy = raised / raised.sum()
        return (1.0 - self._epsilon) * greedy + self._epsilon / self._count

    def _thompson(self) -> Floats:
        """[N] shares of draws that each task won; a draw of nothing but zeros is shared by all."""
        filled = self._seen.filled
        if (filled == 0).any():
            return even(filled == 0)
        window = self._seen.scores.shape[1]
        sizes = np.abs(self._seen.scores).astype(np.float32)
        is_filled = np.arange(window) < filled[:, None]
        # A task that cannot win is not drawn for: its largest change is below another's smallest.
        surely = np.where(is_filled, sizes, np.inf).min(axis=1).max()
        able = np.flatnonzero((sizes.max(axis=1) >= surely) & (sizes.max(axis=1) > TIE))
        if not len(able):
            return np.full(self._count, 1.0 / self._count)
        which = self._rng.random((THOMPSON_DRAWS, len(able)), np.float32)
        which *= np.minimum(filled[able], window).astype(np.float32)
        drawn = sizes.ravel().take(which.astype(np.int64) + able * window)
        best = drawn.max(axis=1)
        none = best <= TIE
        draws, winners = np.nonzero((drawn >= best[:, None] - TIE) & ~none[:, None])
        share = 1.0 / np.maximum(np.bincount(draws, minlength=THOMPSON_DRAWS), 1)
        shares = np.full(self._count, none.mean() / self._count)
        shares[able] += np.bincount(winners, share[draws], len(able)) / THOMPSON_DRAWS
        return shares

    def metrics(self) -> dict[str, float]:
        """Tasks observed, the largest and mean size of Q (not for sampling), and the highest probability."""
        seen = float((self._seen.filled > 0).sum())
        highest = float(np.diff(self._cdf, prepend=np.float32(0.0)).max())
        metrics = {"seen": seen, "probability_max": highest}
        if self._variant != "sampling":
            size = np.abs(self._values)
            metrics |= {"value_max": float(size.max()), "value_mean": float(size.mean())}
        return metrics

    def state_dict(self) -> dict[str, Any]:
        """What was observed, the probabilities and the random state."""
        return {
            **super().state_dict(),
            "seen": self._seen.state(),
            "time": self._time,
            "rng": self._rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        super().load_state_dict(state)
        self._seen.load(state["seen"])
        self._time = int(state["time"])
        self._rng.bit_generator.state = state["rng"]


def _unread(variant: str, window: Any, alpha: Any, temperature: Any) -> list[tuple[str, Any]]:
    """Arguments that the variant does not look at."""
    unread = {
        "window": [("alpha", alpha)],
        "online": [("window", window)],
        "sampling": [("alpha", alpha), ("temperature", temperature)],
    }
    return unread[variant]

"""The episodes of an open stage, and how near its rules are to being met."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlexp.base.errors import RunFailedError
from rlexp.curriculum.teachers.staging.condition import MEANS
from rlexp.curriculum.teachers.staging.stage_rules import StageRule
from rlexp.environment.tasks.dimension import is_number
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress

PROMOTE, DEMOTE = 0, 1


class StageProgress:
    """The episodes of one visit of a stage, from its opening to its closing; each visit begins with none.

    Args:
        number: of the visit, never used twice; the tag of its draws.
        since: env steps of the run when it began.
        window: latest episodes to remember.

    Attributes:
        rows: [up to window, 4] `MEANS` of the latest episodes, oldest first; NaN for a success that is not reported.
        episodes: of the visit.
        streaks: [2] checks in a row that found the rules of promotion and demotion met.
    """

    def __init__(self, number: int, since: int, window: int) -> None:
        self.number, self._since, self._window = number, since, window
        self.rows = np.zeros((0, len(MEANS)))
        self.episodes = 0
        self.streaks = [0, 0]

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Counts episodes of this visit."""
        if outcomes:
            rows = [[_or_nan(o.success), o.episode_return, o.length, o.score] for o in outcomes]
            self.rows = np.concatenate([self.rows, np.array(rows, np.float64)])[-self._window :]
            self.episodes += len(outcomes)

    def check(
        self, kind: int, rule: StageRule, patience: int, progress: TrainingProgress, fresh: bool
    ) -> bool:
        """Whether `rule` has been met `patience` times in a row, leaving out checks that a missing metric leaves open.

        Args:
            kind: PROMOTE or DEMOTE.
            rule: to look at.
            patience: times.
            progress: of training.
            fresh: whether there were episodes since the last check; a look at the same ones is not another.
        """
        values = self.values(rule, progress)
        if not rule.condition.met(values):
            if not _open(rule, values):
                self.streaks[kind] = 0
        elif fresh or not self.streaks[kind]:
            self.streaks[kind] += 1
        return self.streaks[kind] >= patience

    def values(self, rule: StageRule, progress: TrainingProgress, early: bool = False) -> dict[str, float]:
        """The present values of the rule's names; without those that are not known.

        Args:
            rule: to be judged by them.
            progress: of training.
            early: with means and metrics before there were `min_episodes`.

        Raises:
            RunFailedError: the rule reads success, and the environment does not report it.
        """
        known = {"episodes": float(self.episodes), "steps": float(progress.env_steps - self._since)}
        if not self.episodes or (self.episodes < rule.min_episodes and not early):
            return known
        for name in rule.condition.names():
            if name in MEANS:
                column = self.rows[-rule.window :, MEANS.index(name)]
                known_values = column[~np.isnan(column)]
                if len(known_values):
                    known[name] = float(known_values.mean())
                elif not early:
                    raise RunFailedError(
                        f"{rule.condition} reads success, and none of the stage's {self.episodes} episodes "
                        "reported it: the environment's last info has neither success nor is_success"
                    )
            elif is_number(progress.metrics.get(name)):
                known[name] = float(progress.metrics[name])
        return known

    def progress(self, rule: StageRule, progress: TrainingProgress) -> float:
        """How near the rule is, from 0 to 1: how far its condition or its `min_episodes` have come, the lesser."""
        share = min(1.0, self.episodes / rule.min_episodes)
        return min(share, rule.condition.progress(self.values(rule, progress, early=True)))

    def state(self) -> dict[str, Any]:
        """The state of the visit."""
        return {
            "number": self.number,
            "since": self._since,
            "rows": self.rows.copy(),
            "episodes": self.episodes,
            "streaks": list(self.streaks),
        }

    @classmethod
    def of(cls, state: dict[str, Any], window: int) -> StageProgress:
        """Restores a visit from its state."""
        visit = cls(int(state["number"]), int(state["since"]), window)
        visit.rows, visit.episodes = np.array(state["rows"])[-window:], int(state["episodes"])
        visit.streaks = [int(streak) for streak in state["streaks"]]
        return visit


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _open(rule: StageRule, values: Mapping[str, float]) -> bool:
    """Whether the rule might be met, were all known: evaluations do not come with every iteration."""
    return any(all(c.name not in values or c.met(values) for c in way) for way in rule.condition.ways())

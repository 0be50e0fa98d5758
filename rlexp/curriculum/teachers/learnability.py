"""Sampling for learnability: draws the levels that are solved about half the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.base.moved_names import renamed_fields
from rlexp.curriculum.teachers.parts.arrays import copies, take_over
from rlexp.curriculum.teachers.parts.indexed_tasks import Floats, score_bounds
from rlexp.curriculum.teachers.parts.level_rows import check_rows, compact, draw_rows, task_of, unique_rows
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY, integer, number
from rlexp.environment.tasks.directive import Directive, Draw
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress, measured
from rlexp.environment.tasks.space import TaskSpace


@renamed_fields(train="trainable")
@dataclass(frozen=True)
class CandidateLevels:
    """Levels kept, drawn with probability `share`, and candidates; draws are tagged [generation, number].

    Attributes:
        rows: [kept + candidates, D], see `level_rows`.
        kept: how many are kept ones.
        trainable: whether the policy learns from candidates.
    """

    space: TaskSpace
    rows: np.ndarray
    kept: int
    share: float
    generation: int
    trainable: bool

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """One level, uniformly among its kind."""
        replay = rng.random() < self.share
        at = int(rng.integers(self.kept) if replay else rng.integers(self.kept, len(self.rows)))
        return Draw(task_of(self.space, self.rows[at]), [self.generation, at], replay or self.trainable)


class Learnability:
    """Draws a share `replay` of episodes from the most learnable levels found so far, the rest from candidates.

    In each generation, `candidates` levels are drawn from the space and tried by the other episodes, from which the
    policy learns too (`train_candidates: false` draws them without, at the cost of those steps). When they have had
    `tries` episodes each on average, the `keep` best of them and of those kept so far are kept. The score of a level
    is the expectation of p (1 - p), p being its chance of success after the generation's episodes and a Beta(1, 1)
    prior: a b / ((a + b) (a + b + 1)) with a = 1 + successes, b = 1 + failures. Scores between 0 and 1 count as
    parts of a success. Episodes of an earlier generation, and scores that are NaN, do not count.

    Source: Rutherford et al. 2024, "No regrets: investigating and improving regret approximations for curriculum
    discovery" (SFL); the prior is added for the few tries.

    Args:
        space: of any kind.
        seed: of the candidates.
        candidates: levels tried in a generation, at most as many as there are (25,000 in the source).
        keep: levels kept (in the source 1000); never more than a quarter of the candidates there were.
        replay: share of episodes on kept levels; in the first generation there are none.
        tries: episodes for each candidate, on average.
        train_candidates: whether the policy learns from candidates' episodes.
        score_range: [low, high] scores of a failure and a success; others are clipped to it.

    Attributes:
        leaves_out: whether there are episodes that the policy does not learn from.

    Raises:
        ConfigError: an argument or the space does not fit.
    """

    complete, wanders = False, True

    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        candidates: int = 256,
        keep: int = 64,
        replay: float = 0.5,
        tries: int = 1,
        train_candidates: bool = True,
        score_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        check_rows(space, "Learnability")
        self._space, self._rng = space, np.random.default_rng(seed)
        self._candidates, self._keep = integer("candidates", candidates, 256), integer("keep", keep, 64)
        self._replay, self._tries = number("replay", replay, 0.5, 0.0, 1.0), integer("tries", tries, 1)
        if self._replay == 1.0:
            key = f"{KEY}.replay"
            raise ConfigError(f"{key} must be below 1: no level would be tried", key=key, fix=f"{key}=0.5")
        if not isinstance(train_candidates, bool):
            key = f"{KEY}.train_candidates"
            raise ConfigError(
                f"{key} must be true or false, not {train_candidates!r}", key=key, fix=f"{key}=true"
            )
        self._train, self._range = train_candidates, score_bounds(score_range)
        self.leaves_out = not train_candidates
        self._generation, self._found = 0, np.zeros(2)
        self._begin(np.zeros((0, len(space.dims))))

    def directive(self) -> Directive:
        """The levels of this generation."""
        share = self._replay if self._kept else 0.0
        return CandidateLevels(
            self._space, compact(self._rows), self._kept, share, self._generation, self._train
        )

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Counts the generation's episodes; whether there is a new generation."""
        ours = [o for o in measured(outcomes) if o.tag is not None and o.tag[0] == self._generation]
        low, high = self._range
        scores = (np.array([outcome.score for outcome in ours]) - low) / (high - low)
        at = np.array([outcome.tag[1] for outcome in ours], np.int64)
        np.add.at(self._successes, at, scores.clip(0.0, 1.0))
        np.add.at(self._episodes, at, 1)
        if self._episodes[self._kept :].sum() < self._tries * (len(self._rows) - self._kept):
            return False
        scores = self.scores()
        best = np.argsort(-scores, kind="stable")[: self._most()]
        self._found = np.array([scores[best].mean(), (best >= self._kept).mean()])
        self._generation += 1
        self._begin(self._rows[best])
        return True

    def _most(self) -> int:
        """Levels to keep: a quarter of the candidates at most, for keeping all would be no choice."""
        return max(1, min(self._keep, (len(self._rows) - self._kept) // 4))

    def scores(self) -> Floats:
        """[kept + candidates] expected p (1 - p) of this generation's levels."""
        a, b = 1.0 + self._successes, 1.0 + self._episodes - self._successes
        return a * b / ((a + b) * (a + b + 1.0))

    def _begin(self, kept: Floats) -> None:
        """Draws candidates that are not kept; any, where the space has no others."""
        drawn = draw_rows(self._space, self._rng, self._candidates)
        both = unique_rows(np.concatenate([kept, drawn]))
        self._rows = both if len(both) > len(kept) else np.concatenate([kept, drawn])
        self._kept = len(kept)
        self._successes, self._episodes = np.zeros(len(self._rows)), np.zeros(len(self._rows))

    def metrics(self) -> dict[str, float]:
        """Mean score of the kept levels, the share of them that is new, both at the last choice, and generations."""
        learnability, new = self._found.tolist()
        return {"learnability": learnability, "new": new, "generation": float(self._generation)}

    def state_dict(self) -> dict[str, Any]:
        """The levels with their counts, and the random state."""
        counts = {"generation": self._generation, "kept": self._kept}
        return {**copies(self, _ARRAYS), **counts, "rng": self._rng.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with these levels."""
        take_over(self, _ARRAYS, state)
        self._generation, self._kept = int(state["generation"]), int(state["kept"])
        self._rng.bit_generator.state = state["rng"]


_ARRAYS = ("rows", "successes", "episodes", "found")

"""Prioritised level replay: draws again the levels from which most is to be learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError, RunFailedError
from rlexp.base.moved_names import renamed_fields
from rlexp.base.suggest import nearest
from rlexp.curriculum.teachers.parts.indexed_tasks import cumulative, pick, task_at
from rlexp.curriculum.teachers.parts.level_buffer import LevelBuffer, insert, probabilities, rescore
from rlexp.curriculum.teachers.parts.level_rows import check_rows, compact, numbers_of_rows, row_of, task_of
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY, integer, number, passes_on, positive
from rlexp.environment.tasks.directive import Directive, Draw
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

SIGNAL = f"{KEY}.signal"
MAX_MC = "max_mc"
SCORES = ("value_l1", "positive_value_loss", MAX_MC)
"""Scores of the sources: mean of |A|, mean of max(A, 0), mean of the highest return so far minus V."""


@renamed_fields(upto="cdf")
@dataclass(frozen=True)
class Replay:
    """Levels of the buffer with probability `share`, else new ones; tagged `replay` and `new`.

    Attributes:
        rows: [N, D] of the buffer.
        cdf: [N] cumulative probabilities.
        unseen: numbers of the tasks to draw new ones from; None draws from the full space.
        train_new: whether the policy learns from new levels.
    """

    space: TaskSpace
    rows: np.ndarray
    cdf: np.ndarray
    share: float
    unseen: np.ndarray | None
    train_new: bool

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """Draws one level."""
        if rng.random() < self.share:
            return Draw(task_of(self.space, self.rows[pick(self.cdf, rng)]), "replay")
        if self.unseen is None:
            return Draw(self.space.sample(rng), "new", self.train_new)
        return Draw(
            task_at(self.space, int(self.unseen[rng.integers(len(self.unseen))])), "new", self.train_new
        )


class PLR:
    """Replays levels by the rank of their scores and by how long ago they were drawn.

    The score of a level is the `signal` of its last episode, averaged with weight `alpha`. A level of the buffer is
    drawn with (1 - staleness) * rank ** (-1 / temperature) + staleness * age, each made to sum to 1. A new level
    takes a free place, or that of the level with the lowest such probability if it scores at least as high. With
    `replay: null`, the share of replayed episodes is the share of levels seen: of the space where the buffer can hold
    all of it (then new levels are the unseen ones), else of the buffer.

    For `max_mc` the highest return of each level in the buffer is remembered, the episode's own included.

    An episode of an older directive counts: its score is of its level, wherever that stands now. A signal that is
    NaN does not count. Eviction weighs levels as at the beginning of an iteration.

    Source: Jiang et al. 2021, "Prioritized level replay".

    Args:
        space: of any kind.
        seed: not used: env runners draw.
        signal: what scores a level: value_l1, positive_value_loss, max_mc, or any other number that outcomes carry.
        temperature: of the ranks; the lower, the greedier.
        staleness: weight of the age.
        alpha: weight of the newest score.
        capacity: levels in the buffer (in the source all training levels; 4000 in later work).
        replay: share of episodes on replayed levels; None for the share seen.
        min_fill: share of the buffer that must be full before any level is replayed.

    Attributes:
        needs_signals: what outcomes must carry.
        leaves_out: whether there are episodes that the policy does not learn from.

    Raises:
        ConfigError: an argument or the space does not fit.
        RunFailedError: by `update`: an outcome lacks the signal.
    """

    complete, wanders = False, True
    leaves_out = False

    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        signal: str = "value_l1",
        temperature: float = 0.1,
        staleness: float = 0.1,
        alpha: float = 1.0,
        capacity: int = 1000,
        replay: float | None = None,
        min_fill: float = 0.0,
    ) -> None:
        check_rows(space, type(self).__name__)
        if not isinstance(signal, str) or not signal:
            raise ConfigError(
                f"{SIGNAL} must be a name such as {', '.join(SCORES)}, not {signal!r}",
                key=SIGNAL,
                fix=f"{SIGNAL}=value_l1",
            )
        self._space, self.signal = space, signal
        self.needs_signals = ("value_mean" if signal == MAX_MC else signal,)
        self._temperature = positive("temperature", temperature, 0.1)
        self._staleness = number("staleness", staleness, 0.1, 0.0, 1.0)
        self._alpha = positive("alpha", alpha, 1.0, high=1.0)
        capacity = integer("capacity", capacity, 1000)
        self._holds_all_tasks = space.size is not None and space.size <= capacity
        self._capacity = min(capacity, space.size) if space.size is not None else capacity
        self._replay = None if replay is None else number("replay", replay, 0.5, 0.0, 1.0)
        self._min_fill = number("min_fill", min_fill, 0.5, 0.0, 1.0)
        self._buffer, self._episodes = LevelBuffer.empty(len(space.dims)), 0
        self._shares = np.zeros(1)
        self._best: dict[bytes, float] = {}

    def directive(self) -> Directive:
        """The buffer and its probabilities."""
        size = len(self._buffer)
        cdf = cumulative(self._weights()) if size else np.zeros(0, np.float32)
        rows, train_new = compact(self._buffer.rows), not self.leaves_out
        return Replay(self._space, rows, cdf, self._share(), self._unseen(), train_new)

    def _weights(self) -> np.ndarray:
        return probabilities(self._buffer, self._episodes, self._temperature, self._staleness)

    def _share(self) -> float:
        """The share of replayed episodes."""
        filled = len(self._buffer) / self._capacity
        if not len(self._buffer) or filled < self._min_fill:
            return 0.0
        if self._holds_all_tasks and filled == 1.0:
            return 1.0
        return min(filled, 1.0) if self._replay is None else self._replay

    def _unseen(self) -> np.ndarray | None:
        if not self._holds_all_tasks:
            return None
        unseen = np.ones(self._capacity, bool)
        unseen[numbers_of_rows(self._space, self._buffer.rows)] = False
        return np.flatnonzero(unseen).astype(np.int32) if unseen.any() else None

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Scores the levels of an iteration; returns whether there were any."""
        known = {row.tobytes(): at for at, row in enumerate(self._buffer.rows)}
        new: dict[bytes, list[float]] = {}
        old: list[tuple[int, float, int]] = []
        started = self._episodes
        for outcome in outcomes:
            key = row_of(self._space, outcome.task).tobytes()
            score = self._score(outcome, key)
            if not np.isfinite(score):
                continue
            self._episodes += 1
            if key in known:
                old.append((known[key], score, self._episodes))
            else:
                before = new[key][0] if key in new else score
                new[key] = [self._alpha * score + (1.0 - self._alpha) * before, self._episodes]
        if self._episodes == started:
            return False
        at, scores, stamps = (
            (np.array(column) for column in zip(*old, strict=True)) if old else (np.zeros(0),) * 3
        )
        self._buffer = rescore(self._buffer, at.astype(np.int64), scores, stamps, self._alpha)
        if new:
            rows = np.stack([np.frombuffer(key) for key in new])
            scored = np.array(list(new.values()))
            weights = self._weights() if len(self._buffer) else np.zeros(0)
            self._buffer = insert(self._buffer, LevelBuffer(rows, *scored.T), self._capacity, weights)
        stored = {row.tobytes() for row in self._buffer.rows}
        self._best = {key: best for key, best in self._best.items() if key in stored}
        self._shares = np.array([len(old) / (self._episodes - started)])
        return True

    def _score(self, outcome: Outcome, level: bytes) -> float:
        if self.needs_signals[0] not in outcome.signals:
            raise self._lacking(outcome)
        signal = float(outcome.signals[self.needs_signals[0]])
        if self.signal != MAX_MC:
            return signal
        self._best[level] = max(self._best.get(level, -np.inf), outcome.episode_return)
        return self._best[level] - signal

    def _lacking(self, outcome: Outcome) -> RunFailedError:
        there = list(outcome.signals)
        hint = nearest(self.signal, [*there, *SCORES])
        return RunFailedError(
            f"{SIGNAL}={self.signal}: the episodes' outcomes do not carry it; they carry "
            f"{', '.join(there) or 'no signals'}"
            + (f"\n  did you mean: {', '.join(hint)}" if hint and there else "")
        )

    def metrics(self) -> dict[str, float]:
        """Levels held as a share of the buffer, their mean score, and the last iteration's share of known levels."""
        size = len(self._buffer)
        return {
            "filled": size / self._capacity,
            "level_score": float(self._buffer.scores.mean()) if size else 0.0,
            "replayed": float(self._shares[0]),
        }

    def state_dict(self) -> dict[str, Any]:
        """The buffer and its clock."""
        arrays = {name: getattr(self._buffer, name).copy() for name in ("rows", "scores", "stamps")}
        best = np.array([self._best.get(row.tobytes(), -np.inf) for row in self._buffer.rows])
        return {**arrays, "best": best, "shares": self._shares.copy(), "episodes": self._episodes}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with that buffer."""
        self._buffer = LevelBuffer(*(np.array(state[name]) for name in ("rows", "scores", "stamps")))
        self._shares, self._episodes = np.array(state["shares"]), int(state["episodes"])
        pairs = zip(self._buffer.rows, state["best"].tolist(), strict=True)
        self._best = {row.tobytes(): best for row, best in pairs if np.isfinite(best)}


class RobustPLR(PLR):
    """PLR from whose new levels the policy does not learn (`Draw.train` is false): they are scored only.

    Source: Jiang et al. 2021, "Replay-guided adversarial environment design".

    Args: as for `PLR`, some with other defaults; the source has a buffer of 4000.
    """

    leaves_out = True

    @passes_on(PLR.__init__)
    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        signal: str = "positive_value_loss",
        staleness: float = 0.3,
        replay: float | None = 0.5,
        min_fill: float = 0.5,
        **others: Any,
    ) -> None:
        super().__init__(
            space,
            seed=seed,
            signal=signal,
            staleness=staleness,
            replay=replay,
            min_fill=min_fill,
            **others,
        )

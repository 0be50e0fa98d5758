"""ACCEL: replays levels and looks for better ones among their mutants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlexp.config.callables.targets import DEFAULT_TRUSTED
from rlexp.curriculum.teachers.parts.indexed_tasks import pick
from rlexp.curriculum.teachers.parts.level_rows import task_of
from rlexp.curriculum.teachers.parts.mutation import Edit, Edits, edits_of
from rlexp.curriculum.teachers.parts.teacher_arguments import integer, number, passes_on, positive
from rlexp.curriculum.teachers.plr import Replay, RobustPLR
from rlexp.environment.tasks.directive import Directive, Draw
from rlexp.environment.tasks.space import TaskSpace


@dataclass(frozen=True)
class Evolving:
    """Mutants of levels that `replay` would draw, with probability `share`, else what it draws; tagged `mutant`."""

    replay: Replay
    mutate: Edits
    share: float

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """One level; the policy does not learn from a mutant."""
        if rng.random() >= self.share:
            return self.replay.sample(rng, env_index)
        parent = task_of(self.replay.space, self.replay.rows[pick(self.replay.cdf, rng)])
        return Draw(self.mutate(parent, rng), "mutant", False)


class ACCEL(RobustPLR):
    """Robust PLR with a third kind of episode: levels of the buffer after `edits` edits, which are scored only.

    For each replayed episode there are `mutants` episodes on mutants, whose parents are drawn as replayed levels are.
    `replay` is the share of replayed ones among replayed and new ones. The default edit steps one parameter; it
    needs parameters whose neighbouring values are alike, which numbers of levels are not: give those a `mutate`.

    Source: Parker-Holder et al. 2022, "Evolving curricula with regret-based environment design"; there each replayed
    batch is mutated, here each draw is one of the three by chance.

    Args:
        space: of any kind.
        seed: not used: env runners draw.
        mutate: import path of a function (task, rng) -> task of the space, or the function; None for the default.
        edits: edits of a mutant.
        step: largest step of the default edit, as a share of the parameter's range.
        mutants: mutants for each replayed episode.
        trusted: modules that `mutate` may come from.
        staleness: as for `PLR`, like all others.
        replay: see above.

    Raises:
        ConfigError: an argument or the space does not fit.
        RunFailedError: an outcome lacks the signal, or a mutant lies outside the space.
    """

    @passes_on(RobustPLR.__init__)
    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        mutate: str | Edit | None = None,
        edits: int = 3,
        step: float = 0.1,
        mutants: float = 1.0,
        trusted: Sequence[str] = DEFAULT_TRUSTED,
        staleness: float = 0.5,
        replay: float | None = 0.9,
        **others: Any,
    ) -> None:
        super().__init__(space, seed=seed, staleness=staleness, replay=replay, **others)
        step = positive("step", step, 0.1, high=1.0)
        self._edits = edits_of(space, mutate, integer("edits", edits, 3), step, trusted)
        self._mutants = number("mutants", mutants, 1.0, low=0.0)

    def directive(self) -> Directive:
        """The buffer, its probabilities and the edits."""
        replay = super().directive()
        assert isinstance(replay, Replay)
        born = self._mutants * replay.share
        return Evolving(replay, self._edits, born / (1.0 + born)) if born else replay

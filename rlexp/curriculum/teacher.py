"""The protocol of teachers: what a curriculum of one's own has to implement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from rlexp.environment.tasks.directive import Directive
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress


@runtime_checkable
class Teacher(Protocol):
    """Chooses tasks by what became of earlier ones.

    A teacher is pure and seeded: it has no clock, no file and no process; made with the same arguments and
    given the same outcomes it returns the same directives. It is made as `Name(space, seed=..., **arguments)`, the
    arguments being those that stand beside its `_target_` in `curriculum.teacher`, and raises ConfigError when
    they do not fit the space. One that takes `measure` is given `curriculum.measure`.

    It may have `reads()`, full names of the metrics that it reads in `progress`, which are checked before training, and
    `new_events`, what it did in its last update, a few words each.

    Two attributes are optional, and ask more of the learner than others do: `needs_signals`, the names of the
    signals of each outcome that it reads (see `rlexp.environment.tasks.outcome.SIGNALS`), and `leaves_out`, whether it
    draws episodes that the policy does not learn from (`Draw.train` is false).

    One that draws whatever teaches most now, easy or hard, says so by `wanders = True`: its tasks then may go to and
    fro without an alarm of thrashing.
    """

    def directive(self) -> Directive:
        """What to draw tasks from now; small and picklable."""

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Takes in finished episodes, in the order of their ends; whether the directive is another now.

        Called after every training iteration, also with no outcomes. An outcome may be of an older directive:
        its `tag` says for what it was drawn.
        """

    def metrics(self) -> dict[str, float]:
        """Numbers to log, by name without a prefix: a stage, a number of tasks mastered, ...; few."""

    def state_dict(self) -> dict[str, Any]:
        """All that it has learnt and its random state, of plain values and numpy arrays."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where a teacher with the same arguments stood."""

    @property
    def complete(self) -> bool:
        """Whether the curriculum has reached its end; always false for one that has none."""


def needed_signals(teacher: Teacher) -> tuple[str, ...]:
    """Names of the signals that it reads; none unless it says so."""
    return tuple(getattr(teacher, "needs_signals", ()))


def wanders(teacher: Teacher) -> bool:
    """Whether its tasks go to and fro by design; not unless it says so."""
    return bool(getattr(teacher, "wanders", False))


def excludes_episodes(teacher: Teacher) -> bool:
    """Whether it draws episodes that the policy does not learn from; not unless it says so."""
    return bool(getattr(teacher, "leaves_out", False))

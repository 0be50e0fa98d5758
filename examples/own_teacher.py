"""A teacher of one's own: the task gets harder when half of the last episodes succeeded.

Shows: the six methods of a teacher, `rlexp.testing.check_teacher`, and a synthetic student to try it on in a second.
Prints: the level after every tenth iteration, and the student's chance of success on the hardest task.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlexp.curriculum.simulation.simulate import simulate
from rlexp.curriculum.simulation.student import Student
from rlexp.environment.tasks.directive import Fixed
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace
from rlexp.testing import check_teacher

TASKS = {"level": {"int": [1, 5]}}


class Stairs:
    """One level at a time.

    Args:
        space: the tasks; one parameter, `level`.
        seed: of its draws; it has none.
        threshold: mean score of an iteration from which the next level begins.
        top: the hardest level.
    """

    def __init__(self, space: TaskSpace, seed: int = 0, threshold: float = 0.5, top: int = 5) -> None:
        self._level, self._threshold, self._top = 1, threshold, top

    def directive(self) -> Fixed:
        """Always the present level; `tag` says of an outcome for which it was drawn."""
        return Fixed({"level": self._level}, tag=self._level)

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Up where the episodes of this level went well."""
        scores = [outcome.score for outcome in outcomes if outcome.tag == self._level]
        if self.complete or not scores or sum(scores) / len(scores) < self._threshold:
            return False
        self._level += 1
        return True

    def metrics(self) -> dict[str, float]:
        """Logged as `curriculum/level`."""
        return {"level": self._level}

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"level": self._level}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there."""
        self._level = state["level"]

    @property
    def complete(self) -> bool:
        """Whether the hardest level is reached."""
        return self._level == self._top


def main() -> None:
    """Checks the teacher, then lets it teach a student."""
    check_teacher("own_teacher.Stairs", tasks=TASKS, threshold=0.4)
    space, hardest = TaskSpace.of(TASKS), {"level": 5}
    trace = simulate(Stairs(space), Student(space, rate=0.01), [hardest], episodes=2000)
    for metrics in trace.metrics[::10]:
        print("level", metrics["level"])
    print("chance on the hardest", round(trace.target[-1], 2))


if __name__ == "__main__":
    main()

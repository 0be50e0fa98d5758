"""The trials in the order in which they begin; those of a search that learns are drawn one point at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rlexp.base.errors import ConfigError
from rlexp.storage.runs.trial_status import OVER
from rlexp.sweep.execution.monitor import Course
from rlexp.sweep.planning.space import Point
from rlexp.sweep.search.adaptive import Adaptive
from rlexp.sweep.search.optuna_search import OptunaPoints
from rlexp.sweep.settings import SweepChoice

MOST_REFUSED = 20
"""Points in a row that are refused although the space's ends were not, before the sweep gives up."""


def names(
    course: Course,
    todo: Sequence[str],
    chosen: SweepChoice,
    warn: Callable[[str], None],
) -> Iterator[str]:
    """Those that have been planned and are not over, then those that are still to be drawn, when they are asked for.

    Args:
        course: told of every trial that is drawn.
        todo: planned and not over.
        chosen: the sweep's settings.
        warn: told of points that are refused.

    Raises:
        ConfigError: points are refused again and again.
    """
    yield from todo
    adaptive = course.folder.adaptive()
    if adaptive is not None and course.to_come > 0:
        yield from _Draws(course, adaptive, chosen, warn).names()


class _Draws:
    """A search that learns from the course."""

    def __init__(
        self, course: Course, adaptive: Adaptive, chosen: SweepChoice, warn: Callable[[str], None]
    ) -> None:
        self._course, self._adaptive, self._warn = course, adaptive, warn
        groups = course.groups.names
        over = [group for group in groups if self._is_over(group)]
        seen = [(self._point(group), course.point_score(group)) for group in over]
        self._search = OptunaPoints(adaptive.space, mode=chosen.mode, seed=chosen.seed, seen=seen)
        self._open: dict[str, str | None] = dict.fromkeys(group for group in groups if group not in over)
        self._asked = 0

    def names(self) -> Iterator[str]:
        """Until there are as many as were asked for."""
        refused = 0
        while self._course.to_come > 0:
            self._listen()
            self._asked += 1
            ticket = str(self._asked)
            point = self._search.suggest(ticket)
            number = len(self._course.groups.names)
            try:
                trials = self._adaptive.trials_at(point, number)
            except ConfigError as error:
                refused += 1
                self._search.observe(ticket, None)
                if refused >= MOST_REFUSED:
                    raise
                self._warn(f"a point was refused, another is drawn: {str(error).splitlines()[0]}")
                continue
            refused = 0
            self._course.add(self._course.folder.frozen.add(trials))
            self._course.folder.push()  # Their processes may look for them elsewhere.
            self._open[trials[0].name] = ticket
            yield from [trial.name for trial in trials]

    def _listen(self) -> None:
        """The scores of points that have ended since."""
        for group in [group for group in self._open if self._is_over(group)]:
            ticket, score = self._open.pop(group), self._course.point_score(group)
            if ticket is None:
                self._search.add(self._point(group), score)
            else:
                self._search.observe(ticket, score)

    def _is_over(self, group: str) -> bool:
        told = self._course.told
        return all(told[name].status in OVER for name in self._course.groups.members(group))

    def _point(self, group: str) -> Point:
        varied = self._course.trials[group].varied
        return {key: varied[key] for dimension in self._adaptive.space.dimensions for key in dimension.keys}

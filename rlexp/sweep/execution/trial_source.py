"""The trials in the order in which they begin; those of a search that learns are drawn one point at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rlexp.base.errors import ConfigError
from rlexp.storage.runs.trial_status import OVER
from rlexp.sweep.execution.monitor import SweepMonitor
from rlexp.sweep.search.adaptive import Adaptive
from rlexp.sweep.search.optuna_search import PointSearch
from rlexp.sweep.settings import SweepSettings
from rlexp.sweep.space.search_space import Point

MAX_REFUSED = 20
"""Points in a row that are refused although the space's ends were not, before the sweep gives up."""


def trial_names(
    monitor: SweepMonitor,
    todo: Sequence[str],
    settings: SweepSettings,
    warn: Callable[[str], None],
) -> Iterator[str]:
    """Names of the trials: those planned and not over, then those still to be drawn, when they are asked for.

    Args:
        monitor: gets every trial that is drawn.
        todo: planned and not over.
        settings: the sweep's settings.
        warn: called for each point that is refused.

    Raises:
        ConfigError: points are refused again and again.
    """
    yield from todo
    adaptive = monitor.folder.adaptive()
    if adaptive is not None and monitor.undrawn > 0:
        yield from _AdaptiveNames(monitor, adaptive, settings, warn).names()


class _AdaptiveNames:
    """A search that learns from the scores of ended trials."""

    def __init__(
        self, monitor: SweepMonitor, adaptive: Adaptive, settings: SweepSettings, warn: Callable[[str], None]
    ) -> None:
        self._monitor, self._adaptive, self._warn = monitor, adaptive, warn
        groups = monitor.groups.names
        over = [group for group in groups if self._has_ended(group)]
        seen = [(self._point(group), monitor.point_score(group)) for group in over]
        self._search = PointSearch(adaptive.space, mode=settings.mode, seed=settings.seed, seen=seen)
        self._open: dict[str, str | None] = dict.fromkeys(group for group in groups if group not in over)
        self._suggestions = 0

    def names(self) -> Iterator[str]:
        """Draws names until there are as many as were asked for."""
        refused = 0
        while self._monitor.undrawn > 0:
            self._observe_ended()
            self._suggestions += 1
            ticket = str(self._suggestions)
            point = self._search.suggest(ticket)
            number = len(self._monitor.groups.names)
            try:
                trials = self._adaptive.trials_at(point, number)
            except ConfigError as error:
                refused += 1
                self._search.observe(ticket, None)
                if refused >= MAX_REFUSED:
                    raise
                self._warn(f"a point was refused, another is drawn: {str(error).splitlines()[0]}")
                continue
            refused = 0
            self._monitor.add(self._monitor.folder.frozen.add(trials))
            self._monitor.folder.push()  # Their processes may look for them elsewhere.
            self._open[trials[0].name] = ticket
            yield from [trial.name for trial in trials]

    def _observe_ended(self) -> None:
        """Gives the search the scores of points that have ended since."""
        for group in [group for group in self._open if self._has_ended(group)]:
            ticket, score = self._open.pop(group), self._monitor.point_score(group)
            if ticket is None:
                self._search.add(self._point(group), score)
            else:
                self._search.observe(ticket, score)

    def _has_ended(self, group: str) -> bool:
        statuses = self._monitor.statuses
        return all(statuses[name].status in OVER for name in self._monitor.groups.members(group))

    def _point(self, group: str) -> Point:
        varied = self._monitor.trials[group].varied
        return {key: varied[key] for dimension in self._adaptive.space.dimensions for key in dimension.keys}

"""Whether what made the points of a report had seen earlier scores."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from rlexp.base.errors import ConfigError
from rlexp.report.reading import Run
from rlexp.storage.sweeps.sweep_view import SweepView, is_sweep

SEARCHES, SCHEDULERS = ("optuna",), ("pbt", "pb2")
"""Those that choose values by the scores so far."""


def warning(runs: Sequence[Run]) -> str:
    """What to bear in mind: a search that learns made some of the points, or some stopped early; empty for neither."""
    return " ".join(filter(None, (_of_searches(learning(runs)), _of_pruned(runs))))


def _of_pruned(runs: Sequence[Run]) -> str:
    pruned = sum(run.manifest.get("status") == "pruned" for run in runs)
    return (
        f"{pruned} of {len(runs)} runs were stopped early and count with the score they had then."
        if pruned
        else ""
    )


def _of_searches(names: Sequence[str]) -> str:
    if not names:
        return ""
    return (
        f"Points of this report were chosen by what had scored well before ({', '.join(names)}): parameters moved "
        "together, and good values were tried more often. A share may be another parameter's, and the black marks hold "
        "for points that were drawn at random or lie in a grid: take none of this for a test. sweep=random, or a grid "
        "over the parameter in question, tells."
    )


def learning(runs: Sequence[Run]) -> list[str]:
    """Names of the searches and schedulers that chose points of these runs by earlier scores."""
    found: dict[str, None] = {}
    for folder in dict.fromkeys(run.path.parent.parent for run in runs):
        if not is_sweep(folder):
            continue
        with suppress(ConfigError):  # Damaged: its runs are shown as those of no sweep.
            settings = SweepView(folder).plan()["settings"]
            search, scheduler = settings.get("search"), (settings.get("scheduler") or {}).get("name")
            found |= dict.fromkeys([search] if search in SEARCHES else [])
            found |= dict.fromkeys([scheduler] if scheduler in SCHEDULERS else [])
    return list(found)

"""Which of a sweep's trials are the best, by `sweep.json` alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlexp.sweep.seeds import SeedGroups


def groups_of(state: Mapping[str, Any]) -> SeedGroups:
    """The seeds of each point.

    Args:
        state: `trials`, by their names, and `settings`, as in `sweep.json`.
    """
    settings = state["settings"]
    return SeedGroups(list(state["trials"]), seeds=settings["seeds"], aggregate=settings["aggregate"])


def ranked(state: Mapping[str, Any]) -> list[str]:
    """The trials' names, the best score first, those without one last; by their points' scores, then their own."""
    groups = groups_of(state)
    sign = -1.0 if state["settings"]["mode"] == "max" else 1.0
    own = {name: trial["score"] for name, trial in state["trials"].items()}
    points = groups.scores(own)

    def place(name: str) -> tuple[bool, float, bool, float]:
        point, score = points[groups.of(name)], own[name]
        return (point is None, sign * (point or 0.0), score is None, sign * (score or 0.0))

    return sorted(own, key=place)


def best(state: Mapping[str, Any]) -> str | None:
    """The name of the trial with the best score, of the best point's seeds; null while none has a score."""
    first = next(iter(ranked(state)), None)
    return None if first is None or state["trials"][first]["score"] is None else first

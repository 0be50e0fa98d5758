"""What a curriculum did over a run, in a bounded number of records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rlexp.curriculum.task_histogram import task_histogram
from rlexp.environment.tasks.outcome import Outcome
from rlexp.environment.tasks.space import TaskSpace

MOST_RECORDS = 1000

Entry = dict[str, Any]
"""`env_steps`, `episodes`, `spread` (shares by parameter), `score`, `success` (or None) and `events` of one stretch."""


class History:
    """One entry for each iteration that had episodes; neighbours are joined when there are too many.

    Args:
        space: of the tasks.
    """

    def __init__(self, space: TaskSpace) -> None:
        self._space = space
        self.entries: list[Entry] = []

    def add(self, env_steps: int, outcomes: Sequence[Outcome], events: Sequence[str]) -> None:
        """One iteration."""
        if not outcomes:
            if events and self.entries:
                self.entries[-1]["events"] = [*self.entries[-1]["events"], *events]
            return
        successes = [outcome.success for outcome in outcomes if outcome.success is not None]
        shares = task_histogram(self._space, (outcome.task for outcome in outcomes))
        entry = {
            "env_steps": env_steps,
            "episodes": len(outcomes),
            "spread": {name: _rounded(values) for name, values in shares.items()},
            "score": float(np.mean([outcome.score for outcome in outcomes])),
            "success": float(np.mean(successes)) if successes else None,
            "events": list(events),
        }
        self.entries.append(entry)
        if len(self.entries) > MOST_RECORDS:
            pairs = zip(self.entries[::2], self.entries[1::2], strict=False)
            last = self.entries[-1:] if len(self.entries) % 2 else []
            self.entries = [*(_joined(one, other) for one, other in pairs), *last]


def _joined(one: Entry, other: Entry) -> Entry:
    first, second = one["episodes"], other["episodes"]

    def mean(a: float | None, b: float | None) -> float | None:
        return b if a is None else a if b is None else (a * first + b * second) / (first + second)

    return {
        "env_steps": other["env_steps"],
        "episodes": first + second,
        "spread": {
            name: _rounded(
                (np.array(values) * first + np.array(other["spread"][name]) * second) / (first + second)
            )
            for name, values in one["spread"].items()
        },
        "score": mean(one["score"], other["score"]),
        "success": mean(one["success"], other["success"]),
        "events": [*one["events"], *other["events"]],
    }


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 4) for value in values]

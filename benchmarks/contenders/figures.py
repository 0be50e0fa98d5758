"""From what the contenders told to medians, ranges, ratios and goals."""

from __future__ import annotations

import statistics
from typing import Any

from contenders.scenarios import Scenario

Told = dict[str, Any]
"""A contender's JSON line (see `contenders.clock`)."""
PEERS = ("sb3", "stock")
"""Who the others are compared with."""


def check_equal(scenario: str, told: dict[str, list[Told]]) -> None:
    """Every contender must train as many parameters.

    Raises:
        ValueError: they differ, so the figures would compare unlike things.
    """
    counts = {name: each["parameters"] for name, runs in told.items() for each in runs}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        raise ValueError(f"{scenario}: the networks differ in size: {listed}")


def spread(values: list[float]) -> dict[str, float]:
    """Median and range."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summary(scenario: Scenario, told: dict[str, list[Told]]) -> dict[str, Any]:
    """The figures of one scenario.

    Args:
        scenario: what was run.
        told: by contender, a line for each repetition, in the same order for all.

    Returns:
        By contender: `steps_per_s` and `steps_per_cpu_s` (median, min, max), `us_per_step` by part, `times` (ratios of
        steps/s to the peers and the bound, repetition by repetition), `parameters`, `library`, `samples`; and for
        `rlexp` `goals`: by peer the ratio wanted, the median reached, and whether that is enough.
    """
    speeds = {name: [each["steps"] / each["wall_s"] for each in runs] for name, runs in told.items()}
    rows: dict[str, Any] = {}
    for name, runs in told.items():
        rows[name] = {
            "steps_per_s": spread(speeds[name]),
            "steps_per_cpu_s": spread([each["steps"] / max(each["cpu_s"], 1e-9) for each in runs]),
            "us_per_step": _parts(runs),
            "times": {
                peer: spread([mine / its for mine, its in zip(speeds[name], speeds[peer], strict=True)])
                for peer in (*PEERS, "bound")
                if peer in speeds
            },
            "parameters": runs[0]["parameters"],
            "library": runs[0]["library"],
            "samples": runs,
        }
    if "rlexp" in rows:
        rows["rlexp"]["goals"] = _goals(scenario, rows["rlexp"]["times"])
    return rows


def _parts(runs: list[Told]) -> dict[str, float]:
    names = {name for each in runs for name in each["parts"]}
    return {
        name: 1e6 * statistics.median(each["parts"].get(name, 0.0) / each["steps"] for each in runs)
        for name in sorted(names)
    }


def _goals(scenario: Scenario, times: dict[str, dict[str, float]]) -> dict[str, Any]:
    return {
        peer: {"wanted": wanted, "median": times[peer]["median"], "reached": times[peer]["median"] >= wanted}
        for peer, wanted in scenario.goals.items()
        if peer in times
    }

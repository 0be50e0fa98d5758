"""From what the contenders told to medians, ranges, ratios and goals."""

from __future__ import annotations

import statistics
from typing import Any

from contenders.scenarios import Scenario

Told = dict[str, Any]
"""A contender's JSON line (see `contenders.clock`)."""
PEERS = ("sb3", "sbx", "jax", "stock")
"""Who the others are compared with."""
BOUND = "bound"


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
        By contender: `steps_per_s` and `steps_per_cpu_s` (median, min, max), `us_per_step` by part, `times` and
        `cpu_times` (ratios of steps a wall and a CPU second to the peers and the bound, repetition by repetition),
        `compile_s` (outside the measured time), `kernel`, `parameters`, `library`, `samples`; and for `rlexp` `goals`:
        by peer the ratio per CPU second wanted, the median reached, and whether that is enough.
    """
    wall, cpu = (
        {name: [each["steps"] / max(each[key], 1e-9) for each in runs] for name, runs in told.items()}
        for key in ("wall_s", "cpu_s")
    )
    rows: dict[str, Any] = {}
    for name, runs in told.items():
        rows[name] = {
            "steps_per_s": spread(wall[name]),
            "steps_per_cpu_s": spread(cpu[name]),
            "us_per_step": _parts(runs),
            "times": _ratios(name, wall),
            "cpu_times": _ratios(name, cpu),
            "compile_s": statistics.median(each.get("compile_s", 0.0) for each in runs),
            "kernel": runs[0].get("kernel", ""),
            "parameters": runs[0]["parameters"],
            "library": runs[0]["library"],
            "samples": runs,
        }
    if "rlexp" in rows:
        rows["rlexp"]["goals"] = _goals(scenario, rows["rlexp"]["cpu_times"])
    return rows


def _ratios(name: str, speeds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    return {
        peer: spread([mine / its for mine, its in zip(speeds[name], speeds[peer], strict=True)])
        for peer in (*PEERS, BOUND)
        if peer in speeds
    }


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

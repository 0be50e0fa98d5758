"""How often a report says of a parameter without any effect that it matters, on simulated sweeps whose truth is known.

    python benchmarks/false_marks.py                     # the table of docs/report.md, about ten minutes of one core
    python benchmarks/false_marks.py --sweeps 50 --seeds 1 5

A sweep's score is what its decisive parameter makes of it, plus what else belongs to the point (interplay, an
environment's level), plus each seed's noise; the other parameters do nothing. A mark is false where the report's bar of
such a parameter passes its black mark: five of a hundred are meant to. `runs permuted` is what comes out where each run
counts as evidence of its own, whatever point it is a seed of.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlexp.report.analysis.parameter_effects import effects_of
from rlexp.report.analysis.parameters import Parameter
from rlexp.report.analysis.permutation_baseline import CHANCE, importance
from rlexp.report.analysis.tried_settings import to_indices

Rng = np.random.Generator
IDLE = "idle"
"""Beginning of the names of parameters that do nothing."""


@dataclass(frozen=True)
class Design:
    """Points of a sweep.

    Attributes:
        values: [P] of each parameter; `lr` decides.
        env: [P].
    """

    values: dict[str, list[Any]]
    env: list[str]


def drawn(rng: Rng) -> Design:
    """`sweep=random` with twenty points of numbers, and a choice."""
    count = 20
    values = {
        "lr": list(np.exp(rng.uniform(math.log(1e-5), math.log(1e-2), count))),
        f"{IDLE}_number": list(rng.uniform(0.9, 0.999, count)),
        f"{IDLE}_choice": [str(rng.choice(["mlp", "lstm", "gru"])) for _ in range(count)],
    }
    return Design(values, [""] * count)


def few_drawn(rng: Rng) -> Design:
    """Twelve draws of listed values, in which some points come twice."""
    count = 12
    values = {
        "lr": [float(rng.choice([1e-4, 1e-3, 1e-2])) for _ in range(count)],
        f"{IDLE}_choice": [str(rng.choice(["a", "b"])) for _ in range(count)],
    }
    return Design(values, [""] * count)


def grid(rng: Rng) -> Design:
    """A grid of three by three by two."""
    rows = list(itertools.product([1e-4, 1e-3, 1e-2], [0.9, 0.99, 0.999], ["mlp", "lstm"]))
    return _columns(["lr", f"{IDLE}_number", f"{IDLE}_choice"], rows, [""] * len(rows))


def small_grid(rng: Rng) -> Design:
    """A grid of two by two."""
    rows = list(itertools.product([1e-3, 1e-2], [0.9, 0.99]))
    return _columns(["lr", f"{IDLE}_number"], rows, [""] * len(rows))


def environments(rng: Rng) -> Design:
    """A grid of three by two on three environments with levels of their own."""
    rows = list(itertools.product([1e-4, 1e-3, 1e-2], ["mlp", "lstm"], ["a", "b", "c"]))
    return _columns(["lr", f"{IDLE}_choice"], [row[:2] for row in rows], [row[2] for row in rows])


def alone(rng: Rng) -> Design:
    """One parameter of four values, which does nothing, and nothing else."""
    return Design({f"{IDLE}_number": [1, 2, 4, 8]}, [""] * 4)


DESIGNS: dict[str, Callable[[Rng], Design]] = {
    "20 points drawn": drawn,
    "12 points drawn from lists": few_drawn,
    "grid 3 x 3 x 2": grid,
    "grid 2 x 2": small_grid,
    "grid 3 x 2, three environments": environments,
    "one parameter": alone,
}


@dataclass(frozen=True)
class Sweep:
    """A simulated sweep: all its parameters, and [runs] scores and environments."""

    parameters: list[Parameter]
    scores: np.ndarray
    env: list[str]


def simulate(design: Callable[[Rng], Design], seeds: int, rng: Rng) -> Sweep:
    """One sweep with so many seeds a point, of which one in twenty has failed."""
    made = design(rng)
    count = len(made.env)
    decisive = np.log10(made.values["lr"]) if "lr" in made.values else np.zeros(count)
    level = {env: rng.normal(0, 2) for env in sorted(set(made.env))}
    interplay = {point: rng.normal(0, 0.5) for point in range(count)}
    own = _same_where_equal(made, interplay)
    point = np.repeat(np.arange(count), seeds)
    scores = (decisive + own + [level[env] for env in made.env])[point]
    scores = scores + 0.5 * rng.standard_t(4, size=len(point))  # Returns have outliers.
    if seeds > 1:
        scores[rng.random(len(point)) < 0.05] = np.nan
    parameters = [
        Parameter(name, [column[at] for at in point], name in ("lr", f"{IDLE}_number"), name == "lr")
        for name, column in made.values.items()
    ]
    return Sweep(parameters, scores, [made.env[at] for at in point])


def marked(sweep: Sweep) -> dict[str, bool]:
    """What the report says of each parameter: whether it matters."""
    effects = {e.parameter.name: e for e in effects_of(sweep.parameters, sweep.scores, sweep.env)}
    return {p.name: p.name in effects and effects[p.name].matters for p in sweep.parameters}


def marked_by_runs(sweep: Sweep) -> dict[str, bool]:
    """The same where every run counts for itself."""
    has = np.isfinite(sweep.scores)
    scores, rng, found = sweep.scores[has], np.random.default_rng(0), {}
    for parameter in sweep.parameters:
        groups = to_indices([v for v, known in zip(parameter.values, has, strict=True) if known])
        if len(set(parameter.values)) > 8:
            order = np.argsort(np.argsort(np.array(parameter.values)[has], kind="stable"))
            groups = order * 8 // len(order)
        by_chance = importance(groups, rng.permuted(np.tile(scores, (300, 1)), axis=1))
        found[parameter.name] = bool(importance(groups, scores) > np.quantile(by_chance, CHANCE))
    return found


def measure(name: str, seeds: int, sweeps: int) -> dict[str, Any]:
    """Shares of marks over so many sweeps of a design."""
    rng = np.random.default_rng([sorted(DESIGNS).index(name), seeds])
    found = [simulate(DESIGNS[name], seeds, rng) for _ in range(sweeps)]
    ours, theirs = [marked(sweep) for sweep in found], [marked_by_runs(sweep) for sweep in found]
    hits = [each["lr"] for each in ours if "lr" in each]
    return {
        "design": name,
        "seeds": seeds,
        "sweeps": sweeps,
        "false_marks": _share([v for each in ours for k, v in each.items() if k.startswith(IDLE)]),
        "false_marks_runs_permuted": _share(
            [v for each in theirs for k, v in each.items() if k.startswith(IDLE)]
        ),
        "true_marks": _share(hits) if hits else None,
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sweeps", type=int, default=1000, help="simulated for each line (default 1000)")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[1, 2, 3, 5], help="a point (default 1 2 3 5)"
    )
    parser.add_argument("--out", type=Path, default=Path("false_marks.json"), help="file to write")
    arguments = parser.parse_args(argv)
    rows = []
    print("| sweep | seeds a point | false marks | runs permuted | the decisive parameter is marked |")
    print("|---|---|---|---|---|", flush=True)
    for name, seeds in itertools.product(DESIGNS, arguments.seeds):
        row = measure(name, seeds, arguments.sweeps)
        rows.append(row)
        hits = "" if row["true_marks"] is None else f"{row['true_marks']:.1%}"
        print(
            f"| {name} | {seeds} | {row['false_marks']:.1%} | {row['false_marks_runs_permuted']:.1%} | {hits} |",
            flush=True,
        )
    arguments.out.write_text(json.dumps(rows, indent=2) + "\n")
    print(f"written: {arguments.out}")


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]], env: list[str]) -> Design:
    return Design({name: [row[at] for row in rows] for at, name in enumerate(names)}, env)


def _same_where_equal(design: Design, interplay: dict[int, float]) -> np.ndarray:
    """[P] what belongs to a point besides: equal for points that differ in idle parameters alone."""
    keys = to_indices(list(zip(design.env, design.values.get("lr", [0] * len(design.env)), strict=True)))
    return np.array([interplay[key] for key in keys.tolist()])


def _share(marks: Sequence[bool]) -> float:
    return float(np.mean(marks))


if __name__ == "__main__":
    main()

"""How `rlexp` and stock RLlib scale: with envs per runner, with runners, with observation size; and replay memory.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --sweeps envs,memory --repetitions 1

The speeds are of PPO with one epoch on an environment that costs next to nothing, so that what is left is the library.
Memory is the growth of the process while a DQN buffer fills without learning, told for a million steps.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contenders.catalogue import CONTENDERS
from contenders.figures import Told, spread
from contenders.process import ContenderError, run
from contenders.scenarios import DQN, PPO, Scenario
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
WHO = ("rlexp", "stock")
ONE_EPOCH = PPO(batch=4096, epochs=1, minibatch=256)


def training(name: str, *, envs: int = 16, runners: int = 0, size: int = 4) -> Scenario:
    """PPO with one thing changed."""
    iteration = ONE_EPOCH.batch
    return Scenario(name, f"numbers:{size}", ONE_EPOCH, envs, iteration, 4 * iteration, runners=runners)


def filling(name: str, size: int, steps: int) -> Scenario:
    """A replay buffer that is filled and never read."""
    settings = DQN(capacity=2 * steps)
    return Scenario(name, f"numbers:{size}", settings, 4, steps // 4, steps, learns=False)


SWEEPS: dict[str, list[Scenario]] = {
    "envs": [training(f"{n} envs", envs=n) for n in (1, 4, 16, 64, 256)],
    "runners": [training(f"{n} runners", runners=n) for n in (0, 1, 2, 4)],
    "observation": [training(f"{n} numbers", size=n) for n in (4, 64, 1024, 16_384)],
    "memory": [filling("4 numbers", 4, 40_000), filling("84x84x4 numbers", 84 * 84 * 4, 2000)],
}


def figure(sweep: str, told: Told) -> float:
    """Steps/s, or bytes of memory a step."""
    return told["memory_bytes"] / told["steps"] if sweep == "memory" else told["steps"] / told["wall_s"]


def measured(
    sweep: str, repetitions: int, timeout_s: float
) -> Iterator[tuple[Scenario, dict[str, list[float]]]]:
    """Each scenario's figures by contender; none of who failed."""
    console = Console(stderr=True)
    for scenario in SWEEPS[sweep]:
        figures: dict[str, list[float]] = {who: [] for who in WHO}
        for _ in range(repetitions):
            for who in WHO:
                with console.status(f"{sweep}: {scenario.name}, {who}"):
                    try:
                        told = run(CONTENDERS[who].command(scenario), timeout_s)
                        figures[who].append(figure(sweep, told))
                    except ContenderError as error:
                        console.print(f"{sweep}: {scenario.name}: {who} failed:\n{error}", markup=False)
        yield scenario, {who: values for who, values in figures.items() if values}


def shown(sweep: str, values: list[float]) -> str:
    """Median and range in the sweep's unit."""
    scale, unit = (1e6 / 2**30, " GiB") if sweep == "memory" else (1.0, "")
    low, middle, high = (scale * f(values) for f in (min, statistics.median, max))
    digits = 2 if unit else 0
    return f"{middle:,.{digits}f}{unit} ({low:,.{digits}f}..{high:,.{digits}f})"


def table(sweep: str, rows: list[tuple[Scenario, dict[str, list[float]]]]) -> Table:
    """One sweep as a table."""
    title = "memory of a million replayed steps" if sweep == "memory" else f"steps/s by {sweep}"
    drawn = Table(title=title, title_justify="left")
    for column in ("", *WHO, "rlexp / stock"):
        drawn.add_column(column, justify="right")
    for scenario, figures in rows:
        cells = [shown(sweep, figures[who]) if who in figures else "failed" for who in WHO]
        both = all(who in figures for who in WHO)
        ratio = f"{_ratio(figures):.2f}" if both else ""
        drawn.add_row(scenario.name, *cells, ratio)
    return drawn


def _ratio(figures: dict[str, list[float]]) -> float:
    ours, theirs = (statistics.median(figures[who]) for who in WHO)
    return ours / theirs if theirs else float("inf")


def main() -> None:
    """Runs the sweeps, prints the tables, writes the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sweeps", default=",".join(SWEEPS), help="some of them, with commas")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--timeout-s", type=float, default=900, help="for one process")
    parser.add_argument("--json", type=Path, default=HERE / "results" / "scaling.json")
    args = parser.parse_args()
    names = args.sweeps.split(",")
    if unknown := set(names) - set(SWEEPS):
        parser.error(f"{', '.join(sorted(unknown))}: none of {', '.join(SWEEPS)}")
    report: dict[str, Any] = {}
    for sweep in names:
        rows = list(measured(sweep, args.repetitions, args.timeout_s))
        Console().print(table(sweep, rows))
        report[sweep] = {
            scenario.name: {who: spread(values) for who, values in figures.items()}
            for scenario, figures in rows
        }
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"repetitions": args.repetitions, **report}, indent=1) + "\n")


if __name__ == "__main__":
    main()

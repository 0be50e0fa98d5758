"""The figures as tables on the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from contenders.figures import PEERS


def show(console: Console, name: str, rows: dict[str, Any]) -> None:
    """One scenario: speeds, ratios with their goals, and where the time goes as far as a contender tells."""
    table = Table(title=name, title_justify="left")
    table.add_column("contender")
    for column in ("steps/s", "range", "steps/CPU s", *(f"x {peer}" for peer in PEERS), "of the bound"):
        table.add_column(column, justify="right")
    table.add_column("µs a step")
    for contender, row in rows.items():
        speed = row["steps_per_s"]
        table.add_row(
            contender,
            f"{speed['median']:,.0f}",
            f"{speed['min']:,.0f}..{speed['max']:,.0f}",
            f"{row['steps_per_cpu_s']['median']:,.0f}",
            *(_ratio(row, peer) for peer in PEERS),
            f"{row['times']['bound']['median']:.0%}" if "bound" in row["times"] else "",
            ", ".join(f"{part} {value:.3g}" for part, value in row["us_per_step"].items()),
        )
    console.print(table)


def _ratio(row: dict[str, Any], peer: str) -> str:
    if peer not in row["times"]:
        return ""
    text = f"{row['times'][peer]['median']:.2f}"
    goal = row.get("goals", {}).get(peer)
    if goal is None:
        return text
    verdict = "[green]reached[/]" if goal["reached"] else "[red]not reached[/]"
    return f"{text} (goal {goal['wanted']:g}: {verdict})"

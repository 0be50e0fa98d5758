"""The figures as tables on the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from contenders.figures import BOUND, PEERS


def show(console: Console, name: str, rows: dict[str, Any]) -> None:
    """One scenario: speeds, ratios a wall and a CPU second with their goals, where the time goes, and the kernels."""
    table = Table(title=name, title_justify="left")
    table.add_column("contender")
    compared = [peer for peer in (*PEERS, BOUND) if peer in rows]
    titles = {peer: "of the bound" if peer == BOUND else f"x {peer}" for peer in compared}
    for column in ("steps/s", "range", "steps/CPU s", "range", *titles.values()):
        table.add_column(column, justify="right")
    table.add_column("µs a step")
    for contender, row in rows.items():
        table.add_row(
            contender,
            *_speed(row["steps_per_s"]),
            *_speed(row["steps_per_cpu_s"]),
            *(_ratio(row, peer) for peer in compared),
            ", ".join(f"{part} {value:.3g}" for part, value in row["us_per_step"].items()),
        )
    console.print(table)
    if compared:
        console.print("ratios a wall second / a CPU second; goals are a CPU second's")
    for contender, row in rows.items():
        compiled = f"; {row['compile_s']:.1f} s of compiling are not counted" if row["compile_s"] else ""
        console.print(f"{contender}: {row['library']}; {row['kernel']}{compiled}", markup=False)
    if BOUND in rows:
        show_products(console, rows[BOUND]["samples"][0])


def show_products(console: Console, bound: dict[str, Any]) -> None:
    """What the bound is made of, product by product: how often a step, who was fastest, and what it takes."""
    table = Table(title="products of the bound, by the fastest kernel of each shape", title_justify="left")
    for column in ("", "rows x inner x columns", "a step", "MFLOP a step", "GFLOP/s", "µs a step", "kernel"):
        table.add_column(column, justify="right")
    for product in bound["products"]:
        operations = product["operations_a_step"]
        table.add_row(
            product["use"],
            " x ".join(map(str, product["shape"])),
            f"{product['times_a_step']:.3g}",
            f"{operations / 1e6:.3g}",
            f"{product['rate'] / 1e9:.0f}",
            f"{1e6 * operations / product['rate']:.3g}",
            product["kernel"],
        )
    console.print(table)


def _speed(speed: dict[str, float]) -> tuple[str, str]:
    return f"{speed['median']:,.0f}", f"{speed['min']:,.0f}..{speed['max']:,.0f}"


def _ratio(row: dict[str, Any], peer: str) -> str:
    wall, cpu = (row[key][peer]["median"] for key in ("times", "cpu_times"))
    if peer == BOUND:
        return f"{wall:.0%} / {cpu:.0%}"
    text = f"{wall:.2f} / {cpu:.2f}"
    goal = row.get("goals", {}).get(peer)
    if goal is None:
        return text
    verdict = "[green]reached[/]" if goal["reached"] else "[red]not reached[/]"
    return f"{text} (goal {goal['wanted']:g}: {verdict})"

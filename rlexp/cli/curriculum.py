"""`rlexp curriculum simulate`: a curriculum on synthetic students, in seconds and without training.

    rlexp curriculum simulate env=multiroom curriculum=multiroom
    rlexp curriculum simulate env=multiroom curriculum=uniform --episodes 8000

Prints how the students got on, beside others that were taught uniformly, and writes a plot.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rlexp.base.errors import ConfigError

if TYPE_CHECKING:
    from rlexp.curriculum.simulation.compare import SimulatedArm

FORMATS = (".svg", ".png", ".pdf")


def run(argv: Sequence[str]) -> int:
    """The command; returns its exit code."""
    arguments = _parser().parse_args(list(argv))
    # Imported here: they compose, and draw.
    from rlexp.curriculum.plot import plot_simulation
    from rlexp.curriculum.simulation.compare import SimulationSettings, trials
    from rlexp.environment.tasks.space import space_of
    from rlexp.run.compose import compose

    config = compose(arguments.overrides)
    if config.curriculum.teacher is None:
        raise ConfigError(
            "there is no curriculum to simulate",
            key="curriculum",
            fix="curriculum=uniform, or another of `rlexp list curriculum`",
        )
    setting = SimulationSettings(
        arguments.students,
        arguments.episodes,
        arguments.iteration,
        arguments.envs,
        arguments.sharpness,
        arguments.rate,
    )
    arms = trials(config, str(config.choices.get("curriculum", "curriculum")), setting)
    _table(arms, setting.episodes)
    plot = arguments.plot or _free(f"curriculum-{config.choices.get('curriculum', 'simulated')}")
    print(f"plot: {plot_simulation(arms, space_of(config.curriculum), plot)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rlexp curriculum", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=("simulate",), help="try the teacher on synthetic students")
    parser.add_argument("overrides", nargs="*", help="as for a run: env=..., curriculum=..., seed=...")
    parser.add_argument(
        "--episodes", type=_count, default=4000, help="that each student plays (default 4000)"
    )
    parser.add_argument("--students", type=_count, default=5, help="each with a seed of its own (default 5)")
    parser.add_argument("--envs", type=_count, default=8, help="sub-environments (default 8)")
    parser.add_argument(
        "--iteration", type=_count, default=32, help="episodes between two looks of the teacher (default 32)"
    )
    parser.add_argument(
        "--sharpness", type=_positive, default=20.0, help="how soon a harder task is hopeless (default 20)"
    )
    parser.add_argument(
        "--rate",
        type=_positive,
        default=2e-3,
        help="most that one episode teaches (default 0.002; easiest 0, hardest 1)",
    )
    parser.add_argument(
        "--plot",
        type=_picture,
        help=f"file to write or replace, {', '.join(FORMATS)} (default: curriculum-<name>.svg here, under a number "
        "of its own where there is one already)",
    )
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def _picture(text: str) -> Path:
    if Path(text).suffix not in FORMATS:
        raise argparse.ArgumentTypeError(f"{text!r} must end in {', '.join(FORMATS)}")
    return Path(text)


def _free(name: str) -> Path:
    """A file of that name in the present folder that is not there yet."""
    number, path = 2, Path(f"{name}.svg")
    while path.exists() or path.is_symlink():
        number, path = number + 1, Path(f"{name}-{number}.svg")
    return path


def _table(arms: Sequence[SimulatedArm], episodes: int) -> None:
    from rich.table import Table
    from rich.text import Text

    from rlexp.curriculum.simulation.compare import MASTERED
    from rlexp.terminal.quiet import console

    table = Table("curriculum", f"episodes to {MASTERED:.0%}", "mastered", "success at the end", "changes")
    for arm in arms:
        reached = arm.mastered_at()
        times = sorted(at if at is not None else episodes + 1 for at in reached)
        middle = statistics.median_low(times)
        final = statistics.median(arm.curves[:, -1].tolist())
        table.add_row(
            Text(arm.name),
            f"{middle:,}" if middle <= episodes else f"over {episodes:,}",
            f"{sum(at is not None for at in reached)} of {len(reached)}",
            f"{final:.2f}",
            f"{statistics.median(arm.changes()):g}",
        )
    console().print(table)

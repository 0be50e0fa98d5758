"""A sweep on the terminal: its plan before it starts, and how its trials stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rlexp.base.shell_commands import shell_command
from rlexp.storage.sweeps import trial_ranking
from rlexp.terminal.quiet import terminal

if TYPE_CHECKING:
    from rich.table import Table

    from rlexp.sweep.folder import SweepFolder
    from rlexp.sweep.planning.plan import Plan

MOST_ROWS, MOST_TRACES = 40, 5
STYLE = {
    "done": "green",
    "pruned": "cyan",
    "running": "",
    "stopped": "yellow",
    "failed": "bold red",
    "waiting": "dim",
}


def print_plan(plan: Plan, lines: Sequence[str]) -> None:
    """The trials, with what differs between them; nothing has started. `lines` come last."""
    screen = terminal()
    if plan.adaptive is not None:
        _show(["key", "values"], [list(row) for d in plan.space.dimensions for row in d.describe()], 0)
        seeds = f", each with {plan.settings.seeds} seeds" if plan.settings.seeds > 1 else ""
        screen.say(f"{plan.settings.trials} points{seeds}, each chosen by the scores of those before")
    else:
        keys = list(dict.fromkeys(key for trial in plan.trials for key in trial.varied))
        _show(
            ["trial", *keys],
            [[number(t.name), *(t.varied.get(key, "") for key in keys)] for t in plan.trials[:MOST_ROWS]],
            len(plan.trials),
        )
    screen.say(f"{plan.count} trials, {_budget(plan)}; nothing was started")
    for line in lines:
        screen.say(line)


def _budget(plan: Plan) -> str:
    steps = [each.config.stop.env_steps for each in plan.trials or plan.ends]
    if None in steps:
        return "no bound on env steps"
    each = [steps for steps in steps if steps is not None]
    return f"at most {sum(each) if plan.trials else max(each) * plan.count:,} env steps"


def print_standings(folder: SweepFolder, more: Sequence[str]) -> None:
    """The trials by their scores, the best first, and what one may do next; `more` lines at the end.

    Where points have several seeds, a line each for the best points' seeds, after the point's own score.
    """
    state, path = folder.state(), folder.path
    ranked, groups = trial_ranking.ranked(state), trial_ranking.groups_of(state)
    trials, metric = state["trials"], state.get("metric", "score")
    keys = list(dict.fromkeys(key for name in ranked for key in trials[name]["varied"]))
    several = state["settings"]["seeds"] > 1
    points = groups.scores({name: trial["score"] for name, trial in trials.items()})
    rows = []
    for name in ranked[:MOST_ROWS]:
        trial = trials[name]
        varied = [trial["varied"].get(key, "") for key in keys]
        own = [figure(points[groups.of(name)])] if several else []
        rows.append(
            [number(name), trial["status"], figure(trial["score"]), *own, f"{trial['env_steps']:,}", *varied]
        )
    point = [f"{state['settings']['aggregate']} of seeds"] if several else []
    _show(["trial", "status", metric, *point, "env steps", *keys], rows, len(ranked))
    counts = Counter(trial["status"] for trial in trials.values())
    screen = terminal()
    screen.say(", ".join(f"{counts[status]} {status}" for status in STYLE if counts[status]))
    failed = [folder.trials / name / "error.txt" for name in ranked if trials[name]["status"] == "failed"]
    traces = dict.fromkeys(trace if trace.exists() else path / "log.txt" for trace in failed)
    for trace in list(traces)[:MOST_TRACES]:
        screen.say(f"trace   {trace}")
    if state.get("best"):
        screen.say(f"best    {state['best']['command']}")
    for each in state.get("best_by_env") or ():
        screen.say(f"best of {each['env']}: {each['command']}")
    screen.say(f"folder  {folder.place}")
    if set(counts) - {"done", "pruned"}:
        screen.say(f"go on   {shell_command('resume', folder.place)}")
    for line in more:
        screen.say(line)


def figure(score: float | None) -> str:
    """A score to read; nothing where there is none."""
    return "" if score is None else f"{score:.4g}"


def number(name: str) -> str:
    """A trial's number, which its name begins with."""
    return name.partition("-")[0]


def _show(columns: Sequence[str], rows: Sequence[Sequence[str]], count: int) -> None:
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in (columns, *rows)
    ]
    screen = terminal()
    screen.show(table(columns, rows), "\n".join(lines))
    if count > len(rows):
        screen.say(f"and {count - len(rows)} more")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table of texts, statuses in their colours."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for name in columns:
        table.add_column(Text(name), overflow="fold")  # Text, not markup: names may hold brackets.
    for row in rows:
        table.add_row(*(Text(text, STYLE.get(text, "")) for text in row))
    return table

"""The last thing a run says: a short table, the folder's path, and what one may do next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rlexp.base.events import is_finite_number
from rlexp.base.headline_metrics import SUMMARISED, comes_with_evaluation, is_share
from rlexp.base.shell_commands import shell_command
from rlexp.terminal.quiet import terminal

if TYPE_CHECKING:
    from rich.table import Table

_STATUS_STYLE = {"done": "green", "stopped": "yellow", "failed": "bold red"}


def closing_rows(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and text of each figure that `summary` (a run's `summary.json`) has; pure.

    Figures that are absent get no row; a return that is not a number is said to be none.
    """
    status = str(summary.get("status", "unknown"))
    rows = [("status", status)]
    if status != "failed" and (reason := summary.get("reason")):
        rows.append(("ended by", str(reason)))
    if (steps := _number(summary.get("env_steps"))) is not None:
        rows.append(("env steps", f"{steps:,.0f}"))
    if (seconds := _number(summary.get("wall_s"))) is not None:
        rows.append(("wall time", _time(seconds) + _shares(summary, seconds)))
    if (speed := _number(summary.get("sps"))) is not None:
        rows.append(("steps/s", f"{speed:,.0f}"))
    for key, label, write in _FIGURES:
        if text := _final_and_best(summary.get(key), summary.get(f"best_{key}"), write):
            rows.append((label, text))
    if checkpoint := summary.get("checkpoint"):
        rows.append(("checkpoint", str(checkpoint)))
    rows += [("not logged", str(why)) for why in summary.get("not_logged") or ()]
    return rows


def next_commands(summary: Mapping[str, Any], place: str) -> list[tuple[str, str]]:
    """Purpose and command of what one may do next with a run; pure.

    Args:
        summary: the run's `summary.json`; its `train_longer` has the overrides that loosen what ended the run.
        place: the run's folder, or its address in a store.
    """
    if not summary.get("checkpoint"):
        return []
    purpose = "train longer" if summary.get("status") == "done" else "go on"
    longer = str(summary.get("train_longer") or "").split()
    return [
        ("evaluate", shell_command("evaluate", place)),
        (purpose, shell_command("resume", place, *longer)),
    ]


def closing_table(summary: Mapping[str, Any]) -> Table:
    """The table of `closing_rows` for rich to print; pure."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, show_header=False, show_edge=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in closing_rows(summary):
        table.add_row(label, Text(text, _STATUS_STYLE.get(text, "") if label == "status" else ""))
    return table


def closing_lines(summary: Mapping[str, Any], place: str) -> list[str]:
    """The lines under the table: the folder, a failure's trace, the next commands; pure."""
    lines = [("folder", place)]
    if summary.get("status") == "failed":
        lines.append(("trace", f"{place}/{summary.get('trace', 'error.txt')}"))
    lines += next_commands(summary, place)
    width = max(len(label) for label, _ in lines)
    return [f"{label:<{width}}  {text}" for label, text in lines]


def print_closing(summary: Mapping[str, Any], place: str, error: str | None = None) -> None:
    """Print the table, the folder and the next commands; `label  value` lines where there is no terminal.

    Paths and commands are lines of their own, never wrapped, so that they can be copied.

    Args:
        summary: the run's `summary.json`.
        place: the run's folder, or its address in a store.
        error: one line on why it failed, for stderr.
    """
    screen = terminal()
    rows = closing_rows(summary)
    width = max(len(label) for label, _ in rows)
    plain = "\n".join(f"{label:<{width}}  {text}" for label, text in rows)
    if screen.console.is_terminal and not screen.console.is_dumb_terminal:
        screen.show(closing_table(summary), plain)
        screen.say("")
    else:
        screen.say(plain)
    for line in closing_lines(summary, place):
        screen.say(line)
    if error is not None:
        screen.error(error)


def _final_and_best(final: object, best: object, write: Callable[[float], str]) -> str:
    last, top = _number(final), _number(best)
    if last is None and isinstance(final, float):
        text = "not a number"
    elif last is None:
        return f"best {write(top)}" if top is not None else ""
    else:
        text = write(last)
    return f"{text} (best {write(top)})" if top is not None and top != last else text


def _figure(value: float) -> str:
    return f"{value:,.1f}" if abs(value) >= 1 or value == 0 else f"{value:.3g}"


def _time(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds < 120 else f"{seconds / 60:,.1f} min"


def _shares(summary: Mapping[str, Any], seconds: float) -> str:
    """What the time was spent on, where the summary says it: ` (training 61 %, evaluation 30 %, ...)`."""
    seconds_by_label = [(label, _number(summary.get(key))) for key, label in _SPENT_ON]
    parts = [
        f"{label} {_percent(spent / seconds)}"
        for label, spent in seconds_by_label
        if spent is not None and seconds
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _number(value: object) -> float | None:
    return float(value) if is_finite_number(value) else None


_SPENT_ON = (
    ("training_s", "training"),
    ("evaluation_s", "evaluation"),
    ("checkpoints_s", "checkpoints"),
    ("rest_s", "rest"),
)
_FIGURES = tuple(
    (
        metric.summary,
        metric.label if comes_with_evaluation(metric.name) else f"train {metric.label}",
        _percent if is_share(metric.name) else _figure,
    )
    for metric in SUMMARISED
)

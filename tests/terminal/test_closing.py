"""The table at the end of a run."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from rlexp.sweep.results.standings_table import table
from rlexp.terminal.final_summary import closing_lines, closing_rows, print_closing

DONE = {
    "status": "done", "reason": "stop.env_steps=100000", "env_steps": 102400, "wall_s": 61.32, "sps": 1670.2,
    "return_mean": 432.12, "best_return_mean": 440.0, "eval_return_mean": 500.0,
    "best_eval_return_mean": 500.0,
    "success_rate": 0.753, "train_longer": "stop.env_steps=204800", "checkpoint": "checkpoints/step_102400",
}  # fmt: skip


def test_rows_of_a_finished_run() -> None:
    assert dict(closing_rows(DONE)) == {
        "status": "done",
        "ended by": "stop.env_steps=100000",
        "env steps": "102,400",
        "wall time": "61.3 s",
        "steps/s": "1,670",
        "train return": "432.1 (best 440.0)",
        "eval return": "500.0",
        "train success": "75 %",
        "checkpoint": "checkpoints/step_102400",
    }


def test_nothing_is_made_up() -> None:
    assert closing_rows({}) == [("status", "unknown")]
    rows = dict(closing_rows({"status": "failed", "reason": "it broke", "return_mean": float("nan")}))
    assert rows == {"status": "failed", "train return": "not a number"}
    assert dict(closing_rows({"best_eval_return_mean": 3.0}))["eval return"] == "best 3.0"


def test_next_commands_can_be_pasted() -> None:
    lines = closing_lines(DONE, "runs/my run")
    assert lines == [
        "folder        runs/my run",
        "evaluate      rlexp evaluate 'runs/my run'",
        "train longer  rlexp resume 'runs/my run' stop.env_steps=204800",
    ]
    assert (
        closing_lines({**DONE, "status": "stopped", "train_longer": None}, "r")[-1]
        == "go on     rlexp resume r"
    )
    assert closing_lines({"status": "failed"}, "r") == ["folder  r", "trace   r/error.txt"]


def test_plain_text_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    folder = f"runs/{'long' * 60}"
    print_closing(DONE, folder, "ValueError: broken")
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "status         done"
    assert f"folder        {folder}" in lines, "paths stay in one piece"
    assert "\x1b" not in out and err == "error: ValueError: broken\n"


def test_brackets_in_names_are_no_markup() -> None:
    """`[/x]` closes nothing, so that rich refused the whole table."""
    screen = Console(file=io.StringIO(), width=80)
    screen.print(table(["[red]custom[/x]"], [["[/y]"]]))
    assert "[red]custom[/x]" in screen.file.getvalue() and "[/y]" in screen.file.getvalue()  # type: ignore[attr-defined]

"""The display in a real pseudo-terminal and in a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from callbacks.progress import Progress

ROOT = Path(__file__).resolve().parents[2]
COURSE = str(Path(__file__).with_name("course.py"))
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **more}


def on_terminal(
    tmp_path: Path, budget: str = "steps", end: str = "done", kind: str = "Display", **more: str
) -> str:
    """All that a terminal of 100 columns received from the course."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(
            sys.executable,
            [sys.executable, COURSE, str(tmp_path / "log.txt"), budget, end, kind],
            environment(**more),
        )
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    received = b""
    while True:
        try:
            chunk = os.read(fd, 65536)
        except OSError:  # The other side has gone.
            break
        if not chunk:
            break
        received += chunk
    os.waitpid(pid, 0)
    return received.decode()


def in_pipe(
    tmp_path: Path, budget: str = "steps", end: str = "done", kind: str = "Display", **more: str
) -> list[str]:
    done = subprocess.run(
        [sys.executable, COURSE, str(tmp_path / "log.txt"), budget, end, kind],
        capture_output=True,
        text=True,
        env=environment(**more),
        timeout=60,
    )
    return done.stdout.splitlines()


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a terminal receives from a course that ends well."""
    return on_terminal(tmp_path_factory.mktemp("drawn"))


def test_live_display_moves_and_goes(drawn: str) -> None:
    text, shown = drawn, plain(drawn)
    for words in (
        "building ...",
        "0 / 1,000 steps",
        "first iteration",
        "13 %  128 / 1,000 steps",
        "return 10.0",
        "evaluating",
        "return 30.0  eval 51.0",
        "steps/s",
        "s left",
        "s elapsed",
        "saved step_512",
        "warning: something is odd",
    ):
        assert words in shown, words
    assert "talks" not in shown, "libraries write into the display"
    assert text.count("━") > 100 and text.rindex(SHOW) > text.rindex(HIDE)
    assert text.endswith("the end\r\n")
    # What the terminal is left with: the display is wiped, so its lines do not stand above the last message.
    assert "\x1b[2K" in text[text.rindex(SHOW) :]


def test_live_display_redraws_within_one_iteration(drawn: str) -> None:
    before_first = plain(drawn).split("return 10.0")[0]
    assert before_first.count("first iteration") >= 3


@pytest.mark.parametrize("end", ["crash", "ctrl-c", "exit"])
def test_terminal_is_given_back_however_it_ends(tmp_path: Path, end: str) -> None:
    text = on_terminal(tmp_path, end=end)
    assert HIDE in text and text.rindex(SHOW) > text.rindex(HIDE)
    assert text.count(HIDE) == text.count(SHOW)
    expected = {"crash": "RuntimeError: broken", "ctrl-c": "KeyboardInterrupt", "exit": ""}[end]
    assert expected in text[text.rindex(SHOW) :]


@pytest.mark.parametrize(
    ("budget", "words"),
    [("iterations", "60 %  3 / 5 iterations  384 steps"), ("time", "/ 1 min 00 s"), ("none", "384 steps")],
)
def test_other_budgets(tmp_path: Path, budget: str, words: str) -> None:
    shown = plain(on_terminal(tmp_path, budget))
    assert words in shown
    assert ("s left" in shown) == (budget != "none")


@pytest.mark.parametrize("kind", ["Display", pytest.param("Progress", marks=pytest.mark.slow)])
def test_plain_lines_in_a_pipe(tmp_path: Path, kind: str) -> None:
    lines = in_pipe(tmp_path, kind=kind)
    assert lines[:2] == ["building ...", "training trial (at most 1,000 steps)"]
    assert lines[-1] == "the end" and len(lines) == 7, lines
    pattern = r"256 / 1,000 steps  return 20\.0  eval 51\.0  [\d,]+ steps/s  \d+ s left"
    assert re.fullmatch(pattern, lines[3]), lines
    assert not any("\x1b" in line or "talks" in line for line in lines)
    log = (tmp_path / "log.txt").read_text()
    assert lines[3] in log and log.count("a library talks") == 4 and log.count("a child talks") == 4


@pytest.mark.parametrize("setting", [{"TERM": "dumb"}, {"CI": "true"}])
def test_no_live_display_where_it_cannot_be(tmp_path: Path, setting: dict[str, str]) -> None:
    text = on_terminal(tmp_path, **setting)
    assert HIDE not in text and "\x1b[1A" not in text
    assert "training trial (at most 1,000 steps)" in text and "512 / 1,000 steps" in text


def test_no_color_is_honoured(tmp_path: Path) -> None:
    text = on_terminal(tmp_path, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9][;m]", text), "a colour was set"
    assert "128 / 1,000 steps" in text


def test_lines_are_rare_and_the_last_is_always_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rlexp.base.events import RunInfo

    progress = Progress(every_s=3600.0, live=False)
    progress.on_run_start(RunInfo(tmp_path, "rare", "id", {}, {"env_steps": 50}, resumed_at=10))
    for steps in (20, 30, 40):
        progress.on_record({"env_steps": steps, "iteration": steps // 10})
    progress.on_run_end("stopped", {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "training rare (at most 50 steps), 10 steps done before"
    assert [line.split("  ")[0] for line in lines[1:]] == ["20 / 50 steps", "40 / 50 steps"]


def test_an_instance_that_no_run_started_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.on_evaluate_start(algorithm=None)
    progress.on_record({"env_steps": 1, "iteration": 1})
    progress.on_run_end("failed", {})
    assert capsys.readouterr().out == ""


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="refresh_per_s > 0"):
        Progress(refresh_per_s=0)

"""The quiet terminal, with real descriptors, child processes and a real pseudo-terminal."""

from __future__ import annotations

import io
import logging
import os
import pty
import re
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import pytest

from rlexp.sweep.results.standings_table import table
from rlexp.terminal import quiet as quiet_module
from rlexp.terminal.quiet import console, quiet, terminal

ROOT = Path(__file__).resolve().parents[2]
STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")


def run(code: str, tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """`code` in a process of its own, with pipes as stdout and stderr."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "log.txt")],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )


NOISE = """
import ctypes, logging, os, subprocess, sys, warnings
from pathlib import Path
early = logging.StreamHandler()          # holds the first sys.stderr, as handlers made at import do
stubborn = logging.getLogger("stubborn"); stubborn.addHandler(early); stubborn.propagate = False
from rlexp.terminal.quiet import quiet
def noise():
    print("a print")
    print("an error print", file=sys.stderr)
    sys.stdout.buffer.write(b"some bytes\\n")
    logging.getLogger("ray.rllib").warning("a log record")
    logging.getLogger("other").info("too little to tell")
    stubborn.warning("a stubborn record")
    warnings.warn("a python warning")
    os.write(1, b"raw on 1\\n"); os.write(2, b"raw on 2\\n")
    ctypes.CDLL(None).puts(b"from C")
    child = "import sys; print('child out'); print('child err', file=sys.stderr)"
    subprocess.run([sys.executable, "-c", child])
"""
KINDS = [
    "a print", "an error print", "some bytes", "a log record", "a stubborn record", "a python warning",
    "raw on 1", "raw on 2", "from C", "child out", "child err",
]  # fmt: skip


def test_everything_but_our_messages_goes_to_the_log(tmp_path: Path) -> None:
    code = NOISE + textwrap.dedent("""
        with quiet(Path(sys.argv[1]), "WARNING") as terminal:
            terminal.say("our message [with brackets]")
            noise()
            terminal.warn("our warning")
        print("after")
        os.write(2, b"raw after\\n")
    """)
    done = run(code, tmp_path)
    assert done.stdout == "our message [with brackets]\nafter\n"
    assert done.stderr == "warning: our warning\nraw after\n"
    log = (tmp_path / "log.txt").read_text()
    for kind in [*KINDS, "our message [with brackets]", "our warning"]:
        assert log.count(kind) == 1, (kind, log)
    assert "too little to tell" not in log and "after" not in log
    stamped = [line for line in log.splitlines() if STAMP.match(line)]
    assert any("WARNING ray.rllib: a log record" in line for line in stamped)
    assert any(line.endswith(" a print") for line in stamped)


def test_all_comes_back_after_an_exception(tmp_path: Path) -> None:
    code = NOISE + textwrap.dedent("""
        logging.basicConfig(format="mine: %(message)s")
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            try:
                with quiet(Path(sys.argv[1])) as terminal:
                    late = logging.StreamHandler()     # holds the log's stream beyond its life
                    stubborn.handlers = [late]
                    1 / 0
            except ZeroDivisionError:
                pass
        assert len(os.listdir("/proc/self/fd")) == before, "descriptors leaked"
        noise()
        logging.getLogger("x").warning("root handler is back")
    """)
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    for kind in KINDS:
        assert kind in done.stdout + done.stderr
    assert "mine: root handler is back" in done.stderr
    assert "Logging error" not in done.stderr
    assert (tmp_path / "log.txt").read_text() == ""


def test_nested_uses_write_to_their_own_logs_and_one_terminal(tmp_path: Path) -> None:
    code = NOISE + textwrap.dedent("""
        outer, inner = Path(sys.argv[1]), Path(sys.argv[1]).with_name("inner.txt")
        with quiet(outer) as a:
            os.write(1, b"outer one\\n")
            with quiet(inner, "ERROR") as b:
                b.say("from inside"); print("inner print"); os.write(1, b"inner raw\\n")
                logging.getLogger("x").warning("below the inner level")
            a.say("from outside"); print("outer two")
    """)
    done = run(code, tmp_path)
    assert done.stdout == "from inside\nfrom outside\n", done.stderr
    outer, inner = (tmp_path / "log.txt").read_text(), (tmp_path / "inner.txt").read_text()
    assert "outer one" in outer and "outer two" in outer and "from outside" in outer
    assert "inner" not in outer and "below" not in inner
    assert "inner print" in inner and "inner raw" in inner and "from inside" in inner


def test_works_with_closed_descriptors(tmp_path: Path) -> None:
    code = """
    import os, sys
    from pathlib import Path
    os.close(1); os.close(2)
    from rlexp.terminal.quiet import quiet
    with quiet(Path(sys.argv[1])) as terminal:
        print("kept")
    """
    done = run(code, tmp_path)
    assert done.returncode == 0
    assert "kept" in (tmp_path / "log.txt").read_text()


def test_a_captured_stdout_stays_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handlers = list(logging.getLogger().handlers)
    show = warnings.showwarning
    with quiet(tmp_path / "deep" / "log.txt") as terminal:
        terminal.say("seen")
        print("hidden")
        warnings.warn("odd", RuntimeWarning, stacklevel=1)
        assert quiet_module.console() is terminal.console
    print("seen again")
    assert capsys.readouterr().out == "seen\nseen again\n"
    assert logging.getLogger().handlers == handlers and warnings.showwarning is show
    log = (tmp_path / "deep" / "log.txt").read_text()
    assert "hidden" in log and "RuntimeWarning: odd" in log


def test_the_log_has_neither_colours_nor_what_every_run_says(tmp_path: Path) -> None:
    with quiet(tmp_path / "log.txt"):
        warnings.warn("\x1b[33mWARN: it is late\x1b[0m", RuntimeWarning, stacklevel=1)
        print("\x1b[1mbold\x1b[0m")
        print("You are running PPO on the new API stack! This is the new default behavior")
        logging.getLogger("ray.rllib").warning(
            "`RLModule(config=[RLModuleConfig object])` has been deprecated."
        )
        logging.getLogger("mine").warning("`old(x)` has been deprecated.")
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert [line.rpartition(": ")[2][20:] or line for line in lines if "\x1b" in line] == []
    assert len(lines) == 3 and "WARN: it is late" in lines[0] and lines[1].endswith(" bold")
    assert lines[2].endswith("`old(x)` has been deprecated.")


@pytest.mark.parametrize("columns", [None, "40"])
def test_a_table_is_wrapped_for_a_terminal_alone(
    columns: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a pipe a word that is cut in two cannot be searched for; who asks for a width by COLUMNS gets it."""
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    words = [f"path/{'x' * 60}", f"name-{'y' * 60}"]
    terminal().show(table(["where", "what"], [words]), "")
    shown = capsys.readouterr().out
    assert all((word in shown) is (columns is None) for word in words)


def test_outside_a_quiet_the_console_is_plain_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    terminal().say("plain")
    console().print("drawn")
    assert capsys.readouterr().out == "plain\ndrawn\n"


def test_bad_level_and_bad_place_change_nothing(tmp_path: Path) -> None:
    before = sys.stdout
    with pytest.raises(ValueError, match="write DEBUG, INFO"), quiet(tmp_path / "log.txt", "LOUD"):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"), quiet(tmp_path / "file" / "log.txt"):
        pass
    assert sys.stdout is before


def test_a_progress_bar_of_a_library_becomes_lines(tmp_path: Path) -> None:
    with quiet(tmp_path / "log.txt"):
        for percent in (10, 20):
            sys.stderr.write(f"\rloading {percent}%")
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert [line[20:] for line in lines] == ["loading 10%", "loading 20%"]


def test_streams_without_descriptors_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with quiet(tmp_path / "log.txt") as terminal:
        terminal.say("in the notebook")
        print("in the log")
    print("in the notebook again")
    assert out.getvalue() == "in the notebook\nin the notebook again\n"


def test_on_a_pseudo_terminal_status_moves_and_cleans_up(tmp_path: Path) -> None:
    code = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from rlexp.terminal.quiet import quiet
        try:
            with quiet(Path(sys.argv[1])) as terminal:
                with terminal.status("building ..."):
                    time.sleep(0.5)
                    raise RuntimeError("no")
        except RuntimeError:
            print("back")
    """)
    read = b""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(PYTHONPATH=str(ROOT), TERM="xterm-256color")
        os.environ.pop("CI", None)
        os.environ.pop("NO_COLOR", None)
        os.execv(sys.executable, [sys.executable, "-c", code, str(tmp_path / "log.txt")])
    while True:
        try:
            chunk = os.read(fd, 4096)
        except OSError:
            break
        if not chunk:
            break
        read += chunk
    os.waitpid(pid, 0)
    text = read.decode()
    assert text.count("building ...") > 2
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor stays hidden"
    assert text.rstrip().endswith("back")
    assert "building ..." in (tmp_path / "log.txt").read_text()

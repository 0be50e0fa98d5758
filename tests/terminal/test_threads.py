"""Runs in threads of one process: what other threads print stays theirs, and runs take turns."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from harness import CHECKOUT

QUIET = """
import logging, os, subprocess, sys, threading, warnings
from pathlib import Path
from rlexp.terminal.quiet import quiet, terminal
logging.basicConfig(format="mine: %(message)s", level="INFO")
inside, leave = threading.Event(), threading.Event()

def run():
    with quiet(Path(sys.argv[1]) / "log.txt") as screen:
        print("printed by the run")
        say = lambda: (print("printed by its thread"), logging.warning("logged by its thread"))
        child = threading.Thread(target=say)
        child.start(); child.join()
        logging.info("too little for the run's log")
        inside.set(); leave.wait(20)
        screen.say("said by the run")

def program(where):
    print("printed by the program", where)
    sys.stdout.flush()
    logging.info("logged by the program %s", where)
    warnings.warn("warned by the program " + where)
    terminal().say("said by the program " + where)
    late = threading.Thread(target=lambda: print("printed by the program's thread", where))
    late.start(); late.join()
"""


def run(code: str, tmp_path: Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"},
    )


def test_a_run_in_a_thread_leaves_the_programs_words_alone(tmp_path: Path) -> None:
    code = QUIET + textwrap.dedent("""
        thread = threading.Thread(target=run); thread.start(); inside.wait(20)
        program("meanwhile")
        os.write(1, b"raw by the program\\n")
        subprocess.run([sys.executable, "-c", "print('printed by its child')"])
        leave.set(); thread.join()
        program("afterwards")
        assert sys.stdout is sys.__stdout__ and threading.Thread.start.__name__ == "start"
    """)
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    log = (tmp_path / "log.txt").read_text()
    assert "by the program" not in log and "its child" not in log and "too little" not in log
    for words in ("printed by the run", "printed by its thread", "logged by its thread"):
        assert words in log and words not in done.stdout + done.stderr
    for where in ("meanwhile", "afterwards"):
        assert f"printed by the program {where}\n" in done.stdout
        assert f"said by the program {where}\n" in done.stdout
        assert f"printed by the program's thread {where}\n" in done.stdout
        assert f"mine: logged by the program {where}\n" in done.stderr
        assert f"warned by the program {where}" in done.stderr
    assert "raw by the program" in done.stdout and "printed by its child" in done.stdout
    assert "said by the run" in done.stdout


def test_a_run_in_the_main_thread_leaves_other_threads_words_alone(tmp_path: Path) -> None:
    code = QUIET + textwrap.dedent("""
        other = threading.Thread(target=lambda: (inside.wait(20), program("meanwhile"), leave.set()))
        other.start(); run(); other.join()
    """)
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "by the program" not in (tmp_path / "log.txt").read_text().replace("mine: ", "")
    for words in ("printed by the program meanwhile", "printed by the program's thread meanwhile"):
        assert words in done.stdout


def test_streams_that_have_lost_their_logs_are_no_chain(tmp_path: Path) -> None:
    """Left over in the wrong order, as code that puts `sys.stdout` back by itself leaves them."""
    code = """
    import sys
    from pathlib import Path
    from rlexp.terminal.logfile import LogFile, LogStream
    logs = [LogFile(Path(sys.argv[1]) / f"{n}.txt") for n in range(3)]
    first = LogStream(logs[0], sys.stdout, "stdout")
    second = LogStream(logs[1], first, "stdout"); third = LogStream(logs[2], second, "stdout")
    first._original = third
    for stream in (first, second, third):
        stream.detach_log()
    for stream in (first, second, third):
        sys.stdout = stream
        print("lost"); sys.stdout.flush()
    sys.stdout = first._original = sys.__stdout__
    print("seen", file=third)
    """
    done = run(code, tmp_path)
    assert done.returncode == 0 and done.stdout == "seen\n", done.stderr


TRAIN = """
import sys, threading, rlexp
from concurrent.futures import ThreadPoolExecutor

def train(name, seed=0):
    config = rlexp.compose(["hardware=local", "callbacks=none", "debug=tiny", "tracking=none", "evaluation=none",
                            f"name={name}", f"seed={seed}"])
    return rlexp.train(config)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_trainings_in_threads_take_turns_and_are_the_runs_that_they_are_alone(tmp_path: Path) -> None:
    code = TRAIN + textwrap.dedent("""
        alone = train("alone")
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(train, ("a", "b", "c"), (0, 1, 2)))
        print("printed after", [each.status for each in found], rlexp.evaluate(found[0].folder)["env_steps"] > 0)
        sys.stderr.write("still here\\n")
    """)
    done = run(code, tmp_path, timeout=500)
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert "printed after ['done', 'done', 'done'] True\n" in done.stdout and "still here" in done.stderr
    assert "another thread of this process is training" in done.stdout
    logs = [file.read_text() for file in (tmp_path / "runs").rglob("*.txt")]
    assert not any("printed after" in log or "still here" in log for log in logs)
    from harness import records

    def same(name: str) -> list[dict[str, object]]:
        rows = records(tmp_path / "runs" / name)
        return [
            {k: v for k, v in row.items() if k != "timestamp" and not k.startswith("perf/")} for row in rows
        ]

    assert same("a") == same("alone") and same("b") != same("alone")

"""Hangs in every form, without RLlib: what ends them, and what is told."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from harness import CHECKOUT

from envs.testing import Slow
from rlexp.environment.hangs import lost_process as processes
from rlexp.environment.hangs.hang_watch import HangWatch, HungError

LIMIT_S = 0.3


def watch(limit_s: float | None = LIMIT_S, vector: Any = None) -> HangWatch:
    return HangWatch(limit_s, trains=True, vector=lambda: vector)


def never_back() -> None:
    while True:
        try:
            time.sleep(10)
        except Exception:
            continue


def hang_once() -> HungError:
    with pytest.raises(HungError) as caught, watch():
        never_back()
    return caught.value


def test_a_hang_is_broken_with_the_place_and_the_stacks(capfd: pytest.CaptureFixture[str]) -> None:
    error = hang_once()
    assert (
        "no step for 0.3 s" in str(error) and "test_hang.py" in str(error) and "in never_back" in str(error)
    )
    assert "never_back" in error.trace and "hardware.sample_timeout_s" in str(error)
    stacks = capfd.readouterr().err
    assert "in never_back" in stacks and stacks.count("Thread 0x") >= 1


def test_in_another_thread_it_ends_as_soon_as_python_runs() -> None:
    found: list[HungError] = []

    def hang() -> None:
        with pytest.raises(HungError) as caught, watch():
            while True:
                time.sleep(0.01)
        found.append(caught.value)

    thread = threading.Thread(target=hang)
    thread.start()
    thread.join(10)
    assert len(found) == 1


def test_steps_keep_it_quiet_and_null_waits_for_ever() -> None:
    with watch() as steady, watch(None):
        for _ in range(12):
            steady.beat(time.perf_counter())
            time.sleep(LIMIT_S / 3)
    with watch(None):
        time.sleep(3 * LIMIT_S)
    hang_once()  # and it is found after all that


def test_a_debugger_is_no_hang() -> None:
    space: dict[str, Any] = {"__name__": "pdb", "time": time}
    exec("def interaction(): time.sleep(1.0)", space)
    with watch():
        space["interaction"]()


@pytest.mark.parametrize(("how", "told"), [("in_native_code", "said"), ("with_the_lock", "")])
def test_native_code_ends_the_process(how: str, told: str) -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "import hanging\n"
        "from rlexp.environment.hangs.hang_watch import HangWatch, last_words\n"
        "with last_words(lambda error: print('said', error, flush=True)):\n"
        "    with HangWatch(0.3, trains=True, vector=lambda: None):\n"
        f"        hanging.{how}()\n"
    )
    command = [sys.executable, "-c", code, str(CHECKOUT), str(Path(__file__).parents[1] / "e2e")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    assert f"in {how}" in done.stderr and (told in done.stdout if told else done.stdout == "")


def test_a_process_that_is_stopped_by_ctrl_z_goes_on_later() -> None:
    code = (
        "import sys, time; sys.path[:0] = sys.argv[1:]\n"
        "from rlexp.environment.hangs.hang_watch import HangWatch\n"
        "with HangWatch(0.4, trains=True, vector=lambda: None) as watch:\n"
        "    print('begun', flush=True)\n"
        "    for _ in range(10):\n"
        "        watch.beat(time.perf_counter()); time.sleep(0.1)\n"
        "print('ended', flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(CHECKOUT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTSTP)
        time.sleep(2.0)  # The interpreter's own timer has 1.2 s.
        assert process.poll() is None
        process.send_signal(signal.SIGCONT)
        assert process.wait(20) == 0 and process.stdout.read() == "ended\n"


def test_processes_that_hang_are_ended_and_the_wait_for_them(capfd: pytest.CaptureFixture[str]) -> None:
    vector = gymnasium.vector.AsyncVectorEnv([Slow, lambda: Slow(step_s=0.0, hang_at=3)])
    try:
        vector.reset(seed=0)
        with pytest.raises((EOFError, ConnectionError)) as caught, watch(1.0, vector) as watching:
            while True:
                watching.beat(time.perf_counter())
                vector.step(vector.action_space.sample())
        how = processes.lost_process(vector, caught.value)
        assert how == "no answer within 1 s; log.txt has the stacks of its processes"
        assert "testing.py" in capfd.readouterr().err, "the stack of the environment's own process"
    finally:
        processes.end_processes(vector)


def test_closing_waits_neither_for_the_dead_nor_for_the_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_CLOSE_S", 0.5)
    vector = gymnasium.vector.AsyncVectorEnv([Slow, Slow, lambda: Slow(step_s=0.0, hang_at=1)])
    vector.reset(seed=0)
    vector.processes[0].kill()
    vector.step_async(vector.action_space.sample())
    begin = time.monotonic()
    processes.close_processes(vector)
    assert time.monotonic() - begin < 5 and vector.closed
    assert not any(process.is_alive() for process in vector.processes)

"""Workers that are forked from a process which has the large libraries: they are as Ray's own would be."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from rlexp.base.processes import leftovers
from rlexp.compat.ray_workers import fork_server
from rlexp.sweep.execution.preload import LIBRARIES

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sockets without a file are Linux's")


def _driver(action: str, folder: Path) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    driver = subprocess.Popen(
        [sys.executable, str(HERE / "fork_driver.py"), action, str(folder / "log.txt")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
    )
    facts = folder / "facts.json"
    until = time.monotonic() + 90
    while not facts.exists() and driver.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    return driver, json.loads(facts.read_text())


def _gone(pids: list[int], limit_s: float = 30) -> bool:
    until = time.monotonic() + limit_s
    while any(map(_alive, pids)) and time.monotonic() < until:
        time.sleep(0.1)
    return not any(map(_alive, pids))


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


KEPT = (
    "interrupt",
    "blocked",
    "nice",
    "oom_score_adj",
    "folder",
    "umask",
    "setting",
    "first_path",
    "unseen",
    "main",
)
"""What a forked worker has as one that Ray started itself has it."""


def test_forked_workers_are_as_rays_own_and_end_with_the_session(tmp_path: Path) -> None:
    driver, facts = _driver("tell", tmp_path)
    first, second = facts["told"]
    for worker in (first, second, facts["again"]):
        assert worker["parent"] == facts["server"]
        assert "numpy" in worker["imported"] and "torch" not in worker["imported"]
        assert worker["own_group"], "Ray ends a worker's own processes by their group"
    assert len({worker["group"] for worker in (first, second, facts["again"])}) == 3
    assert first["drawn"] != second["drawn"], "each has a random state of its own"
    assert facts["other"]["parent"] != facts["server"], "a runtime environment is Ray's own affair"
    assert first["frames_of_no_module"] == [], "`inspect.stack` searches all modules for each of them"
    for key in KEPT:
        assert first[key] == facts["other"][key], key
    assert facts["again"]["pid"] != first["pid"]
    assert driver.wait(60) == 0
    assert _gone([facts["server"], *facts["processes"]])


@pytest.mark.slow
def test_a_killed_driver_leaves_neither_server_nor_forks(tmp_path: Path) -> None:
    driver, facts = _driver("wait", tmp_path)
    assert {facts["server"], facts["again"]["pid"]} <= set(facts["processes"]), "marked as the session's"
    driver.kill()
    driver.wait(10)
    assert _gone([facts["server"], *facts["processes"]])
    assert leftovers.marked(facts["mark"]) == []


@pytest.mark.slow
@pytest.mark.landing
def test_without_the_server_workers_start_by_themselves(tmp_path: Path) -> None:
    driver, facts = _driver("alone", tmp_path)
    # Ray has asked for the first ones before.
    assert facts["again"]["parent"] != facts["server"]
    assert facts["again"]["setting"] == "7"
    assert driver.wait(60) == 0


@pytest.mark.slow
def test_a_sweeps_workers_have_the_torch_threads_that_are_booked(tmp_path: Path) -> None:
    driver, facts = _driver("threads", tmp_path)
    assert facts == {"forked": [1, 2], "started": [1, 2]}
    assert driver.wait(60) == 0


@pytest.fixture
def server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    address = f"rlexp-test-{os.getpid()}-{time.monotonic_ns()}"
    process = subprocess.Popen(
        [sys.executable, fork_server.__file__, address, "yaml"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    with process:
        yield address, process
        process.kill()


def _connect(address: str) -> socket.socket:
    until = time.monotonic() + 10
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(f"\0{address}")
            return connection
        except ConnectionRefusedError:
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def test_it_ends_with_its_standard_input(server: tuple[str, subprocess.Popen[bytes]]) -> None:
    address, process = server
    _connect(address).close()
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 0


def test_a_broken_question_costs_it_nothing(server: tuple[str, subprocess.Popen[bytes]]) -> None:
    address, process = server
    for question in (b"", b"{", b"[]"):
        with _connect(address) as asking:
            asking.sendall(question)
            asking.shutdown(socket.SHUT_WR)
            assert asking.recv(4) == b""
    assert process.poll() is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_nobody_else_is_heard(server: tuple[str, subprocess.Popen[bytes]], tmp_path: Path) -> None:
    address, process = server
    script = tmp_path / "started.py"
    script.write_text("import pathlib, sys; pathlib.Path(sys.argv[1]).touch()")
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    _connect(address).close()
    for user, sign in ((0, mine), (65534, theirs)):
        question = _QUESTION.format(address=address, script=str(script), sign=str(sign))
        asked = subprocess.run(
            ["/usr/bin/env", "python3", "-c", question], user=user, cwd="/", capture_output=True
        )
        assert (b"done" in asked.stdout) == (user == 0), asked.stderr
    until = time.monotonic() + 10
    while not mine.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert mine.exists() and not theirs.exists()
    assert process.poll() is None


_QUESTION = """
import json, os, socket
given = dict(arguments=[{script!r}, {sign!r}], environment=dict(os.environ), folder="/", umask=18,
             group=os.getpgrp(), nice=0, oom_score_adj="0", blocked=[])
asking = socket.socket(socket.AF_UNIX)
asking.connect(chr(0) + {address!r})
question = json.dumps(given).encode()
socket.send_fds(asking, [question[:1]], [0, 1, 2])
try:
    asking.sendall(question[1:])
    asking.shutdown(socket.SHUT_WR)
    print(asking.recv(4).decode())
except OSError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_sweeps_libraries_are_what_its_trials_import_and_none_is_rays() -> None:
    code = (
        "import importlib, sys; names = sys.argv[1:]\n"
        "for name in names: importlib.import_module(name)\n"
        "assert not any(name == 'ray' or name.startswith(('ray.', 'rlexp')) for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, *LIBRARIES], check=True, cwd=HERE)
    imported = "import rlexp.sweep.execution.worker_imports, sys; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", imported], check=True, capture_output=True, text=True)
    assert set(LIBRARIES) <= set(found.stdout.split())

"""Processes of Ray sessions whose driver is dead, and the watchdog that ends them.

A session's processes are known by a mark in their environment that names the driver, and, since some of Ray's
overwrite theirs, by the logs that they hold open in the session's folder, which has the mark in a file. So
nobody else's cluster is ever touched.

This file is also run as a script (`leftovers.py MARK`) beside a session: when the driver ends without
closing the session, even by SIGKILL, it ends what Ray leaves behind. It imports only the standard library
and psutil.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARK, MARK_FILE = "RLEXP_SESSION", "rlexp_driver"
GRACE_S, SWEEPS, PAUSE_S = 1.0, 20, 0.5
"""Ray's own processes get a second to end by themselves; then up to 20 rounds, for some are started anew."""


@dataclass(frozen=True)
class Leftover:
    """A process of a dead driver's session.

    Attributes:
        pid: its process id.
        driver: the process id of the driver that is dead.
        name: what it calls itself.
    """

    pid: int
    driver: int
    name: str


def mark_of_this_process() -> str:
    """The mark of sessions that this process drives: host, process id and start time."""
    import psutil

    return f"{socket.gethostname()}/{os.getpid()}/{psutil.Process().create_time():.2f}"


def driver_of(mark: str) -> int:
    """The driver's process id in a mark."""
    return int(mark.split("/")[-2])


def driver_lives(mark: str) -> bool:
    """Whether the driver that a mark names still runs (a later process of the same id is another)."""
    import psutil

    _, pid, started = mark.rsplit("/", 2)
    try:
        driver = psutil.Process(int(pid))
        return abs(driver.create_time() - float(started)) < 2 and driver.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def note(folder: Path, mark: str) -> None:
    """Write the mark into a session's folder."""
    (folder / MARK_FILE).write_text(mark, encoding="utf-8")


def noted(folder: Path) -> str:
    """The mark in a session's folder, or nothing."""
    try:
        return (folder / MARK_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def session_folders(mark: str | None = None) -> dict[str, str]:
    """Folders of sessions with `mark`, or with any mark of this host: path to mark.

    A driver killed while Ray starts has not noted its mark yet: for one `mark`, a folder that ends in the
    driver's process id counts too.
    """
    if mark:
        folders = _sessions(f"session_*_{driver_of(mark)}")
        return {str(folder): mark for folder in folders if noted(folder) in (mark, "")}
    here = f"{socket.gethostname()}/"
    marks = {str(folder): noted(folder) for folder in _sessions("session_*_*")}
    return {folder: theirs for folder, theirs in marks.items() if theirs.startswith(here)}


def abandoned_sessions() -> list[Path]:
    """Folders of sessions that drivers of this host and user had, which are dead."""
    found = []
    for folder, mark in session_folders().items():
        with contextlib.suppress(OSError, ValueError, IndexError):
            if Path(folder).stat().st_uid == os.getuid() and not driver_lives(mark):
                found.append(Path(folder))
    return found


def ray_folders() -> list[Path]:
    """Where Ray may keep its sessions here: the driver's environment decided, which may differ from ours."""
    places = [os.environ.get("RAY_TMPDIR"), os.environ.get("TMPDIR"), "/tmp"]
    return [Path(place) / "ray" for place in dict.fromkeys(place for place in places if place)]


def _sessions(pattern: str) -> list[Path]:
    return sorted(folder for place in ray_folders() for folder in place.glob(pattern) if _own(folder))


def _own(folder: Path) -> bool:
    """Whether it is this user's own folder: in a temporary folder that all may write to, others may plant some."""
    with contextlib.suppress(OSError):
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return False


def marked(mark: str | None = None) -> list[tuple[Any, str]]:
    """Processes of this user that carry `mark`, or any mark of this host, as (psutil.Process, mark)."""
    import psutil

    folders, found = session_folders(mark), []
    for process in psutil.process_iter():
        # Others' processes may not be read, and any may end while we look.
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.uids().real == os.getuid():
                theirs = process.environ().get(MARK, "") or _by_open_files(process, folders)
                if theirs == mark if mark else theirs.startswith(f"{socket.gethostname()}/"):
                    found.append((process, theirs))
    return found


def _by_open_files(process: Any, folders: dict[str, str]) -> str:
    """The mark of the session in whose folder `process` writes its log, or nothing."""
    if not folders or not process.name().startswith(("ray", "gcs", "python")):
        return ""
    for opened in process.open_files():
        for folder, mark in folders.items():
            # A reader (someone looking at a log) is no part of the session.
            if opened.path.startswith(f"{folder}/logs/") and getattr(opened, "mode", "w") != "r":
                return mark
    return ""


def find() -> list[Leftover]:
    """Processes on this host whose driver is dead, lowest process id first."""
    import psutil

    found = []
    for process, mark in marked():
        with contextlib.suppress(psutil.Error, ValueError, IndexError):
            if process.status() != psutil.STATUS_ZOMBIE and not driver_lives(mark):
                found.append(Leftover(process.pid, driver_of(mark), process.name()))
    return sorted(found, key=lambda left: left.pid)


def end(pids: Iterable[int], timeout_s: float = 5.0) -> list[int]:
    """Kill marked processes of dead drivers among `pids`; returns those left after `timeout_s`."""
    import psutil

    wanted, victims = set(pids), []
    for process, mark in marked():
        if process.pid in wanted and not driver_lives(mark):
            victims.append(process)
            with contextlib.suppress(psutil.Error):
                process.kill()
    _, alive = psutil.wait_procs(victims, timeout=timeout_s)
    return [process.pid for process in alive]


def start_watchdog(mark: str) -> subprocess.Popen[bytes]:
    """Start this file as the watchdog of the driver that `mark` names."""
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).resolve()), mark],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        # Ctrl-C in the terminal is for the driver.
        start_new_session=True,
    )


def watch(mark: str) -> None:
    """Delete folders of earlier sessions, wait for the driver's end, then kill what its session leaves.

    And delete the session's folder: what its processes said is in the run's log.
    """
    for folder in abandoned_sessions():
        shutil.rmtree(folder, ignore_errors=True)
    _wait_for_end(mark)
    time.sleep(GRACE_S)
    for _ in range(SWEEPS):
        left = marked(mark)
        if not left:
            break
        for process, _ in left:
            with contextlib.suppress(Exception):
                process.kill()
        time.sleep(PAUSE_S)
    for folder in abandoned_sessions():
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_end(mark: str) -> None:
    """Block until the driver ends: by a process descriptor where the system has them, else by looking."""
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(driver_of(mark))
            # The id may have been given anew between the driver's end and our start.
            if driver_lives(mark):
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                poll.poll()
    while driver_lives(mark):
        time.sleep(1.0)


if __name__ == "__main__":
    watch(sys.argv[1])

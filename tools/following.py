"""Follows a value through the package's calls: what `walks.py` counts by, in one process or several."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = str(ROOT / "rlexp")
DEPTH = 2
"""The value, a list or dict of it, a dict of such dicts."""
CONFIGS = ("RunConfig", "RunInfo")
"""Classes of whole configs, which are not looked into."""
ROOMS = ("cli", "sweep", "run", "engine")
"""Those that know what a trial is; to the others it is a text in what they parse, check or write."""
Mark = float | tuple[str, ...]
"""A number, or texts any of which is looked for in others."""
LOG = "RLEXP_WALK_LOG"
"""Environment variable: where the processes of a sweep write their steps."""
FIRST_STEP, SEPARATOR = "first env step", "\t"


def holds(value: Any, mark: Mark, depth: int = DEPTH, *, records: bool = False) -> bool:
    """Whether the mark is the value, in its text, or a part of it; with `records`, also in a field of a record."""
    if isinstance(value, str) and isinstance(mark, tuple):
        return "/" not in value and any(text in value for text in mark)  # Not in a folder's path.
    if isinstance(value, str):
        return str(mark) in value
    if isinstance(value, (int, float)):
        return not isinstance(mark, tuple) and value == mark
    if type(value).__name__ == "Override":  # Hydra's, of the one override that was typed.
        return holds(str(value.input_line), mark)
    if depth == 0 or type(value).__name__ in CONFIGS or (type(value) is dict and "algorithm" in value):
        return False
    parts: Iterable[Any] = ()
    if type(value) is dict:  # Others, such as OmegaConf's, do something when they are read.
        parts = list(value.values())
    elif isinstance(value, (list, tuple)):
        parts = value
    elif records and is_dataclass(value) and not isinstance(value, type):
        parts = [getattr(value, field.name, None) for field in fields(value)]
    return any(holds(part, mark, depth - 1, records=records) for part in parts)


class Walk:
    """The files that handle a mark, in order.

    Args:
        mark: see `Mark`.
        depth: how far lists, dicts and records are looked into.
        returns: whether a function that returns the mark counts as well.
        records: whether dataclasses are looked into.
        log: a file that each step is appended to, by several processes.
    """

    def __init__(
        self,
        mark: Mark,
        *,
        depth: int = DEPTH,
        returns: bool = True,
        records: bool = False,
        log: Path | None = None,
    ) -> None:
        self._mark, self._depth, self._events = mark, depth, ("call", "return") if returns else ("call",)
        self._records, self._log = records, log
        self.steps: list[str] = []
        self.handed_on: set[str] = set()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """For `sys.setprofile`."""
        if event not in self._events or not frame.f_code.co_filename.startswith(PACKAGE):
            return
        if any(self._holds(value) for value in (_arguments(frame) if event == "call" else [argument])):
            self._note(relative(frame.f_code.co_filename), frame)

    def _holds(self, value: Any) -> bool:
        return holds(value, self._mark, self._depth, records=self._records)

    def _note(self, file: str, frame: FrameType) -> None:
        if self._log is not None:
            append(self._log, f"{file}{SEPARATOR}{self._giver(frame)}")
        if self.steps[-1:] != [file]:
            self.steps.append(file)

    def _giver(self, frame: FrameType) -> str:
        """The file of the nearest caller in the package that has it as well; empty without one."""
        caller = frame.f_back
        while caller is not None:
            if caller.f_code.co_filename.startswith(PACKAGE) and any(
                map(self._holds, caller.f_locals.values())
            ):
                return relative(caller.f_code.co_filename)
            caller = caller.f_back
        return ""

    @property
    def files(self) -> list[str]:
        """Each once, as they are first entered."""
        return list(dict.fromkeys(self.steps))

    @property
    def way(self) -> list[str]:
        """Of `files`, those in `ROOMS` that hand it on to another file; all where that was not asked."""
        if not self.handed_on:
            return self.files
        return [file for file in self.files if file in self.handed_on and file.split("/")[1] in ROOMS]

    @property
    def revisits(self) -> list[str]:
        """The files that are entered again after another one was, once for each time."""
        return [file for at, file in enumerate(self.steps) if file in self.steps[:at]]

    def then(self, other: Walk) -> Walk:
        """This walk, gone on with by another."""
        both = Walk(self._mark)
        for file in [*self.steps, *other.steps]:
            if both.steps[-1:] != [file]:
                both.steps.append(file)
        return both


def _arguments(frame: FrameType) -> list[Any]:
    code = frame.f_code
    return [
        frame.f_locals.get(name) for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    ]


def relative(file: str) -> str:
    """A file's path within the repository."""
    return str(Path(file).relative_to(ROOT))


def append(log: Path, step: str) -> None:
    """Adds a line to a log of several processes."""
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{step}\n")


def follow(walk: Walk) -> None:
    """Begins a walk in this process, and in the threads that it starts from now on."""
    threading.setprofile(walk)  # Trackers write in threads of their own.
    sys.setprofile(walk)


def followed(walk: Walk, work: Callable[[], Any]) -> Walk:
    """The walk while `work` runs."""
    follow(walk)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return walk

"""Pictures of charts, drawn by V8 in a process of its own: where that cannot live, only the pictures are missing."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.resources import files
from types import TracebackType
from typing import Any

TIMEOUT_S = 600.0
"""Seconds after which nothing is waited for any more."""


@dataclass(frozen=True)
class DrawingResult:
    """The pictures that were drawn.

    Attributes:
        script: the bundle, where it was asked for and could be made.
        pictures: by chart and ending.
        trouble: what could not be drawn and why, a sentence each.
    """

    script: str | None = None
    pictures: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    trouble: Sequence[str] = ()


class DrawingProcess:
    """The process that draws: it starts up beside whatever else is done, and ends with the `with` block."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._refused = ""

    def __enter__(self) -> DrawingProcess:
        source = (files("rlexp.report.drawing") / "drawing_process.py").read_text("utf-8")
        # Isolated, so that no file of the present folder is taken for a module; then with this process's own path.
        words = [sys.executable, "-I", "-c", source]
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            self._refused = str(error)
        else:
            self._send([folder for folder in sys.path if folder])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        with suppress(OSError):
            self._process.kill()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._process.wait()

    def draw(
        self, charts: Mapping[str, Mapping[str, Any]], endings: Sequence[str], bundle: str = ""
    ) -> DrawingResult:
        """Draws the charts; once.

        Args:
            charts: specifications by name, plain.
            endings: `svg` and `png`.
            bundle: the script to bundle with Vega; empty for none.
        """
        if self._process is None:
            return DrawingResult(trouble=[f"no process can be started to draw the charts: {self._refused}"])
        request = {"charts": charts, "endings": list(endings), "bundle": bundle}
        try:
            output, errors = self._process.communicate(_line(request), timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return DrawingResult(trouble=[f"the charts were not drawn within {TIMEOUT_S:g} s"])
        except OSError as error:
            output, errors = b"", str(error).encode()
        if self._process.returncode != 0 or not output:
            return DrawingResult(trouble=[_failure_reason(self._process.returncode, errors)])
        answer = json.loads(output)
        pictures = {(name, ending): base64.b64decode(drawn) for name, ending, drawn in answer["pictures"]}
        trouble = [
            f"{name} was not drawn: {' '.join(reason.split())[:300]}" for name, reason in answer["errors"]
        ]
        return DrawingResult(answer["script"], pictures, trouble)

    def _send(self, message: Any) -> None:
        assert self._process is not None and self._process.stdin is not None
        with suppress(OSError):  # It has ended: `draw` reports that.
            self._process.stdin.write(_line(message))
            self._process.stdin.flush()


def _line(message: Any) -> bytes:
    return (json.dumps(message) + "\n").encode("ascii")


def _failure_reason(code: int | None, errors: bytes) -> str:
    lines = [line.strip() for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    if code is not None and code < 0:
        with suppress(ValueError):
            memory_line = next((line for line in lines if "memory" in line.lower()), "")
            name = signal.Signals(-code).name
            hint = (
                "; it reserves much address space, which ulimit -v bounds"
                if not memory_line
                else f": {memory_line}"
            )
            return f"the process that draws the charts (V8) ended by {name}{hint}"
    return f"the process that draws the charts ended: {lines[-1] if lines else f'exit code {code}'}"

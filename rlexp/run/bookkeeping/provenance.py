"""Where a run came from: command, commit, versions, machine. What looks like a secret is left out."""

from __future__ import annotations

import os
import platform
import shlex
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlexp.base.files.atomic import write_text
from rlexp.config.secrets import REDACTED, looks_secret, redact, redact_pairs
from rlexp.hardware.machine.machine import versions
from rlexp.run.bookkeeping import git

DIFF = "uncommitted.diff"
DIFF_LIMIT = 5 * 1024 * 1024  # bytes


def collect(
    command: Sequence[str], overrides: Sequence[str], seed: int, *, repository: Path | None = None
) -> dict[str, Any]:
    """What the manifest says of a run's origin.

    Args:
        command: the command line, as `sys.argv`.
        overrides: the overrides of the config.
        repository: a folder of the git repository whose commit counts; the current folder by default.

    Returns:
        Plain data. `git_commit` and `git_dirty` are None where there is no repository or no git.
    """
    folder = repository or Path.cwd()
    commit = git.ask(folder, "rev-parse", "HEAD")
    status = git.ask(folder, "status", "--porcelain", "--untracked-files=no")
    return {
        "command": shlex.join(_redact_arguments(command)),
        "overrides": _redact_arguments(overrides),
        "seed": seed,
        "git_commit": commit.strip() if commit else None,
        "git_dirty": None if status is None else bool(status.strip()),
        "packages": versions(),
        "python": platform.python_version(),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "pid": os.getpid(),
        "start": now(),
    }


def write_diff(folder: Path, *, repository: Path | None = None) -> str | None:
    """Write the uncommitted changes of tracked files to `folder`; untracked files, often private, stay out.

    Literals that look like secrets are blanked; what exceeds `DIFF_LIMIT` is cut off, and a line says so.

    Returns:
        The file's name, or None where nothing is changed or there is no repository.
    """
    diff = git.ask(repository or Path.cwd(), "diff", "--no-ext-diff", "--no-textconv", "--no-color", "HEAD")
    if not diff or not diff.strip():
        return None
    text = redact(diff).encode("utf-8")
    if len(text) > DIFF_LIMIT:
        note = f"\n# cut off: the diff has {len(text)} bytes\n".encode()
        text = text[: DIFF_LIMIT - len(note)] + note
    write_text(folder / DIFF, text.decode("utf-8", errors="ignore"))
    return DIFF


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _redact_arguments(arguments: Sequence[str]) -> list[str]:
    redacted, hide_next = [], False
    for argument in arguments:
        if hide_next and not argument.startswith("-"):
            redacted.append(REDACTED)
        else:
            redacted.append(redact_pairs(argument))
        hide_next = argument.startswith("--") and "=" not in argument and looks_secret(argument)
    return redacted

"""Questions to git about a repository that may be a stranger's: its settings name programs, and none of them runs.

A repository can have git run a program for each file (filters, text conversion, external diffs), for each look at the
working tree (a file system monitor, hooks) and to fetch what is missing. All of this is switched off here; who owns the
repository git judges by itself (`safe.directory`).
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

TIMEOUT_S = 10.0
_OFF = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.pager": "cat",
    "core.sshCommand": "false",
    "diff.external": "",
    "protocol.allow": "never",
}
_ENVIRONMENT = {
    # Without optional locks git does not write its index, so it never disturbs a git at work beside it.
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}
_DRIVER = re.compile(r"(filter|diff)\.(.+)\.(clean|smudge|process|required|textconv|command)", re.DOTALL)
_PLAIN = re.compile(r"[\w.+-]+")


def ask(folder: Path, *arguments: str) -> str | None:
    """What a git command that changes nothing prints in the repository around `folder`.

    None where there is no repository or no git, where it fails or takes too long, and where the repository's files are
    to be found elsewhere than around `folder`.
    """
    top, drivers = _run(folder, _flags(), "rev-parse", "--show-toplevel"), _drivers(folder)
    if (
        top is None
        or drivers is None
        or not folder.resolve().is_relative_to(Path(top.rstrip("\n")).resolve())
    ):
        return None
    command, *options = arguments
    if command in ("diff", "status"):
        # Submodules are asked in processes of their own, which know nothing of what is off here.
        options = ["--ignore-submodules=all", *options]
    return _run(folder, [*_flags(), *drivers], command, *options)


def _flags() -> list[str]:
    return ["--no-pager", *(word for name, value in _OFF.items() for word in ("-c", f"{name}={value}"))]


def _drivers(folder: Path) -> list[str] | None:
    """Flags that switch off the programs for files that the settings name; None where a flag cannot name one."""
    listed = _run(folder, _flags(), "config", "--list", "--name-only", "-z")
    if listed is None:
        return None
    flags = []
    for found in filter(None, map(_DRIVER.fullmatch, listed.split("\0"))):
        if not _PLAIN.fullmatch(found[2]):
            return None
        value = "false" if found[3] == "required" else ""
        flags += ["-c", f"{found[0]}={value}"]
    return flags


def _run(folder: Path, flags: list[str], *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *flags, *arguments],
            cwd=folder,
            env=os.environ | _ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", errors="replace")

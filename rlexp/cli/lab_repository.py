"""What makes a new lab a repository that others can install: git, and the rlexp that it is pinned to."""

from __future__ import annotations

import json
import os
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from rlexp.base.version import __version__

_GIT_S = 10.0


def marks() -> dict[str, str]:
    """What the template's marks for rlexp stand for: the requirement, and a remark on it."""
    requirement = pinned()
    if "@" in requirement:
        return {"__rlexp__": requirement, "__pin__": "Another commit: change it here."}
    remark = 'Not on an index? "rlexp @ git+https://<its repository>@<commit>"'
    return {"__rlexp__": requirement, "__pin__": remark}


def pinned() -> str:
    """The requirement of the rlexp that runs: its commit where pip took it from a repository, else its version."""
    direct = _direct_url()
    vcs = direct.get("vcs_info")
    if isinstance(vcs, dict) and vcs.get("vcs") and vcs.get("commit_id"):
        return f"rlexp @ {vcs['vcs']}+{direct['url']}@{vcs['commit_id']}"
    return f"rlexp=={__version__}"


def advice() -> list[str]:
    """A line where others could not install what is pinned."""
    if "@" in pinned() or _origin() is None:
        return []
    return [f"rlexp is {_origin()}: for colleagues and CI put its address into pyproject.toml (dependencies)"]


def under_git(target: Path) -> str:
    """Makes a git repository of the new lab, unless it lies in one; returns a line on it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*words: str) -> bool:
        command = ["git", *words]
        done = subprocess.run(
            command, cwd=target, env=environment, capture_output=True, timeout=_GIT_S, check=False
        )
        return done.returncode == 0

    try:
        if (target / ".git").exists() or git("rev-parse", "--is-inside-work-tree"):
            return "it lies in a git repository: git add and commit it there"
        made = git("init", "--quiet")
    except (OSError, subprocess.SubprocessError):
        made = False
    if made:
        return "an empty git repository is made in it: git add . && git commit"
    return "no git repository could be made in it (is git installed?): runs note no commit then"


def _origin() -> str | None:
    """Where a rlexp that is no release was installed from, for people; None for a release."""
    direct = _direct_url()
    place = str(direct.get("url", "")).removeprefix("file://")
    return f"installed from {place}" if place and "vcs_info" not in direct else None


def _direct_url() -> dict[str, Any]:
    """What pip wrote of where it took rlexp from; empty for an index."""
    try:
        text = distribution("rlexp").read_text("direct_url.json")
        data = json.loads(text) if text else {}
    except (PackageNotFoundError, OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}

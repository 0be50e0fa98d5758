"""`rlexp lab`: which lab's repository is used here, and which others' may be."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rlexp.base.errors import EXIT_DONE, ConfigError
from rlexp.base.shell_commands import shell_command
from rlexp.config.labs.lab import read_lab
from rlexp.config.labs.lab_ownership import forget, trust, trusted, why_not
from rlexp.config.labs.search_path import lab_candidates

USAGE = """\
rlexp lab                  which lab is used in this folder, and why another is not
rlexp lab trust DIR        use the lab in DIR from now on, although others own it or may write to it
rlexp lab forget DIR       take that back
"""


def run(argv: Sequence[str]) -> int:
    """Says or remembers; returns the exit code.

    Raises:
        ConfigError: there is no lab in DIR, or it cannot be written down.
    """
    parser = argparse.ArgumentParser(
        prog="rlexp lab", description=USAGE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", nargs="?", choices=("trust", "forget"))
    parser.add_argument("dir", nargs="?", metavar="DIR", type=Path)
    arguments = parser.parse_args(list(argv))
    if arguments.action is None:
        _show()
    elif arguments.dir is None:
        raise ConfigError(
            f"rlexp lab {arguments.action} needs a folder", fix=f"rlexp lab {arguments.action} ."
        )
    elif arguments.action == "trust":
        _trust(arguments.dir.expanduser())
    else:
        known = forget(arguments.dir.expanduser())
        print(
            f"{arguments.dir.expanduser().resolve()} " + ("is forgotten" if known else "was not on the list")
        )
    return EXIT_DONE


def _trust(folder: Path) -> None:
    lab = read_lab(folder)
    if lab is None:
        raise ConfigError(
            f"{folder} is no lab: it has no pyproject.toml with a [tool.rlexp] table",
            fix="rlexp lab trust <the folder that rlexp init made>",
        )
    trust(lab.root)
    print(f"the lab in {lab.root} is used from now on: what lies there may run as you")


def _show() -> None:
    used = False
    for lab in lab_candidates():
        reason = why_not(lab)
        if reason is None and not used:
            used = True
            print(f"used: {lab.root} (choices {lab.conf}, packages {', '.join(lab.packages) or 'none'})")
        elif reason is not None:
            print(
                f"not used: {lab.root}: {reason}; if you trust it: {shell_command('lab', 'trust', lab.root)}"
            )
    if not used:
        print("no lab is used here")
    for folder in sorted(trusted()):
        print(f"trusted: {folder}")

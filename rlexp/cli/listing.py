"""`rlexp list [GROUP]`: the groups, their choices and a line on each. `rlexp help all` adds a line per key."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.cli.config_catalogue import (
    ConfigKey,
    GroupChoice,
    added_keys,
    default_choices,
    groups,
    keys,
    parents,
)

WIDTH = 120


def run(argv: Sequence[str]) -> int:
    """Run `rlexp list` with `argv`, the words after the verb; returns the exit code.

    Raises:
        ConfigError: the group does not exist.
    """
    parser = argparse.ArgumentParser(prog="rlexp list", description="Groups and choices with a line on each.")
    parser.add_argument("group", nargs="?", help="one group only, with the keys of its choices")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    arguments = parser.parse_args(list(argv))
    by_group = groups(_config_dirs())
    if arguments.group is not None:
        if arguments.group not in by_group:
            close = nearest(arguments.group, by_group)
            raise ConfigError(
                f"there is no group {arguments.group!r} (there are: {', '.join(by_group)})",
                suggestions=close,
                fix=f"rlexp list {close[0]}" if close else "rlexp list",
            )
        by_group = {arguments.group: by_group[arguments.group]}
    elif not arguments.json:
        by_group = to_choose_from(by_group)
    if arguments.json:
        sys.stdout.write(json.dumps(as_data(by_group), indent=2) + "\n")
    else:
        sys.stdout.write(as_text(by_group, with_keys=arguments.group is not None))
    return 0


def as_data(by_group: dict[str, dict[str, GroupChoice]]) -> dict[str, dict[str, dict[str, str]]]:
    """Groups and choices as plain values: `{group: {choice: {description, file}}}`."""
    return {
        group: {
            name: {"description": choice.description, "file": str(choice.file)}
            for name, choice in choices.items()
        }
        for group, choices in by_group.items()
    }


def as_text(by_group: dict[str, dict[str, GroupChoice]], with_keys: bool = False) -> str:
    """Groups and choices as text, a line (wrapped) each; `with_keys` adds the keys that each choice sets itself."""
    defaults = default_choices(_config_dirs())
    blocks = []
    for group, choices in by_group.items():
        chosen = defaults.get(group, [])
        lines = [group]
        for name, choice in choices.items():
            mark = " (default)" if name in chosen else ""
            lines.append(_entry(f"  {name}{mark}", choice.description, 28))
            if with_keys:
                lines.extend(key_line(key, "    ") for key in keys(choice.file, group))
                lines.extend(f"    all else as {group}={parent}" for parent in parents(choice.file))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def everything(usage: str, flags: str) -> str:
    """What `rlexp help all` prints: commands, flags, groups with choices, and a line per key.

    Args:
        usage: a line for each command.
        flags: a sentence on them.
    """
    dirs = _config_dirs()
    by_group, defaults = to_choose_from(groups(dirs)), default_choices(dirs)
    parts = ["usage:", textwrap.indent(usage, "  "), "", _entry("flags", flags, 8), ""]
    parts.append(
        "groups (GROUP=CHOICE; several at once where the default is a list; `rlexp list` tells more):"
    )
    for group, choices in by_group.items():
        chosen = defaults.get(group, [])
        names = " ".join(f"[{name}]" if name in chosen else name for name in choices)
        parts.append(_entry(f"  {group}", names, 16))
    parts.append("  [...]: the default\n\nkeys of every run (KEY=VALUE):")
    if main := main_config(dirs):
        parts.extend(key_line(key) for key in keys(main, ""))
    for group, choices in by_group.items():
        if lines := group_keys(choices, group, defaults.get(group, [])):
            parts.extend(["", f"keys of {group}:", *lines])
    parts.append(
        "\nAny other keyword of RLlib's builders may be set in its group: algorithm.X is .training(X=)."
    )
    return "\n".join(parts) + "\n"


def to_choose_from(by_group: dict[str, dict[str, GroupChoice]]) -> dict[str, dict[str, GroupChoice]]:
    """The groups that a person chooses from: those inside another group are chosen by its files."""
    return {
        group: choices
        for group, choices in by_group.items()
        if group.split("/")[0] not in by_group or "/" not in group
    }


def group_keys(choices: dict[str, GroupChoice], group: str, chosen: list[str]) -> list[str]:
    """Lines of the default choices' keys, then of the keys that only other choices have."""
    lines: list[str] = []
    known_paths: set[str] = set()
    for name in sorted(choices, key=lambda name: name not in chosen):
        new_keys = added_keys(choices[name].file, group, known_paths)
        if new_keys and name not in chosen:
            lines.append(f"  with {group}={name}:")
        lines.extend(key_line(key, "  " if name in chosen else "    ") for key in new_keys)
        known_paths.update(key.path for key in new_keys)
    return lines


def key_line(key: ConfigKey, indent: str = "  ") -> str:
    """A key with its value, and its comment beside it."""
    value = key.value if len(key.value) <= 40 else key.value[:37] + "..."
    head = f"{key.path}={value}" if value else key.path
    return _entry(indent + head, key.comment, 52)


def _entry(head: str, text: str, column: int) -> str:
    """`head`, and `text` wrapped into a column beside it; below it where `head` is too long."""
    if not text:
        return head
    body = textwrap.wrap(text, _width() - column, break_long_words=False, break_on_hyphens=False)
    lines = [" " * column + line for line in body]
    if len(head) <= column - 2:
        lines[0] = head.ljust(column) + body[0]
        return "\n".join(lines)
    return "\n".join([head, *lines])


def _width() -> int:
    """As wide as the terminal, so that it cuts no word in two; `WIDTH` into a pipe."""
    return min(WIDTH, max(72, shutil.get_terminal_size().columns)) if sys.stdout.isatty() else WIDTH


def main_config(dirs: Sequence[Path]) -> Path | None:
    """The primary config's file."""
    return next((folder / "config.yaml" for folder in dirs if (folder / "config.yaml").is_file()), None)


def _config_dirs() -> list[Path]:
    from rlexp.config.labs.search_path import config_dirs

    return config_dirs()

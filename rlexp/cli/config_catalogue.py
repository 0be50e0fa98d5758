"""Groups, choices and keys as written in folders of YAML files; read as text, so that it takes no time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple

from rlexp.base.yaml.text import read_text

_ENTRY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z_][\w./@-]*):(?P<rest>\s.*)?$")
_ITEM = re.compile(r"^(?P<indent> *)(?P<key>-)(?P<rest>\s.*)?$")
_PACKAGE = re.compile(r"^#\s*@package\s+(\S+)")
# Quoted text may hold a hash; elsewhere a hash after a space starts the comment.
_COMMENT = re.compile(r"""^((?:[^#"']|"[^"]*"|'[^']*'|(?<=\S)#)*?)(?:(?:^|\s)#\s*(.*))?$""")
_DEFAULTS = re.compile(r"^defaults:.*?(?=^\w|\Z)", re.MULTILINE | re.DOTALL)
_PARENT = re.compile(r"[\w-]+")
_DEEPEST = 10
"""Choices that inherit from each other in turn, at most: Hydra refuses a circle, and this ends at one."""
_BESIDE = ("sweep",)
"""Shipped groups that are no part of a run's config."""
_SILENT = {"defaults", "hydra", "_target_", "-"}


class GroupChoice(NamedTuple):
    """One YAML file of a group: `description` is its first comment line."""

    name: str
    file: Path
    description: str


class ConfigKey(NamedTuple):
    """A key that a file sets: its dotted path, its value as written, and the comment beside it."""

    path: str
    value: str
    comment: str


def groups(dirs: Sequence[Path]) -> dict[str, dict[str, GroupChoice]]:
    """Groups and their choices over `dirs`; where two folders have the same choice the first one counts.

    Shipped groups keep the order of `config.yaml`'s defaults list; the others follow by name.
    """
    by_group: dict[str, dict[str, GroupChoice]] = {}
    for root in dirs:
        for file in sorted(root.rglob("*.yaml")):
            group = file.parent.relative_to(root).as_posix()
            if group != "." and not group.startswith("hydra") and not file.stem.startswith("_"):
                choices = by_group.setdefault(group, {})
                choices.setdefault(file.stem, GroupChoice(file.stem, file, describe(file)))
    order = [*default_choices(dirs), *_BESIDE]
    top = {group: group.split("/")[0] for group in by_group}
    rank = {group: order.index(top[group]) if top[group] in order else len(order) for group in by_group}
    return {group: by_group[group] for group in sorted(by_group, key=lambda group: (rank[group], group))}


def describe(file: Path) -> str:
    """The first comment line of a YAML file that is not Hydra's `@package`; empty without one."""
    for line in read_text(file).splitlines():
        if line.startswith("#") and not _PACKAGE.match(line):
            return line.lstrip("# ").rstrip()
        if line.strip() and not line.startswith("#"):
            break
    return ""


def default_choices(dirs: Sequence[Path]) -> dict[str, list[str]]:
    """The choices that the first `config.yaml` takes by default, by group in its order; `none` for null."""
    main = next((folder / "config.yaml" for folder in dirs if (folder / "config.yaml").is_file()), None)
    if main is None:
        return {}
    chosen: dict[str, list[str]] = {}
    # The defaults list ends where the next top-level key begins; the rest need not be parsed.
    from rlexp.base.yaml.reader import parse

    text = _DEFAULTS.search(read_text(main))
    for item in parse(text.group(), str(main), interpolations="unread")["defaults"] or () if text else ():
        if isinstance(item, dict):
            ((key, value),) = item.items()
            words = str(key).split()
            if words[0] != "override":
                names = value if isinstance(value, list) else [value]
                chosen[words[-1].split("@")[0].lstrip("/")] = [
                    str(name) for name in names if name is not None
                ]
    return chosen


def keys(file: Path, group: str) -> list[ConfigKey]:
    """The keys that a choice sets, in its order; none for files of the global package, which set others'."""
    lines = read_text(file).splitlines()
    package = next((m.group(1) for line in lines if (m := _PACKAGE.match(line))), group.replace("/", "."))
    if package == "_global_":
        return []
    entries: list[ConfigKey] = []
    stack: list[tuple[int, str]] = []
    waiting: list[str] = []
    for line in lines:
        if line.lstrip().startswith("#"):
            waiting.append(line.lstrip("# ").rstrip())
            continue
        match = _ENTRY.match(line) or _ITEM.match(line)
        if match is None:
            waiting.clear()
            continue
        indent = len(match["indent"])
        while stack and stack[-1][0] >= indent:
            stack.pop()
        stack.append((indent, match["key"]))
        value, comment = _split(match["rest"] or "")
        # The first comment of a file describes the file, so only comments below another key describe a key.
        comment = comment or (" ".join(waiting) if entries else "")
        waiting.clear()
        names = [name for _, name in stack]
        if not _SILENT & set(names):
            entries.append(ConfigKey(".".join(([package] if package else []) + names), value, comment))
    return _leaves(entries)


def parents(file: Path) -> list[str]:
    """The choices of its own group that a file inherits from: the plain names in its defaults list."""
    match = _DEFAULTS.search(read_text(file))
    if match is None:
        return []
    text = re.sub(r"(^|\s)#.*", "", match.group().partition(":")[2])
    entries = (re.sub(r"^\s*-\s+", "", part).strip("[] \t") for part in re.split(r"[,\n]", text))
    return [entry for entry in entries if entry != "_self_" and _PARENT.fullmatch(entry)]


def all_keys(name: str, group: str, files: Mapping[str, Path], depth: int = 0) -> list[ConfigKey]:
    """The keys that a choice has: those of the choices it inherits from, each as set last, then its own.

    Args:
        name: of the choice; one that is not in `files` has none.
        group: the choice's group.
        files: the group's choices, for those inherited from.
        depth: choices that inherit from this one, so far.
    """
    if name not in files or depth > _DEEPEST:
        return []
    by_path: dict[str, ConfigKey] = {}
    for parent in parents(files[name]):
        by_path |= {key.path: key for key in all_keys(parent, group, files, depth + 1)}
    own = {key.path: key for key in keys(files[name], group)}
    # What was a mapping on one line gives way to its keys, written one by one.
    split = {path for path in by_path if any(key.startswith(f"{path}.") for key in own)}
    return [key for path, key in (by_path | own).items() if path not in split]


def added_keys(file: Path, group: str, known_paths: Set[str]) -> list[ConfigKey]:
    """The keys of a choice whose paths are not in `known_paths`."""
    return [key for key in keys(file, group) if key.path not in known_paths]


def _split(rest: str) -> tuple[str, str]:
    match = _COMMENT.match(rest)
    return (match[1].strip(), (match[2] or "").strip()) if match else (rest.strip(), "")


def _leaves(entries: list[ConfigKey]) -> list[ConfigKey]:
    """`entries` without the keys that only hold others and say nothing of their own."""
    holders = {key.path.rpartition(".")[0] for key in entries}
    return [key for key in entries if key.path not in holders or (key.value or key.comment)]

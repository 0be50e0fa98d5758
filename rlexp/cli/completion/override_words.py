"""Overrides at the cursor: groups, choices, keys and their values, read from the folders of choices as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rlexp.base.yaml.text import read_text
from rlexp.cli.completion.folder_names import folders
from rlexp.cli.config_catalogue import all_keys, keys

_DEFAULT = re.compile(
    r"^\s*- (?:optional )?(?P<group>[a-z_/]+): (?P<choice>\[[^\]]*\]|[^#\s]+)", re.MULTILINE
)
_FOLDERS = ("checkpoint.from", "data.input_", "runs_dir", "sweep.dir")
"""Keys whose values are folders."""


def group_names(places: Sequence[Path]) -> list[str]:
    """The groups that one chooses from."""
    names = {
        entry.name
        for place in places
        for entry in place.iterdir()
        if entry.is_dir() and entry.name.isidentifier()
    }
    return sorted(name for name in names - {"hydra"} if choice_names(name, places))


def choice_names(group: str, places: Sequence[Path]) -> list[str]:
    """The choices of a group."""
    files = (file for place in places for file in (place / group).glob("*.yaml"))
    return sorted({file.stem for file in files if not file.stem.startswith("_")})


def override(word: str, words: Sequence[str], places: Sequence[Path]) -> list[str]:
    """Overrides that begin as `word` does.

    Args:
        word: what was typed of it; a sign before it (`+`, `~`) stays.
        words: the words before it, whose choices say which keys there are.
        places: folders of choices.
    """
    bare = word.lstrip("+~")
    sign = word[: len(word) - len(bare)]
    key, equals, value = bare.partition("=")
    if equals:
        return [f"{sign}{key}={each}" for each in _values(key, value, words, places)]
    groups = group_names(places)
    names = [*(f"{group}=" for group in groups), *(f"{key}=" for key in key_names(places, bare, words))]
    return sorted({sign + _to_the_next_dot(name, len(bare)) for name in names if name.startswith(bare)})


def key_names(places: Sequence[Path], word: str, words: Sequence[str] = ()) -> list[str]:
    """Dotted keys that begin as `word` does: of every run, and of the chosen choices."""
    return sorted({key for key, _ in _keys(places, word, words) if key.startswith(word)})


def _to_the_next_dot(name: str, begin: int) -> str:
    """A name up to the dot after what was typed: there are hundreds of keys, and a dozen at each step."""
    dot = name.find(".", begin)
    return name if dot < 0 else name[: dot + 1]


def _values(key: str, value: str, words: Sequence[str], places: Sequence[Path]) -> list[str]:
    if key in _FOLDERS or value.startswith(("/", "./", "../", "~/")):
        return folders(value)
    if choices := choice_names(key, places) if "." not in key else []:
        # Several choices may stand in one value: what is typed is the last of them.
        stem = value[: max(value.rfind(","), value.rfind("[")) + 1]
        taken = set(re.split(r"[\[,]", stem))
        end = "" if "[" in stem else " "
        begun = [name for name in choices if name.startswith(value[len(stem) :]) and name not in taken]
        return [f"{stem}{name}{end}" for name in begun]
    return [f"{each} " for each in _known_values(key, words, places) if each.startswith(value)]


def _known_values(key: str, words: Sequence[str], places: Sequence[Path]) -> list[str]:
    """The names that a key takes, true and false, or else the value that it has."""
    from rlexp.config.keys.key_table import known_of

    if names := known_of(key).names:
        return list(names)
    now = next((value for name, value in _keys(places, key, words) if name == key), "")
    if now in ("true", "false"):
        return ["true", "false"]
    return [now] if now and now not in ("null", "???") and not set(now) & set(" {}[]'\"") else []


def _keys(places: Sequence[Path], word: str, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Keys with their values as written: those of the primary config, and of the group that `word` is in."""
    main = next((place / "config.yaml" for place in places if (place / "config.yaml").is_file()), None)
    group, dot, _ = word.partition(".")
    inside = bool(dot) or group in ("callbacks", "tracking")
    if main is not None:
        yield from ((key.path, key.value) for key in keys(main, ""))
        if inside:
            for name in _chosen(group, words, main):
                yield from _keys_of_choice(group, name, places)
        elif not dot:
            # Each group has keys; which ones is asked once its dot is there.
            yield from (
                (f"{each}.", "")
                for each in group_names(places)
                if each not in ("experiment", "debug", "tuned")
            )


def _keys_of_choice(group: str, name: str, places: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """A choice's keys, its own and those that it inherits."""
    files = {file.stem: file for place in reversed(places) for file in (place / group).glob("*.yaml")}
    yield from ((key.path, key.value) for key in all_keys(name, group, files))


def _chosen(group: str, words: Sequence[str], main: Path) -> Iterable[str]:
    """The choices of a group: the last that was typed, or the primary config's."""
    typed = [word.partition("=")[2] for word in words if word.lstrip("+").startswith(f"{group}=")]
    defaults = {match["group"]: match["choice"] for match in _DEFAULT.finditer(read_text(main))}
    if group == "sweep" and not typed:
        return ["grid"]
    return _names(typed[-1] if typed else defaults.get(group, ""))


def _names(text: str) -> list[str]:
    return [
        name.strip() for name in text.strip("[] ").split(",") if name.strip() not in ("", "_self_", "null")
    ]

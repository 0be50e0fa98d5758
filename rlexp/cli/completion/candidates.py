"""What may stand at the cursor: verbs, flags, groups, choices, keys, values and paths.

A candidate that ends in a blank is a finished word; the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rlexp.cli.completion.folder_names import folders, runs
from rlexp.cli.completion.line import Line
from rlexp.cli.completion.override_words import group_names, key_names, override
from rlexp.cli.main import VERBS

Answer = Callable[[Line, Sequence[Path]], list[str]]

RUN_FLAGS = (
    "--multirun", "--cfg", "--resolve", "--package", "--info", "--config-dir", "--config-name", "--hydra-help",
    "--shell-completion", "--help", "--version",
)  # fmt: skip

_FLAG = re.compile(r"""["'](--[a-z][a-z-]*)["' ]""")


def flags(verb: str) -> list[str]:
    """The flags of a command, as its module's source names them: to import it takes too long."""
    source = Path(__file__).parents[1] / f"{VERBS[verb].rpartition('.')[2]}.py"
    return sorted(set(_FLAG.findall(source.read_text(encoding="utf-8"))))


_VALUES: dict[str, tuple[str, ...]] = {
    "--cfg": ("job", "hydra", "all"),
    "-c": ("job", "hydra", "all"),
    "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
    "-i": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
    "--shell-completion": ("install=bash", "install=zsh", "install=fish"),
    "-sc": ("install=bash", "install=zsh", "install=fish"),
}


def candidates(line: Line, places: Sequence[Path]) -> list[str]:
    """The words that may stand at the cursor, in order.

    Args:
        line: what was typed.
        places: folders of choices, searched in turn.
    """
    if not line.words:
        verbs = (
            [f"{verb} " for verb in VERBS if verb.startswith(line.word)]
            if line.word.isalpha() or not line.word
            else []
        )
        return sorted({*verbs, *_run(line, places)})
    verb = line.words[0]
    if verb not in VERBS:
        return _run(line, places)
    if line.word.startswith("-"):
        return _those(line.word, RUN_FLAGS if verb == "train" else flags(verb))
    inner = Line(line.words[1:], line.word, line.quoted)
    return _ANSWERS.get(verb, _run)(inner, places)


def _run(line: Line, places: Sequence[Path]) -> list[str]:
    """Words of a run or sweep: flags with their values, and overrides."""
    before = line.words[-1] if line.words else ""
    if before in _VALUES:
        return _those(line.word, _VALUES[before])
    if before in ("--config-dir", "-cd"):
        return folders(line.word)
    if before in ("--config-name", "-cn"):
        return _those(line.word, (file.stem for place in places for file in place.glob("[!_]*.yaml")))
    if before in ("--package", "-p"):
        return _those(line.word, group_names(places))
    if line.word.startswith("-"):
        return _those(line.word, RUN_FLAGS)
    return override(line.word, line.words, places)


def _of_a_run(line: Line, places: Sequence[Path]) -> list[str]:
    """A run's folder, then overrides."""
    if any(not word.startswith("-") for word in line.words):
        return override(line.word, line.words, places)
    return runs(line.word)


def _help(line: Line, places: Sequence[Path]) -> list[str]:
    keys = key_names(places, line.word)
    return sorted({*_those(line.word, (*VERBS, *group_names(places))), *(f"{key} " for key in keys)})


def _simulate(line: Line, places: Sequence[Path]) -> list[str]:
    return override(line.word, line.words, places) if line.words else _those(line.word, ["simulate"])


def _lab(line: Line, places: Sequence[Path]) -> list[str]:
    return folders(line.word) if line.words else _those(line.word, ["trust"])


def _list(line: Line, places: Sequence[Path]) -> list[str]:
    return _those(line.word, group_names(places)) if not line.words else []


def _those(word: str, names: Iterable[str]) -> list[str]:
    return sorted({f"{name} " for name in names if name.startswith(word)})


_ANSWERS: dict[str, Answer] = {
    "resume": _of_a_run,
    "evaluate": _of_a_run,
    "play": _of_a_run,
    "report": lambda line, places: runs(line.word),
    "clean": lambda line, places: folders(line.word),
    "init": lambda line, places: folders(line.word),
    "doctor": lambda line, places: [],
    "list": _list,
    "help": _help,
    "curriculum": _simulate,
    "lab": _lab,
}

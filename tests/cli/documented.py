"""The commands that README and docs show, taken out of their code blocks, tables and sentences."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness import CHECKOUT

PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^```(\w*)$")
_INLINE = re.compile(r"`((?:rlexp|python)[^`]*)`")
_ENDS = {"&&", "||", "|", ";", "then", "fi", ">"}
_BLANKS = {
    "[overrides]": "seed=0",
    "PATH": "runs/x",
    "PATH...": "runs/x",
    "DIR": "mylab",
    "KEY": "seed",
    "runs/<name>": "runs/x",
}


@dataclass(frozen=True)
class Shown:
    """A command as a page shows it.

    Attributes:
        where: the page and the line.
        argv: its words, the program's name first; blanks (`PATH`, `<name>`) are filled in.
        answer: what the page says that it prints, where it says so.
    """

    where: str
    argv: tuple[str, ...]
    answer: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.where} {shlex.join(self.argv)}"


def shown() -> list[Shown]:
    """Every command of every page, each once."""
    found: dict[tuple[str, ...], Shown] = {}
    for page in PAGES:
        for command in _of_page(page):
            found.setdefault((*command.argv, *command.answer), command)
    return list(found.values())


def _of_page(page: Path) -> Iterator[Shown]:
    language: str | None = None
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        where = f"{page.name}:{number + 1}"
        if fence := _FENCE.match(line.strip()):
            language = fence[1] if language is None else None
        elif language == "bash" or (language is None and line.startswith("    ")):
            yield from _of_line(line, where)
        elif language == "" and line.startswith("$ "):
            answer = _until_prompt(lines[number + 1 :])
            yield from (Shown(where, each.argv, answer) for each in _of_line(line[2:], where))
        elif language is None:
            for code in _INLINE.findall(line):
                yield from _of_line(code, where)


def _until_prompt(lines: list[str]) -> tuple[str, ...]:
    ends = (number for number, line in enumerate(lines) if line.startswith(("$ ", "```")))
    return tuple(lines[: next(ends, len(lines))])


def _of_line(line: str, where: str) -> Iterator[Shown]:
    """The commands of rlexp, and scripts run by python, in a line of shell."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # Prose that is indented.
        return
    for number, word in enumerate(words):
        before = words[number - 1] if number else "&&"
        if word in ("rlexp", "python") and (before in _ENDS or before == "srun"):
            rest = words[number:]
            end = next((at for at, each in enumerate(rest) if each in _ENDS), len(rest))
            argv = [_filled(each) for each in rest[:end] if each not in ("...", "[GROUP]")]
            if "-m" in argv and "seed=0" in argv:  # Something has to vary.
                argv[argv.index("seed=0")] = "seed=0,1"
            yield Shown(where, tuple(argv))


def _filled(word: str) -> str:
    """The word with its blanks filled in."""
    if word in _BLANKS:
        return _BLANKS[word]
    return re.sub(
        r"\$\w+|\bNAME\b|<name>", lambda match: "uniform" if word.startswith("curriculum=") else "x", word
    )

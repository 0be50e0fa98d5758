"""Folders that begin as what was typed does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_RECORDS = ("manifest.json", "sweep.json")
"""What the folder of a run or of a sweep has in it."""


def folders(word: str) -> list[str]:
    """Folders whose paths begin with `word`, each with a slash at its end."""
    return sorted(f"{text}/" for text, _ in _folders(word))


def runs(word: str) -> list[str]:
    """Runs and sweeps as finished words, and the folders that may hold some."""
    return sorted(f"{text} " if _is_record(folder) else f"{text}/" for text, folder in _folders(word))


def _is_record(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _RECORDS)


def _folders(word: str) -> Iterator[tuple[str, Path]]:
    """Folders as they are to be written, and where they lie."""
    stem, slash, begin = word.rpartition("/")
    above = stem + slash
    try:
        for entry in Path(above or ".").expanduser().iterdir():
            hidden = entry.name.startswith((".", "__")) and not begin
            if entry.name.startswith(begin) and not hidden and entry.is_dir():
                yield above + entry.name, entry
    except (OSError, RuntimeError):  # Not there, not ours to read, or nobody's home.
        return

"""Entry points of installed distributions, read without `importlib.metadata`."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from rlexp.config.labs.installed import GROUP, entry_points


@pytest.mark.parametrize("group", ["console_scripts", "pytest11", "rlexp.no_such_group"])
def test_they_are_those_that_importlib_finds(group: str) -> None:
    assert sorted(entry_points(group)) == sorted(
        p.value for p in importlib.metadata.entry_points(group=group)
    )


def test_a_lab_is_found_wherever_it_lies_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "# labs\n[other]\na = b\n\n[rlexp.labs]\nfirst = my_lab\n; second = not_this\n[console_scripts]\nx = y:z\n"
    for place, folder in (
        ("one", "My.Lab-1.0.dist-info"),
        ("two", "my_lab-0.9.dist-info"),
        ("three", "other.egg-info"),
    ):
        (tmp_path / place / folder).mkdir(parents=True)
        (tmp_path / place / folder / "entry_points.txt").write_text(text.replace("my_lab", f"lab_{place}"))
    (tmp_path / "three" / "file.egg-info").write_text("x")
    (tmp_path / "archive.zip").write_bytes(b"x")
    places = [str(tmp_path / name) for name in ("one", "gone", "two", "three", "archive.zip")]
    monkeypatch.setattr(sys, "path", places)
    assert list(entry_points(GROUP)) == ["lab_one", "lab_three"]

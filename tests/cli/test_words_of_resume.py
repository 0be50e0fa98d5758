from __future__ import annotations

from pathlib import Path

import pytest

from rlexp.cli.resume import path_and_overrides


def test_an_override_may_be_longer_than_any_path() -> None:
    longest = f"curriculum.targets=[{','.join(['{rooms: 2, max_room: 4}'] * 500)}]"
    assert path_and_overrides(["runs/a", "seed=1", longest], "evaluate") == ("runs/a", ["seed=1", longest])


def test_a_folder_may_have_an_equals_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lr=1").mkdir()
    monkeypatch.chdir(tmp_path)
    assert path_and_overrides(["lr=1", "lr=2"], "resume") == ("lr=1", ["lr=2"])

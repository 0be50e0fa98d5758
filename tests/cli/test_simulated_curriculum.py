"""`rlexp curriculum simulate`: stages written as the task space is, and a picture that replaces no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlexp.cli.main import main

STAGES = (
    "curriculum.teacher.stages=[{name: few, task: {rooms: {int: [1, 2]}, max_room: {box: [4, 5]}}}, "
    "{name: all, task: {}, promote: null}]"
)
WORDS = ["curriculum", "simulate", "env=multiroom", "curriculum=stages", STAGES]
SHORT = ["--students", "1", "--episodes", "64"]


def test_its_picture_replaces_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("curriculum.svg", "curriculum-stages.svg"):
        Path(name).write_text("another's")
    assert main([*WORDS, *SHORT]) == 0
    assert "plot: curriculum-stages-2.svg" in capsys.readouterr().out
    assert Path("curriculum.svg").read_text() == Path("curriculum-stages.svg").read_text() == "another's"
    assert "<svg" in Path("curriculum-stages-2.svg").read_text()

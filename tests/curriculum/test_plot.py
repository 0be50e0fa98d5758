"""How tasks spread over a run, and the pictures of it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from rlexp.base.events import RunInfo
from rlexp.curriculum.curriculum import Curriculum
from rlexp.curriculum.history import MOST_RECORDS, History
from rlexp.curriculum.plot import plot_run
from rlexp.curriculum.run_record import CurriculumRecord
from rlexp.curriculum.task_histogram import BINS, labels, task_histogram
from rlexp.curriculum.teachers.uniform import Uniform
from rlexp.environment.tasks.outcome import Outcome
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of(
    {
        "rooms": {"int": [1, 3]},
        "wind": {"log_box": [1, 100]},
        "kind": {"choice": ["ice", "mud"]},
        "level": {"levels": 500},
        "map": {"choice": [f"map{i}" for i in range(32)]},
    }
)


def outcome(rooms: int, success: float | None = None) -> Outcome:
    task = {"rooms": rooms, "wind": 10.0, "kind": "mud", "level": 499, "map": "map31"}
    return Outcome(task, 0, None, float(rooms), 0.0, 1, success=success)


@given(st.integers(1, 60), st.integers(0, 99))
def test_shares_sum_to_1_and_every_bin_has_a_name(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares = task_histogram(SPACE, [SPACE.sample(rng) for _ in range(count)])
    for name, dim in SPACE.dims.items():
        assert shares[name].sum() == pytest.approx(1.0)
        assert len(shares[name]) == len(labels(dim)) <= BINS


def test_tasks_fall_into_the_bin_that_is_named_after_them() -> None:
    shares = task_histogram(SPACE, [outcome(3).task])
    found = {name: labels(dim)[int(np.argmax(shares[name]))] for name, dim in SPACE.dims.items()}
    assert found == {"rooms": "3", "wind": "10", "kind": "mud", "level": "474", "map": "map31 ..."}


def test_a_long_history_is_joined_two_by_two_and_loses_no_episode() -> None:
    history = History(SPACE)
    for i in range(MOST_RECORDS + 1):
        history.add(10 * i, [outcome(1 + i % 2, success=1.0)] * 2, ["six"] if i == 500 else [])
    assert len(history.entries) == MOST_RECORDS // 2 + 1
    assert sum(entry["episodes"] for entry in history.entries) == 2 * (MOST_RECORDS + 1)
    assert history.entries[0]["spread"]["rooms"] == [0.5, 0.5, 0.0]
    assert history.entries[0]["score"] == 1.5 and history.entries[0]["success"] == 1.0
    assert [entry["events"] for entry in history.entries if entry["events"]] == [["six"]]


def test_an_iteration_without_episodes_adds_nothing_but_its_events() -> None:
    history = History(SPACE)
    history.add(1, [], ["lost"])
    history.add(2, [outcome(1)], [])
    history.add(3, [], ["promoted"])
    assert [entry["events"] for entry in history.entries] == [["promoted"]]
    assert history.entries[0]["success"] is None


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_a_run_is_drawn(tmp_path: Path, ending: str) -> None:
    history = History(SPACE)
    for i in range(30):
        history.add(100 * i, [outcome(1 + i // 10, success=float(i % 2))], ["stage two"] if i == 10 else [])
    path = plot_run(SPACE, history.entries, tmp_path / "deep" / f"c.{ending}")
    assert path.stat().st_size > 5000
    if ending == "svg":
        text = path.read_text()
        assert "<svg" in text and text.count("<!-- wind -->") == 1 and "<!-- stage two -->" in text


def drawn(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Figure:
    """The figure of a run, laid out."""
    figures: list[Figure] = []

    def keep(figure: Figure, path: Path) -> Path:
        figure.canvas.draw()
        figures.append(figure)
        return path

    monkeypatch.setattr("rlexp.curriculum.plot._save", keep)
    plot_run(SPACE, history.entries, tmp_path / "c.svg")
    return figures[0]


def test_no_label_lies_on_the_curves_and_every_heat_map_has_its_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(SPACE)
    for i in range(30):
        events = [f"promoted: a stage of a long name {i}"] if i % 3 == 0 else []
        history.add(100 * i, [outcome(1 + i // 10, success=float(i % 2))], events)
    figure = drawn(history, tmp_path, monkeypatch)
    top, *maps = figure.axes[: 1 + len(SPACE.dims)]
    inside = top.get_window_extent()
    for label in (*top.texts, top.get_legend()):
        assert label is not None and not inside.shrunk(0.99, 0.99).overlaps(label.get_window_extent())
    assert len(top.texts) == 10 and len(top.lines) == 12
    for axis in maps:
        (scale,) = axis.child_axes
        assert scale.get_ylabel() == "of the episodes" and scale.get_yticklabels()[-1].get_text().endswith(
            "%"
        )
        assert axis.get_window_extent().x0 == inside.x0 and axis.get_window_extent().x1 == inside.x1


def test_ticks_are_even(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(SPACE)
    history.add(100, [outcome(1)], [])
    history.add(200, [outcome(2)], [])
    figure = drawn(history, tmp_path, monkeypatch)
    _, rooms, wind, kind, level, maps = figure.axes[:6]
    assert wind.get_yscale() == "log" and wind.get_ylim() == pytest.approx((1, 100))
    assert level.get_ylim() == (0, 499)
    for axis in (rooms, kind, level, maps):
        ticks = axis.get_yticks()
        assert len(set(np.diff(ticks).round(9))) <= 1 and len(ticks) <= 10
    assert [label.get_text() for label in rooms.get_yticklabels()] == ["1", "2", "3"]


def test_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    """Neither formulas nor what no picture may hold."""
    space = TaskSpace.of({"$x$": {"choice": ["$a_b$", "<b>&\x1b", "$"]}})
    history = History(space)
    for i in range(2):
        history.add(i, [Outcome({"$x$": "$"}, 0, None, -3.0, 0.0, 1)], ["to $\\frac$ <!-- \x07"])
    picture = plot_run(space, history.entries, tmp_path / "c.svg")
    ElementTree.fromstring(picture.read_text(encoding="utf-8"))


def test_a_picture_that_cannot_be_drawn_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    curriculum = Curriculum(Uniform(SPACE, seed=0), SPACE, "return", 0)
    curriculum.history.add(10, [outcome(1)], [])
    record = CurriculumRecord(curriculum)
    record.on_run_start(RunInfo(tmp_path, "a", "a", {}))
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", _out_of_memory)
    record.on_checkpoint(tmp_path, {})
    record.on_run_end("done", {})
    assert json.loads((tmp_path / "curriculum.json").read_text())["entries"]
    assert caplog.text.count("was not drawn: MemoryError") == 1 and not (tmp_path / "curriculum.svg").exists()


def _out_of_memory(*arguments: object, **named: object) -> None:
    raise MemoryError("of fonts")

"""How tasks spread over a run, and the pictures of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlexp.curriculum.history import MOST_RECORDS, History
from rlexp.curriculum.outcome import Outcome
from rlexp.curriculum.plot import plot_run
from rlexp.curriculum.space import TaskSpace
from rlexp.curriculum.spread import BINS, labels, spread

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
    shares = spread(SPACE, [SPACE.sample(rng) for _ in range(count)])
    for name, dim in SPACE.dims.items():
        assert shares[name].sum() == pytest.approx(1.0)
        assert len(shares[name]) == len(labels(dim)) <= BINS


def test_tasks_fall_into_the_bin_that_is_named_after_them() -> None:
    shares = spread(SPACE, [outcome(3).task])
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

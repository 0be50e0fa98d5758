"""The script that follows a value: what counts as holding it, and how many files a metric and a trial pass."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from harness import CHECKOUT


@pytest.fixture
def following(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(CHECKOUT / "tools"))
    import following

    yield following


@dataclass
class Record:
    task: Any


def test_a_value_is_seen_in_texts_lists_and_records_but_not_in_paths(following: ModuleType) -> None:
    assert following.holds("algorithm.lr=0.25", 0.25) and following.holds([{"lr": 0.25}], 0.25)
    assert not following.holds([[[0.25]]], 0.25)
    assert following.holds(Record({"level": 3}), 3, records=True) and not following.holds(Record(3), 3)
    marks = ("seed=1,2", "-seed=1")
    assert following.holds("000-seed=1", marks) and not following.holds("seed=1", marks)
    assert not following.holds("trials/000-seed=1/config.yaml", marks)
    assert not following.holds({"algorithm": {}, "name": "000-seed=1"}, marks)  # A whole config.


def walked(name: str) -> tuple[list[str], str]:
    """The files of a walk, and the line above them."""
    command = [sys.executable, str(CHECKOUT / "tools" / "walks.py"), name]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=250)
    lines = done.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{name}, "))
    return [line.split()[0].removeprefix("rlexp/") for line in lines[start + 1 :]], lines[start]


@pytest.mark.slow
def test_a_metric_is_with_the_first_tracker_within_eight_files() -> None:
    files, _ = walked("metric")
    assert files[0] == "metrics/log.py"
    assert files.index("storage/runs/metrics_file.py") < 8 and files.index("tracking/tensorboard.py") < 8


@pytest.mark.slow
def test_a_task_comes_to_the_environment_and_back_to_the_curriculum() -> None:
    files, _ = walked("task")
    way = ("directive", "payload", "outcome")  # To the environments, as they draw from it, and back.
    places = [files.index(f"environment/tasks/{name}.py") for name in way]
    assert places == sorted(places) and places[-1] < files.index("curriculum/history.py")


@pytest.mark.slow
def test_a_trial_is_handed_on_by_at_most_fifteen_files() -> None:
    files, heading = walked("trial")
    assert files[0] == "cli/main.py" and files[-1].startswith("engine/sampling/"), heading
    assert "sweep/execution/trial_run.py" in files and len(files) <= 15, heading

"""The way of an override from `compose` to RLlib's builder: few files, and none of them twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import ModuleType

import pytest
from harness import CHECKOUT


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(CHECKOUT / "tools"))
    import walks

    return walks


FOLLOWED = """
import json, rlexp, walks
words = [f"algorithm.lr={walks.LEARNING_RATE}", "tracking=none"]
rlexp.compose(words)  # Imports take long where each call is looked at.
walk = walks.followed(walks.Walk(walks.LEARNING_RATE, returns=False), lambda: rlexp.compose(words))
print(json.dumps([walk.steps, walk.revisits, walk.files]))
"""


def test_an_override_passes_each_file_once_on_its_way_to_the_typed_config() -> None:
    """In a process of its own: Python 3.11 never leaves a profiled call while a thread has an exception pending."""
    path = {**os.environ, "PYTHONPATH": str(CHECKOUT / "tools")}
    done = subprocess.run(
        [sys.executable, "-c", FOLLOWED], env=path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    steps, revisits, files = json.loads(done.stdout)
    assert steps[0] == "rlexp/run/compose.py" and steps[-1] == "rlexp/config/keys/key_row.py"
    assert revisits == [] and len(files) <= 11


@pytest.mark.slow
def test_an_override_passes_each_file_once_on_its_way_to_the_builder(walks: ModuleType) -> None:
    *_, (_, walk) = walks.override()
    assert walk.steps[-1] == "rlexp/run/building/algorithm_config.py"
    assert walk.revisits == [] and len(walk.files) <= 12


def test_a_walk_counts_the_files_that_it_comes_back_to(walks: ModuleType) -> None:
    there, back = walks.Walk(1.0), walks.Walk(1.0)
    there.steps, back.steps = ["a", "b", "a"], ["a", "c", "b"]
    assert there.revisits == ["a"] and there.then(back).steps == ["a", "b", "a", "c", "b"]
    assert there.then(back).files == ["a", "b", "c"] and there.then(back).revisits == ["a", "b"]

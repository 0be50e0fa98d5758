"""Every example can be imported, says what it shows and prints, and prints it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import CHECKOUT

EXAMPLES = CHECKOUT / "examples"
PRINTS = {
    "notebook": ("train/return_mean", "picture True", "return "),
    "own_callback": ("custom/lean_max 0.", "\ndone"),
    "own_env": ("sound", "done return"),
    "own_model": ("trunk.0.weight (16, 4)", "done"),
    "own_strategy": ("PPO [[0, 0.02], [100000, 0.0]]", "DQN has no entropy_coeff"),
    "own_teacher": ("level 5", "chance on the hardest 1.0"),
    "parts_in_plain_rllib": ("fast: sampling and learning on arrays", "steps 2"),
    "sweep_from_python": ("done", "action "),
}
"""Parts of what each prints."""
QUICK = ("own_teacher",)


def run(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As a person does, in a folder of its own."""
    return subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "WANDB_MODE": "offline"},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_every_example_is_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(PRINTS)


@pytest.mark.parametrize("name", PRINTS)
def test_an_example_is_importable_and_says_what_it_shows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    module = importlib.import_module(name)
    assert module.__doc__ is not None and "\nShows: " in module.__doc__ and "\nPrints: " in module.__doc__
    assert callable(module.main)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n not in QUICK)) for n in PRINTS]
)
def test_an_example_prints_what_it_says(name: str, tmp_path: Path) -> None:
    done = run(name, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(words in done.stdout for words in PRINTS[name]), done.stdout
    assert not list(tmp_path.iterdir())

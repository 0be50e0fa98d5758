"""The tests pass from whatever folder they are started: they find what they need by where they lie themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import CHECKOUT

FILES = (
    *(
        "storage/test_places.py",
        "test_house_files.py",
        "compat/test_registry.py",
        "config/test_installed_labs.py",
    ),
    *("environment/test_action_spaces.py", "report/test_objective.py", "sweep/test_sweep_space.py"),
)
"""Quick ones that read the checkout, import what lies beside them, or start commands."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("words", [[], ["--rootdir", "."]], ids=["", "rootdir"])
def test_from_another_folder(words: list[str], tmp_path: Path) -> None:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST") and k != "PYTHONPATH"}
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", *words]
    done = subprocess.run(
        [*command, *(str(CHECKOUT / "tests" / name) for name in FILES)],
        cwd=tmp_path,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=550,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert {path.name for path in tmp_path.iterdir()} <= {".hypothesis"}

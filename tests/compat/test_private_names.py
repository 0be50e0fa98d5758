"""The counter of private names sees what it says it sees, and every touch of rlexp's has a row."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = """
import os
import ray
from ray._private import services
from ray.tune.experiment import Trial
from torch.optim import Optimizer


class Own(Trial):
    def __init__(self):
        self._mine = 1

    def _handle_ray_actor_error(self, exc):
        super()._handle_ray_actor_error(exc)
        return self._mine, self._theirs, os._exit, other._elsewhere, exc._replace()


def patch(place):
    services.get_node = None
    setattr(Optimizer, "step", None)
    setattr(*place, None)
    getattr(place, "_hidden", None)
    ray.get(place)
"""


@pytest.fixture(scope="module")
def counter() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "tools"))  # As of a script that is run: it imports a file beside it.
    spec = importlib.util.spec_from_file_location("private_names", ROOT / "tools" / "private_names.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["private_names"] = module
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(ROOT / "tools"))


def test_imports_attributes_overrides_and_patches_are_counted(counter: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "code.py").write_text(SAMPLE)
    touches = {(touch.kind, touch.name) for touch in counter.touches(tmp_path, ("sample",))}
    assert touches == {
        ("import", "ray._private.services"),
        ("override", "_handle_ray_actor_error"),
        ("attribute", "_handle_ray_actor_error"),
        ("attribute", "_theirs"),
        ("attribute", "_elsewhere"),
        ("patch", "get_node"),
        ("patch", "Optimizer"),
        ("patch", "*place"),
        ("attribute", "_hidden"),
    }


@pytest.mark.slow
def test_every_touch_of_rlexps_has_a_row() -> None:
    command = [sys.executable, str(ROOT / "tools" / "private_names.py"), "--no-row"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

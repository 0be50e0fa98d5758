"""The script that looks at the package's structure: no floor imports from above, and circles are found."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest
from harness import CHECKOUT


@pytest.fixture(scope="module")
def architecture() -> ModuleType:
    path = CHECKOUT / "tools" / "architecture.py"
    spec = importlib.util.spec_from_file_location("architecture", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["architecture"] = module
    spec.loader.exec_module(module)
    return module


def test_no_import_goes_upwards_and_nothing_goes_round(architecture: ModuleType) -> None:
    house = architecture.read_house()
    figures = architecture.figures(house)
    assert figures["floors"] == 7 and figures["files"] > 200
    assert house.upward() == []
    assert architecture.circles(house.imports) == []
    assert figures["circles of rooms"] == 0


def test_an_import_upwards_and_a_circle_are_found(architecture: ModuleType) -> None:
    imports = {
        "rlexp.low.a": {"rlexp.high.b"},
        "rlexp.high.b": {"rlexp.high.c"},
        "rlexp.high.c": {"rlexp.high.b"},
    }
    house = architecture.House([["low"], ["high"]], imports, dict.fromkeys(imports, 10))
    assert house.upward() == [("rlexp.low.a", "rlexp.high.b")]
    assert architecture.circles(imports) == [["rlexp.high.b", "rlexp.high.c"]]
    assert architecture.lone_helpers(house) == [("rlexp.high.c", "rlexp.high.b")]


def test_the_picture_names_every_room(architecture: ModuleType) -> None:
    house = architecture.read_house()
    drawn = architecture.picture(house)
    assert all(f">{room}<" in drawn for rooms in house.floors for room in rooms)

"""What the tests of the benchmarks share."""

from __future__ import annotations

import pytest
from harness import CHECKOUT


@pytest.fixture(autouse=True)
def _benchmarks_in_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    # As for the command itself, whose folder Python puts first.
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sealing key of the test's own."""
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "home"))

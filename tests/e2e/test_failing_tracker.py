"""A tracker that cannot be started is named while the run is on, at its end, and in its summary."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlexp.terminal.final_summary import closing_rows
from rlexp.tracking.background import Background


def test_a_writer_that_cannot_be_opened_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    def cannot() -> None:
        raise OSError("no such server\nand more")

    background = Background("TensorBoard", cannot)
    assert background.close(5.0)
    assert background.failure == "TensorBoard could not be started: OSError: no such server"
    assert "TensorBoard could not be started" in capsys.readouterr().err
    assert ("not logged", background.failure) in closing_rows({"not_logged": [background.failure]})


@pytest.mark.slow
def test_a_run_ends_well_without_it_and_says_so(
    train: Callable[..., Any], at_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import os

    # The event files have no folder to lie in.
    real = os.makedirs

    def no_tensorboard(name: Any, *args: Any, **kwargs: Any) -> None:
        if str(name).endswith("tensorboard"):
            raise PermissionError(13, "Permission denied", str(name))
        real(name, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "makedirs", no_tensorboard)
        outcome = train("tracking=tensorboard", "debug=tiny", "hardware=local", "name=a")
    assert outcome.status == "done"
    summary = json.loads((outcome.folder / "summary.json").read_text())
    assert summary["not_logged"] == outcome.summary["not_logged"]
    assert "TensorBoard could not be started: PermissionError" in summary["not_logged"][0]
    assert "TensorBoard could not be started" in capfd.readouterr().err

"""A sweep that ends with the first failure, interrupted and gone on with under another setting."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from harness import records
from processes import BATCH, CARTPOLE, rlexp_child, run, trials


@pytest.mark.slow
def test_an_interrupted_fail_fast_sweep_goes_on_under_another_setting(tmp_path: Path) -> None:
    words = ("-m", *CARTPOLE, "callbacks=none", "sweep.name=a", "sweep.concurrency=1", "sweep.fail_fast=true")
    folder = tmp_path / "sweeps" / "a"
    with rlexp_child(*words, f"stop.env_steps={6 * BATCH}", "seed=0,1,2", folder=tmp_path) as child:
        child.until(lambda: records(folder / "trials" / "001-seed=1"))
        child.signal_group(signal.SIGINT)
        assert child.end() == 130, child.text
    code, text = run("resume", "sweeps/a", "log_level=INFO", folder=tmp_path)
    assert code == 0 and "failed" not in text and "000-seed=0: " not in text, text
    assert {trial["status"] for trial in trials(folder).values()} == {"done"}
    code, text = run("resume", "sweeps/a", "log_level=DEBUG", folder=tmp_path)
    assert code == 0 and text.count("nothing is left to do: 3 done") == 1, text

"""`rlexp evaluate sweeps/x --metric ... --mode ...`: which trial it takes, told before anything is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlexp.base.errors import EXIT_USAGE
from rlexp.cli.main import main
from rlexp.sweep.folder import SweepFolder


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Two trials that have logged a loss, and were not compared by it; they have no checkpoint."""
    folder = tmp_path / "sweeps" / "a"
    settings: dict[str, Any] = {"mode": "max", "seeds": 1, "aggregate": "mean"}
    for name, loss in (("0", 3.0), ("1", 4.0)):
        trial = folder / "trials" / name
        trial.mkdir(parents=True)
        (trial / "config.yaml").write_text("{}")
        (trial / "manifest.json").write_text("{}")
        (trial / "metrics.jsonl").write_text(json.dumps({"env_steps": 9, "custom/loss": loss}) + "\n")
    (folder / "plan.json").write_text(
        json.dumps({"name": "a", "command": "", "start": "", "asked": {}, "seals": "", "settings": settings})
    )
    (folder / "trials.jsonl").write_text("")
    trials = {
        name: {"status": "done", "score": float(name), "varied": {"algorithm.lr": f"0.{name}"}}
        for name in "01"
    }
    SweepFolder(folder).update(status="done", metric="train/return_mean", trials=trials)
    return folder


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], ["best by max train/return_mean: 1, 1", "algorithm.lr=0.1"]),
        (["--metric", "custom/loss", "--mode=min"], ["best by min custom/loss: 0, 3", "algorithm.lr=0.0"]),
        (["--metric=custom/loss"], ["best by max custom/loss: 1, 4"]),
    ],
)
def test_the_trial_its_config_and_its_command_are_printed(
    words: list[str], told: list[str], sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["evaluate", str(sweep), *words])
    out = capsys.readouterr().out
    assert all(text in out for text in told)
    number = told[0].split(": ")[1][0]
    assert f"config   {sweep}/trials/{number}/config.yaml" in out
    assert f"again    rlexp --config-dir {sweep}/trials/{number}" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--metric"], "--metric needs a value"),
        (["--metric", "--mode"], "--metric needs a value"),
        (["--metric", "custom/los"], "did you mean: custom/loss"),
        (["--metric", "custom/loss", "--mode", "least"], "--mode must be one of max, min"),
        (["--env", "pong"], "the sweep has a single one"),
        (["--metrics", "custom/loss"], "no flag --metrics"),
    ],
)
def test_what_chooses_nothing_is_told(
    words: list[str], told: str, sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(sweep), *words]) == EXIT_USAGE
    assert told in capsys.readouterr().err


def test_a_run_has_no_trials_to_choose_among(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(sweep / "trials" / "0"), "--metric", "custom/loss"]) == EXIT_USAGE
    assert "chooses among a sweep's trials" in capsys.readouterr().err

"""The throughput benchmark: what it works out, and one tiny round of it through the command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from harness import CHECKOUT


def told(speed: float, parameters: int = 10) -> dict:
    return {
        "steps": 100,
        "wall_s": 100 / speed,
        "cpu_s": 1.0,
        "parameters": parameters,
        "library": "x",
        "parts": {},
    }


def test_every_scenario_survives_the_command_line() -> None:
    from contenders.scenarios import SCENARIOS, from_json

    for scenario in SCENARIOS.values():
        assert from_json(scenario.to_json()) == scenario


def test_scaled_steps_are_whole_batches() -> None:
    from contenders.scenarios import SCENARIOS

    assert SCENARIOS["ppo-cartpole"].scaled(0.3).steps == 4000
    assert SCENARIOS["ppo-cartpole"].scaled(0.001).steps == 4000
    assert SCENARIOS["dqn-cartpole"].scaled(0.1).steps == 800


def test_ratios_are_taken_repetition_by_repetition_and_held_to_the_goals() -> None:
    from contenders.figures import summary
    from contenders.scenarios import SCENARIOS

    # The machine slows down from one repetition to the next; the ratios do not see it.
    rows = summary(
        SCENARIOS["ppo-cartpole"],
        {
            "rlexp": [told(400), told(200), told(100)],
            "stock": [told(200), told(100), told(50)],
            "sb3": [told(400)] * 3,
        },
    )
    assert rows["rlexp"]["times"]["stock"] == pytest.approx({"median": 2.0, "min": 2.0, "max": 2.0})
    assert rows["rlexp"]["goals"]["stock"]["reached"]
    assert not rows["rlexp"]["goals"]["sb3"]["reached"]
    assert "goals" not in rows["stock"]


def test_unequal_networks_are_refused() -> None:
    from contenders.figures import check_equal

    with pytest.raises(ValueError, match="sb3 11"):
        check_equal("ppo-cartpole", {"stock": [told(1)], "sb3": [told(1, parameters=11)]})


@pytest.mark.slow
def test_the_command_measures_and_writes(tmp_path: Path) -> None:
    out = tmp_path / "throughput.json"
    words = ["--scenarios", "dqn-cartpole", "--contenders", "single-file,bound", "--repetitions", "1"]
    done = subprocess.run(
        [sys.executable, "benchmarks/throughput.py", *words, "--steps-scale", "0.05", "--json", str(out)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(out.read_text())["scenarios"]["dqn-cartpole"]
    assert rows["bound"]["parameters"] == rows["single-file"]["parameters"] == 67_586
    assert 0 < rows["single-file"]["steps_per_s"]["median"] < rows["bound"]["steps_per_s"]["median"] * 1.5
    assert rows["bound"]["us_per_step"].keys() == {"env", "inference", "updates"}
    assert "dqn-cartpole" in done.stdout

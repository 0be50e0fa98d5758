"""The throughput benchmark: what it works out, and one tiny round of it through the command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from harness import CHECKOUT


def told(speed: float, parameters: int = 10, cpu_s: float = 1.0) -> dict:
    return {
        "steps": 100,
        "wall_s": 100 / speed,
        "cpu_s": cpu_s,
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


def test_ratios_are_taken_repetition_by_repetition_and_goals_held_to_those_per_cpu_second() -> None:
    from contenders.figures import summary
    from contenders.scenarios import SCENARIOS

    # The machine slows down from one repetition to the next; the ratios do not see it.
    rows = summary(
        SCENARIOS["ppo-cartpole"],
        {
            "rlexp": [told(400, cpu_s=0.2), told(200, cpu_s=0.4), told(100, cpu_s=0.8)],
            "stock": [told(200, cpu_s=0.2), told(100, cpu_s=0.4), told(50, cpu_s=0.8)],
            "sb3": [told(400, cpu_s=c) for c in (0.5, 1.0, 2.0)],
            "bound": [told(800, cpu_s=0.125), told(400, cpu_s=0.25), told(200, cpu_s=0.5)],
        },
    )
    assert rows["rlexp"]["times"]["stock"] == pytest.approx({"median": 2.0, "min": 2.0, "max": 2.0})
    assert rows["rlexp"]["cpu_times"]["stock"] == pytest.approx({"median": 1.0, "min": 1.0, "max": 1.0})
    assert rows["rlexp"]["times"]["bound"]["median"] == pytest.approx(0.5)
    assert not rows["rlexp"]["goals"]["stock"]["reached"]
    assert rows["rlexp"]["goals"]["sb3"]["reached"]
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
    assert rows["bound"]["us_per_step"].keys() == {"env", "acting", "updates"}
    assert 0 < rows["single-file"]["cpu_times"]["bound"]["median"] < 1.5
    assert {product["use"] for product in rows["bound"]["samples"][0]["products"]} == {"acting", "updates"}
    assert "dqn-cartpole" in done.stdout
    assert "GFLOP/s" in done.stdout

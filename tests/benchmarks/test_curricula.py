"""The benchmark of curricula: a tiny round of it through the command, and what it works out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from harness import CHECKOUT


def test_figures_leave_out_the_best_and_the_worst_of_five() -> None:
    from curricula import figures

    told = figures([{"success": success} for success in (0.0, 0.8, 0.9, 0.7, 1.0)])
    low, high = told["interval"]
    assert told["iqm"] == pytest.approx(0.8) and low < 0.8 < high


def test_plot_names_every_arm(tmp_path: Path) -> None:
    from curricula import plot

    runs = [{"curve": [[10, 0.2], [20, 0.6]]}, {"curve": [[10, 0.0]]}]
    plot({"spdl": runs, "none": runs[1:]}, "gates", tmp_path / "plots" / "gates.svg")
    drawn = (tmp_path / "plots" / "gates.svg").read_text()
    assert all(f"curriculum={arm}" in drawn for arm in ("spdl", "none")) and "gates" in drawn


@pytest.mark.slow
def test_one_tiny_round_through_the_command(tmp_path: Path) -> None:
    told, plots = tmp_path / "told.json", tmp_path / "plots"
    words = ["--experiments", "point_mass_friction", "--arms", "uniform", "--seeds", "3", "--json", str(told)]
    script = str(CHECKOUT / "benchmarks" / "curricula.py")
    done = subprocess.run(
        [sys.executable, script, *words, "--plot", str(plots), "--", "debug=tiny"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(told.read_text())["point_mass_friction"]["uniform"]
    assert run["seed"] == 3 and 0 <= run["success"] <= 1 and run["env_steps"] > 0 and run["curve"]
    assert "uniform" in done.stdout and (plots / "curricula_point_mass_friction.svg").exists()

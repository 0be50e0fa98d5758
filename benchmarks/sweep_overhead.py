"""What a sweep costs beyond its training: a thousand trials that train for a moment, and then their report.

    python benchmarks/sweep_overhead.py
    python benchmarks/sweep_overhead.py --trials 100

Printed are wall and CPU time for each trial, the driver's memory, the time and size of the report; all of it goes to a
JSON file.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from contenders.meter import metered
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
RLEXP = (sys.executable, "-m", "rlexp.cli.main")
TRIAL = (
    "env=cartpole",
    "algorithm=ppo",
    "tuned=none",
    "evaluation=none",
    "callbacks=none",
    "tracking=none",
    "hardware=local",
    "hardware.num_envs_per_env_runner=1",
    "algorithm.train_batch_size_per_learner=32",
    "algorithm.minibatch_size=32",
    "algorithm.num_epochs=1",
    "model=mlp",
    "model.fcnet_hiddens=[8]",
    "checkpoint.every=null",
    "stop.iterations=1",
)


def figures(trials: int, folder: Path) -> dict[str, float]:
    """Plans, runs and reports a sweep of so many trials."""
    words = ("-m", *TRIAL, f"seed=range({trials})", "sweep.name=a", f"sweep.dir={folder}")
    begin = time.perf_counter()
    metered([*RLEXP, *words, "sweep.plan=true"], folder)
    planned = time.perf_counter() - begin
    whole = metered([*RLEXP, *words], folder)
    report = metered([*RLEXP, "report", str(folder / "a")], folder)
    page = folder / "a" / "report.html"
    return {
        "trials": trials,
        "plan_s": planned,
        "wall_s_a_trial": whole["wall_s"] / trials,
        "cpu_s_a_trial": whole["cpu_s"] / trials,
        "driver_gib": whole["own_gib"],
        "memory_gib": whole["memory_gib"],
        "processes": whole["processes"],
        "report_s": report["wall_s"],
        "report_mib": page.stat().st_size / 2**20,
    }


def main() -> None:
    """Runs it, prints the table, writes the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--json", type=Path, default=HERE / "results" / "sweep_overhead.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = figures(args.trials, Path(folder))
    drawn = Table("figure", "value", title=f"{args.trials} trials", title_justify="left")
    for name, value in told.items():
        drawn.add_row(name, f"{value:,.3g}")
    Console().print(drawn)
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()

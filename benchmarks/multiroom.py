"""Whether MultiRoom-N6 is solved in stages, and only in stages: five seeds with and without the curriculum.

    python benchmarks/multiroom.py
    python benchmarks/multiroom.py --arms multiroom uniform none --seeds 3

Each run is the command `rlexp experiment=multiroom`, 200,000 env steps; its last checkpoint is then evaluated on 100
episodes of the target task. Printed are success by seed and minutes; everything goes to a JSON file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = {"multiroom": 0.9, "none": 0.05}
"""Least success with the curriculum, and most without."""


def run(arguments: list[str]) -> None:
    """One command of ours."""
    done = subprocess.run(
        [sys.executable, "-m", "rlexp.cli.main", *arguments], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"rlexp {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")


def trained(folder: Path, arm: str, seed: int) -> dict[str, float]:
    """Success of the last checkpoint on the target, and the seconds of training."""
    name = f"{arm}-{seed}"
    run(
        [
            "experiment=multiroom",
            f"curriculum={arm}",
            f"seed={seed}",
            f"name={name}",
            f"runs_dir={folder}",
            "tracking=none",
            "hardware.torch_threads=1",
        ]
    )
    run(["evaluate", str(folder / name), "evaluation.evaluation_duration=100"])
    summary = json.loads((folder / name / "summary.json").read_text())
    evaluated = json.loads((folder / name / "evaluation.json").read_text())["metrics"]
    return {
        "success": evaluated["eval/success_rate"],
        "wall_s": summary["wall_s"],
        "env_steps": summary["env_steps"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--arms", nargs="+", default=list(TARGET), help="choices of curriculum")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=HERE / "results" / "multiroom.json")
    args = parser.parse_args()
    from rich.console import Console
    from rich.table import Table

    console, found = Console(), {}
    table = Table("curriculum", *(f"seed {seed}" for seed in range(args.seeds)), "minutes a run", "goal")
    with tempfile.TemporaryDirectory() as folder:
        for arm in args.arms:
            found[arm] = []
            for seed in range(args.seeds):
                with console.status(f"{arm}, seed {seed}"):
                    found[arm].append(trained(Path(folder), arm, seed))
            minutes = sorted(one["wall_s"] / 60 for one in found[arm])
            goal = f"{'at least' if arm == 'multiroom' else 'at most'} {TARGET[arm]}" if arm in TARGET else ""
            successes = [f"{one['success']:.2f}" for one in found[arm]]
            table.add_row(arm, *successes, f"{minutes[0]:.1f} to {minutes[-1]:.1f}", goal)
            args.json.parent.mkdir(parents=True, exist_ok=True)
            args.json.write_text(json.dumps(found, indent=1) + "\n")
    console.print(table)


if __name__ == "__main__":
    main()

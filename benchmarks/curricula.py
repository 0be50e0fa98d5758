"""What curricula are good for: experiments with and without theirs, five seeds each.

    python benchmarks/curricula.py
    python benchmarks/curricula.py --experiments multiroom --arms multiroom uniform none --seeds 0 1 2

Each run is the command `rlexp experiment=NAME curriculum=ARM seed=SEED` with nothing else changed; its last
checkpoint's greedy policy is then evaluated on fresh episodes of the target tasks, `curriculum.targets`, in turn.
Printed are success by seed, the interquartile mean over seeds with its 95 % bootstrap interval, and minutes. All goes
to a JSON file; `--plot FOLDER` draws success on the targets, as evaluated in training, over training's env steps.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from rlexp.base.statistics import estimate
from rlexp.storage.runs import metrics_file

RESULTS = Path(__file__).resolve().parent / "results"
ARMS = {
    "multiroom": ["multiroom", "none"],
    "minigrid_suite": ["minigrid_suite", "uniform"],
    "point_mass": ["point_mass", "uniform", "none"],
    "point_mass_friction": ["point_mass_friction", "uniform"],
}
"""Curricula by experiment, the control arms last."""
EPISODES = 108
"""Of the evaluation after a run: nine for each of point_mass_friction's twelve targets."""
COLOURS = ("#0b6e99", "#b5651d", "#6b7280", "#7a3e9d")

Run = dict[str, Any]


def command(arguments: Sequence[str]) -> None:
    """One command of ours."""
    done = subprocess.run(
        [sys.executable, "-m", "rlexp.cli.main", *arguments], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"rlexp {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")


def trained(folder: Path, experiment: str, arm: str, seed: int, overrides: Sequence[str]) -> Run:
    """One run: success of its last checkpoint, minutes, and success on the targets over env steps."""
    run = folder / f"{experiment}-{arm}-{seed}"
    own = [f"experiment={experiment}", f"curriculum={arm}", f"seed={seed}", f"name={run.name}"]
    command([*own, f"runs_dir={folder}", "tracking=none", "hardware.torch_threads=1", *overrides])
    command(["evaluate", str(run), f"evaluation.evaluation_duration={EPISODES}"])
    summary = json.loads((run / "summary.json").read_text())
    evaluated = json.loads((run / "evaluation.json").read_text())["metrics"]
    records = metrics_file.read(run / metrics_file.NAME)
    return {
        "seed": seed,
        "success": evaluated["eval/success_rate"],
        "minutes": summary["wall_s"] / 60,
        "env_steps": summary["env_steps"],
        "curve": [
            [record["env_steps"], record["eval/success_rate"]]
            for record in records
            if record.get("eval/success_rate") is not None
        ],
    }


def figures(runs: Sequence[Run]) -> dict[str, Any]:
    """Interquartile mean of success over seeds, and its 95 % bootstrap interval."""
    found = estimate({"": np.array([run["success"] for run in runs])})
    return {"iqm": found.value, "interval": [found.low, found.high]}


def plot(arms: Mapping[str, Sequence[Run]], title: str, path: Path) -> None:
    """Success on the targets over env steps: the mean over seeds, and between the lowest and the highest seed."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    for (arm, runs), colour in zip(arms.items(), COLOURS, strict=False):
        steps = np.linspace(0, max(run["curve"][-1][0] for run in runs), 101)
        curves = np.array([np.interp(steps, *zip([0, 0.0], *run["curve"], strict=True)) for run in runs])
        axes.fill_between(steps, curves.min(0), curves.max(0), color=colour, alpha=0.15, linewidth=0)
        axes.plot(steps, curves.mean(0), color=colour, label=f"curriculum={arm}")
    axes.set(xlabel="env steps", ylabel="success on the targets", ylim=(-0.02, 1.02), title=title)
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.fonttype": "none"}):  # small files: text stays text
        figure.savefig(path, metadata={"Date": None})


def show(experiment: str, arms: Mapping[str, Sequence[Run]]) -> None:
    """Prints one experiment's table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("curriculum", "success by seed", "interquartile mean", "minutes a run", title=experiment)
    for arm, runs in arms.items():
        found, minutes = figures(runs), [run["minutes"] for run in runs]
        by_seed = ", ".join(f"{run['success']:.2f}" for run in runs)
        low, high = found["interval"]
        mean = f"{found['iqm']:.2f} ({low:.2f} to {high:.2f})"
        table.add_row(arm, by_seed, mean, f"{min(minutes):.1f} to {max(minutes):.1f}")
    Console(width=110).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--experiments", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--arms", nargs="+", help="choices of curriculum instead of each experiment's own")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time; minutes are only fair with 1")
    parser.add_argument("--json", type=Path, default=RESULTS / "curricula.json")
    parser.add_argument("--plot", type=Path, metavar="FOLDER", help="draw each experiment there, as SVG")
    parser.add_argument("overrides", nargs="*", help="of every run, after --: stop.env_steps=50000")
    args = parser.parse_args()
    found = json.loads(args.json.read_text()) if args.json.exists() else {}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(args.jobs) as pool:
        for experiment in args.experiments:
            arms = args.arms or ARMS[experiment]
            runs = {
                arm: [
                    pool.submit(trained, Path(folder), experiment, arm, seed, args.overrides)
                    for seed in args.seeds
                ]
                for arm in arms
            }
            ended = {arm: [run.result() for run in of_arm] for arm, of_arm in runs.items()}
            show(experiment, ended)
            found[experiment] = {**found.get(experiment, {}), **ended}
            args.json.parent.mkdir(parents=True, exist_ok=True)
            args.json.write_text(json.dumps(found) + "\n")
            if args.plot:
                plot(found[experiment], experiment, args.plot / f"curricula_{experiment}.svg")


if __name__ == "__main__":
    main()

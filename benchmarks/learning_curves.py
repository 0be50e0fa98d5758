"""Whether the fast path learns what RLlib's own path learns: returns over env steps, ten seeds each.

    python benchmarks/learning_curves.py

Each seed is trained twice in turn, with `fast=always` and `fast=never` and all else equal. At each checkpoint of the
budget the arms' mean returns are compared by 95 % bootstrap intervals over seeds; a table and a plot say where they
overlap. Everything goes to a JSON file. Timing plays no part, so it may run beside other work.
"""

import argparse
import json
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).resolve().parent / "results"
ARMS = {"fast": "always", "stock": "never"}
TASKS = {
    "ppo-cartpole": (["algorithm=ppo", "env=cartpole"], 40_000),
    "ppo-acrobot": (["algorithm=ppo", "env=acrobot"], 60_000),
    "ppo-pendulum": (["algorithm=ppo", "env=pendulum"], 60_000),
    "dqn-cartpole": (["algorithm=dqn", "env=cartpole"], 10_000),
    "sac-pendulum": (["algorithm=sac", "env=pendulum"], 4_000),
}
COMMON = [
    "hardware=local",
    "hardware.torch_threads=1",
    "hardware.num_envs_per_env_runner=8",
    "evaluation=none",
]
OFF_POLICY = ["hardware.num_envs_per_env_runner=1"]
POINTS = 10


def train(overrides: list[str], steps: int) -> list[tuple[int, float]]:
    """One run: env steps and the mean return of the episodes that ended in each iteration."""
    import rlexp
    from rlexp.run.building.prepare import prepare
    from rlexp.run.trainable import RunTrainable

    trainable = RunTrainable(config={"prepared": prepare(rlexp.compose(overrides))})
    curve: list[tuple[int, float]] = []
    try:
        while not curve or curve[-1][0] < steps:
            record = trainable.step()
            last = curve[-1][1] if curve else float("nan")
            curve.append((record["env_steps"], record.get("train/return_mean", last)))
    finally:
        trainable.stop()
    return curve


def at_points(curve: list[tuple[int, float]], steps: int) -> list[float]:
    """The return at each tenth of the budget, joined by straight lines."""
    known = [(at, value) for at, value in curve if value == value]
    return np.interp(np.linspace(0, steps, POINTS + 1)[1:], *zip(*known, strict=True)).tolist()


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over seeds."""
    generator = np.random.default_rng(0)
    means = generator.choice(values, (10_000, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def compare(curves: dict[str, list[list[float]]], steps: int) -> list[dict[str, object]]:
    """A row for each point: mean and interval of each arm, and whether the intervals overlap."""
    rows = []
    for point in range(POINTS):
        row: dict[str, object] = {"env_steps": steps * (point + 1) // POINTS}
        bounds = {}
        for arm, runs in curves.items():
            values = np.array(runs)[:, point]
            bounds[arm] = interval(values)
            row[arm] = {"mean": float(values.mean()), "interval": bounds[arm]}
        (low, high), (other_low, other_high) = bounds.values()
        row["overlap"] = low <= other_high and other_low <= high
        rows.append(row)
    return rows


def show(task: str, rows: list[dict[str, object]], seeds: int) -> None:
    """Prints one task's table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "env steps", *ARMS, "intervals", title=f"{task}: return, mean and 95 % interval over {seeds} seeds"
    )
    for row in rows:
        cells = []
        for arm in ARMS:
            figures = row[arm]
            low, high = figures["interval"]  # type: ignore[index]
            cells.append(f"{figures['mean']:.1f} ({low:.1f} to {high:.1f})")  # type: ignore[index]
        table.add_row(f"{row['env_steps']:,}", *cells, "overlap" if row["overlap"] else "apart")
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tasks", nargs="+", choices=TASKS, default=["ppo-cartpole", "ppo-acrobot", "ppo-pendulum"]
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--json", type=Path, default=RESULTS / "learning_curves.json")
    arguments = parser.parse_args()
    found = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
    for task in arguments.tasks:
        overrides, steps = TASKS[task]
        extra = [] if task.startswith("ppo") else OFF_POLICY
        curves: dict[str, list[list[float]]] = {arm: [] for arm in ARMS}
        for seed in range(arguments.seeds):
            for arm, fast in ARMS.items():
                run = [*overrides, *COMMON, *extra, f"seed={seed}", f"fast={fast}"]
                curves[arm].append(at_points(train(run, steps), steps))
            print(f"{task}: seed {seed} of {arguments.seeds} done", flush=True)
        rows = compare(curves, steps)
        show(task, rows, arguments.seeds)
        found[task] = {"seeds": arguments.seeds, "rows": rows, "curves": curves}
        arguments.json.parent.mkdir(exist_ok=True)
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()

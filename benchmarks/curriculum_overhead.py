"""What a curriculum costs: steps/s with one against without, on the same environment and the same task.

    python benchmarks/curriculum_overhead.py

Two runs in turn, each a process of its own: PPO on CartPole, with no curriculum and with a
stages teacher that always asks for the environment's own force; medians of the ratios. Then, for 10,000 tasks
and 512 sub-environments, each teacher's directive in bytes and the milliseconds of an update. All of it goes to a JSON
file.
"""

from __future__ import annotations

import argparse
import json
import pickle
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
COMMON = [
    "env=cartpole",
    "algorithm=ppo",
    "tuned=none",
    "evaluation=none",
    "tracking=none",
    "hardware=local",
    "hardware.num_envs_per_env_runner=16",
    "hardware.torch_threads=1",
    "algorithm.train_batch_size_per_learner=4000",
    "algorithm.minibatch_size=250",
    "algorithm.num_epochs=4",
    "model=mlp",
    "model.fcnet_hiddens=[64,64]",
]
ARMS = {
    "without": ["curriculum=none"],
    "with": [
        "env.tasks={force_mag: {box: [5, 15]}}",
        "env.apply_task=attributes",
        "curriculum=stages",
        "curriculum.measure=return",
        "curriculum.teacher.stages=[{name: only, task: {force_mag: 10.0}, promote: null}]",
    ],
}
TASKS, SLOTS = 10_000, 512
TEACHERS: dict[str, list[str]] = {
    "uniform": [],
    "tscl": [],
    "learning_progress": [],
    "mastering_rate": [],
    "learnability": [],
    "ladder": ["curriculum.teacher.parameter=level"],
}
"""With what each has to be told."""


def run_arm(overrides: list[str], iterations: int) -> None:
    """Trains in this process and prints its figures; the first iterations are left out."""
    import rlexp
    from rlexp.run.prepare import prepare
    from rlexp.run.trainable import RunTrainable

    trainable = RunTrainable(config={"prepared": prepare(rlexp.compose(overrides))})
    try:
        for _ in range(2):
            trainable.step()
        begin, cpu = time.perf_counter(), time.process_time()
        steps = -trainable.counters.env_steps
        for _ in range(iterations):
            trainable.step()
        steps += trainable.counters.env_steps
        print(
            json.dumps(
                {
                    "sps": steps / (time.perf_counter() - begin),
                    "per_cpu_s": steps / (time.process_time() - cpu),
                }
            )
        )
    finally:
        trainable.stop()


def arm(name: str, iterations: int) -> dict[str, float]:
    """One process."""
    command = [sys.executable, __file__, "--arm", name, "--iterations", str(iterations)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))


def teacher_costs() -> dict[str, dict[str, float]]:
    """Bytes of a directive and milliseconds of an update, by teacher."""
    import rlexp
    from rlexp.curriculum.build import space_of, teacher_of
    from rlexp.curriculum.outcome import Outcome, Progress

    found = {}
    for name, told in TEACHERS.items():
        config = rlexp.compose(
            [*COMMON, f"env.tasks={{level: {{int: [0, {TASKS - 1}]}}}}", f"curriculum={name}", *told]
        )
        teacher, space = teacher_of(config.curriculum, config.trusted, seed=0), space_of(config.curriculum)
        rng, times, size = np.random.default_rng(0), [], 0
        for iteration in range(20):
            directive = teacher.directive()
            size = max(size, len(pickle.dumps(directive)))
            draws = [directive.sample(rng, slot) for slot in range(SLOTS)]
            outcomes = []
            for slot, draw in enumerate(draws):
                success = float(rng.random() < 0.5)
                outcomes.append(Outcome(draw.task, iteration, draw.tag, success, success, 10, slot, success))
            begin = time.perf_counter()
            teacher.update(outcomes, Progress(iteration * 5120, iteration))
            times.append(1e3 * (time.perf_counter() - begin))
        found[name] = {
            "directive_bytes": size,
            "update_ms": statistics.median(times),
            "update_ms_max": max(times),
        }
        assert space.size == TASKS
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=12)
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, default=HERE / "results" / "curriculum_overhead.json")
    args = parser.parse_args()
    if args.arm:
        run_arm([*COMMON, *ARMS[args.arm]], args.iterations)
        return
    from rich.console import Console
    from rich.table import Table

    console, found = Console(), {name: [] for name in ARMS}
    for pair in range(args.pairs):
        for name in list(ARMS)[:: -1 if pair % 2 else 1]:
            with console.status(f"pair {pair + 1} of {args.pairs}: {name}"):
                found[name].append(arm(name, args.iterations))
    ratios = {
        key: [a[key] / b[key] for a, b in zip(found["with"], found["without"], strict=True)]
        for key in ("sps", "per_cpu_s")
    }
    table = Table("", *ARMS, "ratio (range)", title="steps/s", title_justify="left")
    for key, label in (("sps", "steps/s"), ("per_cpu_s", "steps per CPU second")):
        medians = [f"{statistics.median(run[key] for run in found[name]):,.0f}" for name in ARMS]
        low, middle, high = min(ratios[key]), statistics.median(ratios[key]), max(ratios[key])
        table.add_row(label, *medians, f"{middle:.3f} ({low:.3f} to {high:.3f})")
    console.print(table)
    costs = teacher_costs()
    table = Table(
        "teacher",
        "directive, bytes",
        "update, ms",
        "longest",
        title=f"{TASKS:,} tasks, {SLOTS} episodes an update",
    )
    for name, cost in costs.items():
        table.add_row(
            name, f"{cost['directive_bytes']:,}", f"{cost['update_ms']:.2f}", f"{cost['update_ms_max']:.2f}"
        )
    console.print(table)
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps({"runs": found, "ratios": ratios, "teachers": costs}, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""What a curriculum costs: steps/s with one against without, on the same environment and the same task.

    python benchmarks/curriculum_overhead.py

PPO on CartPole, with no curriculum and with a stages teacher that always asks for the environment's own force: both in
one process, an iteration of each in turn, and the median of the rounds' ratios. Then, for 10,000 tasks
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
WARM_UP = 5
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


def run_rounds(rounds: int, reverse: bool) -> None:
    """Trains both arms in this process, an iteration of each in turn, and prints each round's two speeds.

    Neighbouring iterations share the state of the machine, which between processes differs by more than a curriculum
    costs.
    """
    import rlexp
    from rlexp.run.building.prepare import prepare
    from rlexp.run.trainable import RunTrainable

    arms = {
        name: RunTrainable(config={"prepared": prepare(rlexp.compose([*COMMON, *own]))})
        for name, own in list(ARMS.items())[:: -1 if reverse else 1]
    }
    for trainable in arms.values():
        for _ in range(WARM_UP):
            trainable.step()
    for number in range(rounds):
        order = list(arms)[:: -1 if number % 2 else 1]
        print(json.dumps({name: iteration(arms[name]) for name in order}), flush=True)
    for trainable in arms.values():
        trainable.stop()


def iteration(trainable: Any) -> dict[str, float]:
    """One iteration's env steps per second of wall and of CPU time."""
    begin, cpu = time.perf_counter(), time.process_time()
    steps = -trainable.counters.env_steps
    trainable.step()
    steps += trainable.counters.env_steps
    return {"sps": steps / (time.perf_counter() - begin), "per_cpu_s": steps / (time.process_time() - cpu)}


def rounds_of(process: int, rounds: int) -> list[dict[str, dict[str, float]]]:
    """The rounds of one process; every second process has the other arm built first."""
    command = [sys.executable, __file__, "--rounds", str(rounds), "--here"]
    done = subprocess.run(command + ["--reverse"] * (process % 2), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"with')]


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """95 % bootstrap interval of the median."""
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(ratios, (2000, len(ratios))), axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    return float(low), float(high)


def teacher_costs() -> dict[str, dict[str, float]]:
    """Bytes of a directive and milliseconds of an update, by teacher."""
    import rlexp
    from rlexp.curriculum.build import teacher_of
    from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
    from rlexp.environment.tasks.space import space_of

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
            teacher.update(outcomes, TrainingProgress(iteration * 5120, iteration))
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
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=30, help="iterations of each arm in a process")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--reverse", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, default=HERE / "results" / "curriculum_overhead.json")
    args = parser.parse_args()
    if args.here:
        run_rounds(args.rounds, args.reverse)
        return
    from rich.console import Console
    from rich.table import Table

    console, found = Console(), []
    for process in range(args.processes):
        with console.status(f"process {process + 1} of {args.processes}"):
            found += rounds_of(process, args.rounds)
    keys = ("sps", "per_cpu_s")
    ratios = {key: [each["with"][key] / each["without"][key] for each in found] for key in keys}
    table = Table("", *ARMS, "ratio (95 % interval of the median)", "quartiles", title="env steps")
    for key, label in zip(keys, ("a second", "a CPU second"), strict=True):
        medians = [f"{statistics.median(each[name][key] for each in found):,.0f}" for name in ARMS]
        low, _, high = statistics.quantiles(ratios[key], n=4)
        middle, (least, most) = statistics.median(ratios[key]), interval(ratios[key])
        ratio = f"{middle:.3f} ({least:.3f} to {most:.3f})"
        table.add_row(label, *medians, ratio, f"{low:.3f}, {high:.3f}")
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
    args.json.write_text(json.dumps({"rounds": found, "ratios": ratios, "teachers": costs}) + "\n")


if __name__ == "__main__":
    main()

"""What the framework costs: `rlexp` against a hand-written RLlib script with the same settings.

    python benchmarks/overhead.py --pairs 5

The two run in turn, each as a process of its own, as a person starts them: `rlexp` with its usual callbacks, offline
W&B and checkpoints. Printed are medians, ranges and the median of the ratios pair by pair, of steps/s (after the first
iteration), of seconds from the shell to the first training result, and of CPU seconds; the same goes to a JSON file.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SETTINGS = [
    "env=cartpole",
    "algorithm=ppo",
    "tuned=none",
    "evaluation=none",
    "hardware=local",
    "hardware.num_envs_per_env_runner=16",
    "algorithm.lr=3e-4",
    "algorithm.gamma=0.99",
    "algorithm.lambda_=0.95",
    "algorithm.num_epochs=10",
    "algorithm.minibatch_size=250",
    "algorithm.train_batch_size_per_learner=4000",
    "algorithm.clip_param=0.2",
    "algorithm.vf_clip_param=10000.0",
    "algorithm.vf_loss_coeff=0.5",
    "algorithm.entropy_coeff=0.0",
    "algorithm.use_kl_loss=false",
    "algorithm.grad_clip=0.5",
    "model=mlp",
    "model.fcnet_hiddens=[256,256]",
    "model.fcnet_activation=tanh",
    "model.vf_share_layers=false",
    "hardware.torch_threads=1",
    "seed=0",
    "stop.env_steps=null",
]


def measure(command: list[str], read_lines: object, environment: dict[str, str]) -> dict[str, float]:
    """Runs one command; returns its steps/s, seconds to the first result, and CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.time()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    wall = time.time() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    lines = read_lines(done.stdout)
    first, last = lines[0], lines[-1]
    return {
        "sps": (last["env_steps"] - first["env_steps"]) / (last["timestamp"] - first["timestamp"]),
        "first_result_s": first["timestamp"] - start,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "wall_s": wall,
    }


def handwritten(args: argparse.Namespace) -> dict[str, float]:
    """The script that a person would write."""
    command = [sys.executable, str(HERE / "handwritten.py"), "--iterations", str(args.iterations)]
    command += ["--env-runners", str(args.env_runners)]

    def read(out: str) -> list[dict[str, float]]:
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")]

    return measure(command, read, {**os.environ, "OMP_NUM_THREADS": "1"})


def framework(args: argparse.Namespace) -> dict[str, float]:
    """The same through `rlexp`."""
    folder = tempfile.mkdtemp()
    try:
        command = [sys.executable, "-m", "rlexp.cli.main", *SETTINGS, f"runs_dir={folder}", "name=run"]
        command += [f"stop.iterations={args.iterations}", f"hardware.num_env_runners={args.env_runners}"]

        def read(_: str) -> list[dict[str, float]]:
            return [json.loads(line) for line in (Path(folder) / "run" / "metrics.jsonl").open()]

        return measure(command, read, {**os.environ, "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"})
    finally:
        shutil.rmtree(folder)


def report(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Prints the table; returns its figures."""
    rows: dict[str, dict[str, float]] = {}
    print(
        f"{'figure':<16}{'rlexp':>10}{'(range)':>20}{'RLlib':>10}{'(range)':>20}{'ratio':>9}{'(range)':>16}"
    )
    for figure in ours[0]:
        a, b = [x[figure] for x in ours], [x[figure] for x in theirs]
        ratios = [x / y for x, y in zip(a, b, strict=True)]
        rows[figure] = {
            "rlexp": statistics.median(a),
            "rllib": statistics.median(b),
            "ratio": statistics.median(ratios),
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
        }
        spans = [f"{min(x):.4g}..{max(x):.4g}" for x in (a, b, ratios)]
        m = rows[figure]
        print(
            f"{figure:<16}{m['rlexp']:>10.4g}{spans[0]:>20}{m['rllib']:>10.4g}{spans[1]:>20}"
            f"{m['ratio']:>9.3f}{spans[2]:>16}"
        )
    return rows


def main() -> None:
    """Runs the pairs, prints the table, writes the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=12)
    parser.add_argument("--env-runners", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "overhead.json")
    args = parser.parse_args()
    framework(argparse.Namespace(iterations=2, env_runners=0))  # compiles the bytecode, warms the disk cache
    handwritten(argparse.Namespace(iterations=2, env_runners=0))
    ours, theirs = [], []
    for pair in range(args.pairs):
        order = [(framework, ours), (handwritten, theirs)]
        for run, results in order if pair % 2 == 0 else reversed(order):
            results.append(run(args))
        print(f"pair {pair + 1}/{args.pairs}", file=sys.stderr)
    rows = report(ours, theirs)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"args": vars(args) | {"out": None}, "medians": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()

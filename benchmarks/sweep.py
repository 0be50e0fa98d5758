"""What a sweep costs: 8 trials of PPO on CartPole, with `rlexp`, stock Ray Tune, and Stable-Baselines3 under Hydra.

    python benchmarks/sweep.py
    python benchmarks/sweep.py --contenders rlexp,sb3 --repetitions 1

`rlexp -m` with W&B offline; `Tuner("PPO")` with `WandbLoggerCallback`, offline too; Stable-Baselines3 under Hydra's
joblib launcher with two jobs and without W&B. Equal hyperparameters and networks of equal size, a checkpoint at the end
of each trial, two trials side by side. Contenders run in turn within each repetition, each in a folder of its own.
Printed are wall and CPU time of all processes together, from the shell to the end, most memory (proportional) and most
processes at once; all of it goes to a JSON file. What the others need: the extra `bench`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from contenders.meter import metered
from contenders.sweeps import RATES, SEEDS
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
PYTHON = (sys.executable, "-m")
FIGURES = {"wall_s": "wall, s", "cpu_s": "CPU, s", "memory_gib": "memory, GiB", "processes": "processes"}


def rlexp(steps: int, folder: Path) -> list[str]:
    """What a person types."""
    return [
        *PYTHON,
        "rlexp.cli.main",
        "-m",
        "env=cartpole",
        "algorithm=ppo",
        "tuned=none",
        "evaluation=none",
        "callbacks=none",
        "tracking=wandb",
        "hardware=local",
        "hardware.num_envs_per_env_runner=16",
        "algorithm.train_batch_size_per_learner=2000",
        "algorithm.minibatch_size=250",
        "algorithm.num_epochs=10",
        "algorithm.gamma=0.99",
        "algorithm.lambda_=0.95",
        "algorithm.clip_param=0.2",
        "algorithm.vf_clip_param=1e9",
        "algorithm.vf_loss_coeff=0.5",
        "algorithm.entropy_coeff=0.0",
        "algorithm.use_kl_loss=false",
        "algorithm.grad_clip=0.5",
        "model=mlp",
        "model.fcnet_hiddens=[256,256]",
        "model.fcnet_activation=tanh",
        "model.vf_share_layers=false",
        "checkpoint.every=null",
        f"stop.env_steps={steps}",
        f"algorithm.lr={','.join(map(str, RATES))}",
        f"seed={','.join(map(str, SEEDS))}",
        "sweep.name=sweep",
        f"sweep.dir={folder}",
    ]


def stock(steps: int, folder: Path) -> list[str]:
    """See `contenders.stock_sweep`."""
    return [*PYTHON, "contenders.stock_sweep", str(steps), str(folder)]


def sb3(steps: int, folder: Path) -> list[str]:
    """See `contenders.sb3_sweep`."""
    varied = [f"lr={','.join(map(str, RATES))}", f"seed={','.join(map(str, SEEDS))}"]
    return [*PYTHON, "contenders.sb3_sweep", "-m", *varied, f"steps={steps}"]


CONTENDERS = {"rlexp": rlexp, "stock": stock, "sb3": sb3}


def table(figures: dict[str, list[dict[str, float]]]) -> Table:
    """Medians with ranges, and times against `rlexp`'s."""
    drawn = Table(title=f"{len(RATES) * len(SEEDS)} trials", title_justify="left")
    for name in ("contender", *FIGURES.values(), "wall / rlexp", "CPU / rlexp"):
        drawn.add_column(name, justify="right")
    for who, runs in figures.items():
        cells = [_spread([run[key] for run in runs], 2 if key == "memory_gib" else 0) for key in FIGURES]
        ratios = ["", ""]
        if "rlexp" in figures and who != "rlexp":
            ratios = [f"{_ratio(runs, figures['rlexp'], key):.2f}" for key in ("wall_s", "cpu_s")]
        drawn.add_row(who, *cells, *ratios)
    return drawn


def _spread(values: Sequence[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}..{max(values):.{digits}f})"


def _ratio(runs: list[dict[str, float]], ours: list[dict[str, float]], key: str) -> float:
    return statistics.median(a[key] / b[key] for a, b in zip(runs, ours, strict=True))


def main() -> None:
    """Runs the sweeps, prints the table, writes the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20_000, help="of each trial")
    parser.add_argument("--json", type=Path, default=HERE / "results" / "sweep.json")
    args = parser.parse_args()
    names = args.contenders.split(",")
    if unknown := set(names) - set(CONTENDERS):
        parser.error(f"{', '.join(sorted(unknown))}: none of {', '.join(CONTENDERS)}")
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    console = Console(stderr=True)
    for repetition in range(args.repetitions):
        for name in names:
            with (
                tempfile.TemporaryDirectory() as folder,
                console.status(f"{name}, repetition {repetition + 1}"),
            ):
                command = CONTENDERS[name](args.steps, Path(folder))
                told = metered(
                    command, Path(folder), WANDB_MODE="offline", WANDB_SILENT="true", PYTHONPATH=_path()
                )
                figures[name].append(told)
    Console().print(table(figures))
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps({"steps": args.steps, "runs": figures}, indent=1) + "\n")


def _path() -> str:
    return f"{HERE}:{HERE.parent}"


if __name__ == "__main__":
    main()

"""How fast `rlexp` trains: against RLlib, Stable-Baselines3, SBX, a JAX program, single files, EnvPool, and the bound.

    python benchmarks/throughput.py
    python benchmarks/throughput.py --scenarios 'ppo-*' --contenders rlexp,stock,sb3 --repetitions 3
    python benchmarks/throughput.py --contenders rlexp,sbx,bound --python sbx=ENV/bin/python

Contenders run in turn within each repetition, the order rotated, each as a process of its own with one thread on one
core, equal hyperparameters and networks of equal size (checked), and measure themselves after a warm-up over a fixed
number of steps; what JAX compiles is in the warm-up. Printed are medians and ranges of steps a wall and a CPU second,
ratios repetition by repetition with the goals that they are held to, the share of the bound, and which kernels ran;
all of it, sample by sample, goes to a JSON file. What a contender needs is in the extra `bench`; who is not installed
is left out, with what to do. SBX and JAX have environments of their own (`benchmarks/requirements`).
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from contenders.catalogue import CONTENDERS, Contender
from contenders.figures import Told, check_equal, summary
from contenders.machine import onednn, processor
from contenders.process import ContenderError, interpreters, run
from contenders.scenarios import SCENARIOS, Scenario
from contenders.tables import show
from rich.console import Console

HERE = Path(__file__).resolve().parent
console = Console(width=None if sys.stdout.isatty() else 160)


def chosen(patterns: str, names: list[str]) -> list[str]:
    """The names that any of the comma-separated patterns matches, in their own order."""
    wanted = patterns.split(",")
    for pattern in wanted:
        if not fnmatch.filter(names, pattern):
            raise SystemExit(f"{pattern}: none of {', '.join(names)}")
    return [name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in wanted)]


def present(contenders: list[Contender], pythons: dict[str, str]) -> list[Contender]:
    """Those whose libraries are installed; the others are told."""
    able = []
    for contender in contenders:
        if reason := contender.missing(pythons.get(contender.name)):
            console.print(f"{contender.name}: left out, {reason}", markup=False, soft_wrap=True)
        else:
            able.append(contender)
    return able


def measure(
    scenario: Scenario, contenders: list[Contender], args: argparse.Namespace
) -> tuple[dict[str, list[Told]], dict[str, str]]:
    """What each told, repetition by repetition; and why some did not. Who fails once is left out."""
    core, repetitions = last_core(), args.repetitions
    told: dict[str, list[Told]] = {contender.name: [] for contender in contenders}
    failed: dict[str, str] = {}
    for repetition in range(repetitions):
        first = repetition % len(contenders)
        for contender in contenders[first:] + contenders[:first]:
            if contender.name in failed:
                continue
            with console.status(f"{scenario.name} {repetition + 1}/{repetitions}: {contender.name}"):
                try:
                    python = args.python.get(contender.name)
                    told[contender.name].append(
                        run(contender.command(scenario), args.timeout_s, python, core)
                    )
                except ContenderError as error:
                    failed[contender.name] = str(error)
                    console.print(f"{scenario.name}: {contender.name} failed:\n{error}", markup=False)
    return {name: runs for name, runs in told.items() if name not in failed}, failed


def last_core() -> int | None:
    """The core that all contenders run on, one after another; None where the system has no such thing."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": os.getloadavg()[0],
        "processor": processor(),
        "onednn": onednn(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenarios", default="*", help=f"names or patterns, of {', '.join(SCENARIOS)}")
    parser.add_argument("--contenders", default="*", help=f"names or patterns, of {', '.join(CONTENDERS)}")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--steps-scale", type=float, default=1.0, help="measured steps times this")
    parser.add_argument("--timeout-s", type=float, default=900, help="for one process")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="CONTENDER=PATH",
        help="the interpreter of an environment of its own, for sbx, jax or sb3; once for each",
    )
    parser.add_argument("--json", type=Path, default=HERE / "results" / "throughput.json")
    args = parser.parse_args()
    if args.repetitions < 1 or args.steps_scale <= 0:
        parser.error("--repetitions and --steps-scale must be above 0")
    try:
        args.python = interpreters(args.python)
    except ValueError as error:
        parser.error(str(error))
    return args


def main() -> int:
    """Runs everything, prints the tables, writes the JSON; returns 1 if a contender failed."""
    args = parsed()
    contenders = present(
        [CONTENDERS[name] for name in chosen(args.contenders, list(CONTENDERS))], args.python
    )
    settings = {"repetitions": args.repetitions, "steps_scale": args.steps_scale}
    on = machine()
    console.print(f"{on['processor']}; oneDNN: {on['onednn']}", markup=False)
    report: dict[str, Any] = {"machine": on, "settings": settings, "scenarios": {}, "failed": {}}
    for name in chosen(args.scenarios, list(SCENARIOS)):
        scenario = SCENARIOS[name].scaled(args.steps_scale)
        able = [contender for contender in contenders if contender.runs(scenario)]
        if not able:
            continue
        told, failed = measure(scenario, able, args)
        check_equal(name, told)
        report["scenarios"][name] = summary(scenario, told)
        if failed:
            report["failed"][name] = failed
        show(
            console, f"{name}: {scenario.steps:,} steps, {scenario.num_envs} envs", report["scenarios"][name]
        )
        # After each scenario, so that a run that is stopped keeps what it has.
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    return 1 if report["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())

"""Which files a value passes on its way through the package, from the command line to where it does something.

    python tools/walks.py              # all
    python tools/walks.py override metric

A made-up value that appears nowhere else is followed. A step is a call of a function of this package that is given it:
an argument that is the value, a text that has it, or a list or dict of such. A return of it is a step, too, except on
the override's walk. Printed are the files in the order in which they are first entered, and how often the walk comes
back to a file that it had left.

- override: the number in `algorithm.lr=...`, also in Hydra's `Override` of it. Whole configs that are only passed on do
  not count.
- metric: a number that a callback logs.
- task: a parameter of a task that a teacher has made up. Records that carry it are looked into (dataclasses and named
  tuples: directive, payload, draw, outcome); objects that merely keep such a record are not.
- trial: its word of the command line, and then its name, in all processes up to the first env step. Of the files that
  are given it, those are printed that hand it on to another file, in the rooms that know of trials (`ROOMS`); those
  that parse, check or write it and return are in the total alone. Its config and its folder's path are not followed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from following import FIRST_STEP, LOG, ROOT, SEPARATOR, Walk, followed

LEARNING_RATE, METRIC, TASK = 0.000312345, 31 / 1024, 733.0625
"""Made-up values; sums and means of the second are exact."""
SWEPT = "seed=733,734"
TRIAL = (SWEPT, "-seed=733")
"""A word of a sweep's command line, and what the first trial's name has of it."""
RECORDS_DEPTH = 5
"""Of a payload: its directive's task's parameter."""
WALKED = ROOT / "tools" / "walked"


def override() -> list[tuple[str, Walk]]:
    """`algorithm.lr=...` from `compose` to RLlib's builder."""
    import gymnasium

    import rlexp
    from rlexp.run.building.algorithm_config import build

    text = f"algorithm.lr={LEARNING_RATE}"
    # Composed once before, since imports take long where each call is looked at.
    config = rlexp.compose([text, "tracking=none"])
    composed = followed(Walk(LEARNING_RATE, returns=False), lambda: rlexp.compose([text, "tracking=none"]))
    env = gymnasium.make("CartPole-v1")
    spaces = env.observation_space, env.action_space
    built = followed(Walk(LEARNING_RATE, returns=False), lambda: build(config, spaces))
    parts = [("from compose to the typed config", composed), ("from there to RLlib's builder", built)]
    return [*parts, ("from compose to RLlib's builder", composed.then(built))]


def metric() -> list[tuple[str, Walk]]:
    """A number that a callback logs at the end of an episode, from the env runner to the trackers."""
    words = ["env=cartpole", "+callbacks.marked={_target_: walked_metric.Marked}", "trusted=+walked_metric"]
    return [("from the runner to the trackers", _trained(Walk(METRIC), words))]


def task() -> list[tuple[str, Walk]]:
    """A task, from the teacher to the environment, and its outcome back."""
    words = ["env=gym", "env.id=walked_task.Level", "trusted=+walked_task", "curriculum=uniform"]
    words += [
        "curriculum.teacher={_target_: walked_task.Marked}",
        "curriculum.tasks={level: {box: [0, 1000]}}",
    ]
    walk = _trained(Walk(TASK, depth=RECORDS_DEPTH, records=True), words)
    return [("from the teacher to the environment and back", walk)]


def _trained(walk: Walk, words: list[str]) -> Walk:
    """The walk through a small run, whose config names parts in `tools/walked`."""
    import rlexp

    sys.path[:0] = [str(WALKED), str(WALKED.parent)]
    with tempfile.TemporaryDirectory() as folder:
        small = ["debug=tiny", f"runs_dir={folder}", "name=walk", "tracking=tensorboard"]
        config = rlexp.compose([*words, *small])
        outcomes: list[rlexp.Outcome] = []
        followed(walk, lambda: outcomes.append(rlexp.train(config)))
    if outcomes[0].status != "done":
        raise SystemExit(f"the run failed: {outcomes[0].error}")
    return walk


def trial() -> list[tuple[str, Walk]]:
    """A sweep's first trial, from the command line to its first env step, in the sweep's process and its own."""
    words = ["-m", SWEPT, "env=gym", "env.id=walked_trial.Marked", "trusted=+walked_trial", "debug=tiny"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "steps")
        words += ["tracking=none", f"sweep.dir={folder}", "sweep.name=walk", "sweep.concurrency=1"]
        places = [str(WALKED / "start"), str(WALKED), str(WALKED.parent), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places)), LOG: str(log)}
        command = [sys.executable, "-m", "rlexp.cli.main", *words]
        done = subprocess.run(
            command, env=environment, cwd=folder, text=True, capture_output=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"the sweep failed:\n{done.stdout}{done.stderr}")
        lines = [line.split(SEPARATOR) for line in log.read_text(encoding="utf-8").splitlines()]
    end = next(number for number, (file, _) in enumerate(lines) if file == FIRST_STEP)
    walk = Walk(TRIAL)
    walk.steps = [file for file, _ in lines[:end]]
    walk.handed_on = {giver for file, giver in lines[:end] if giver != file} | {lines[end][1]}
    walk.steps.append(lines[end][1])
    return [("from the command line to its first step", walk)]


WALKS: dict[str, Callable[[], list[tuple[str, Walk]]]] = {
    "override": override,
    "metric": metric,
    "task": task,
    "trial": trial,
}


def main() -> None:
    """Prints the walks that are named."""
    parser = argparse.ArgumentParser(description="the files that a value passes")
    parser.add_argument("walks", nargs="*", default=list(WALKS), metavar="WALK", help=", ".join(WALKS))
    for name in parser.parse_args().walks:
        for part, walk in WALKS[name]():
            total = f", of {len(walk.files)} that are given it" if walk.handed_on else ""
            back = "" if walk.handed_on else f", {len(walk.revisits)} times back to one of them"
            print(f"{name}, {part}: {len(walk.way)} files{total}{back}")
            for file in walk.way:
                print(
                    f"  {file}"
                    + ("   (entered again)" if file in walk.revisits and not walk.handed_on else "")
                )


if __name__ == "__main__":
    main()

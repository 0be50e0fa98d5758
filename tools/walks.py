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
- trial: the text `seed=<number>`, which the word of the command line, the trial's override and its name have in common,
  in all processes up to the first env step. Folders of the trial, and its config, in which the seed is one number of
  many, are not followed: what a trial's process does with its config is the override's walk.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = str(ROOT / "rlexp")
DEPTH = 2
"""The value, a list or dict of it, a dict of such dicts; whole configs that are only passed on do not count."""
LEARNING_RATE, METRIC, TASK = 0.000312345, 31 / 1024, 733.0625
"""Made-up values; sums and means of the second are exact."""
SWEPT = "seed=733,734"
TRIAL = (SWEPT, "-seed=733")
"""A word of a sweep's command line, and what the first trial's name has of it."""
RECORDS_DEPTH = 5
"""As `DEPTH`, where records are looked into: a payload's directive's task's parameter."""
Mark = float | tuple[str, ...]
"""A number, or texts any of which is looked for in others."""
LOG = "RLEXP_WALK_LOG"
"""Environment variable: where the processes of a sweep write their steps."""


def holds(value: Any, mark: Mark, depth: int = DEPTH, *, records: bool = False) -> bool:
    """Whether the mark is the value, in its text, or a part of it; with `records`, also in a field of a record."""
    if isinstance(value, str) and isinstance(mark, tuple):
        return "/" not in value and any(text in value for text in mark)  # Not in a folder's path.
    if isinstance(value, str):
        return str(mark) in value
    if isinstance(value, (int, float)):
        return not isinstance(mark, tuple) and value == mark
    if type(value).__name__ == "Override":  # Hydra's, of the one override that was typed.
        return str(mark) in str(value.input_line)
    if depth == 0:
        return False
    parts: Iterable[Any] = ()
    if type(value) is dict:  # Others, such as OmegaConf's, do something when they are read.
        parts = list(value.values())
    elif isinstance(value, (list, tuple)):
        parts = value
    elif records and is_dataclass(value) and not isinstance(value, type):
        parts = [getattr(value, field.name, None) for field in fields(value)]
    return any(holds(part, mark, depth - 1, records=records) for part in parts)


class Walk:
    """The files that handle a mark, in order.

    Args:
        mark: see `Mark`.
        depth: how far lists, dicts and records are looked into.
        returns: whether a function that returns the mark counts as well.
        records: whether dataclasses are looked into.
        log: a file that each step is appended to, by several processes.
    """

    def __init__(
        self,
        mark: Mark,
        *,
        depth: int = DEPTH,
        returns: bool = True,
        records: bool = False,
        log: Path | None = None,
    ) -> None:
        self._mark, self._depth, self._events = mark, depth, ("call", "return") if returns else ("call",)
        self._records, self._log = records, log
        self.steps: list[str] = []

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """For `sys.setprofile`."""
        code = frame.f_code
        if event not in self._events or not code.co_filename.startswith(PACKAGE):
            return
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        values = [frame.f_locals.get(name) for name in names] if event == "call" else [argument]
        if any(holds(value, self._mark, self._depth, records=self._records) for value in values):
            self._note(str(Path(code.co_filename).relative_to(ROOT)))

    def _note(self, file: str) -> None:
        if self.steps[-1:] == [file]:
            return
        self.steps.append(file)
        if self._log is not None:
            append(self._log, file)

    @property
    def files(self) -> list[str]:
        """Each once, as they are first entered."""
        return list(dict.fromkeys(self.steps))

    @property
    def revisits(self) -> list[str]:
        """The files that are entered again after another one was, once for each time."""
        return [file for at, file in enumerate(self.steps) if file in self.steps[:at]]

    def then(self, other: Walk) -> Walk:
        """This walk, gone on with by another."""
        both = Walk(self._mark)
        for file in [*self.steps, *other.steps]:
            if both.steps[-1:] != [file]:
                both.steps.append(file)
        return both


def append(log: Path, step: str) -> None:
    """Adds a line to a log of several processes."""
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{step}\n")


def follow(walk: Walk) -> None:
    """Begins a walk in this process, and in the threads that it starts from now on."""
    threading.setprofile(walk)  # Trackers write in threads of their own.
    sys.setprofile(walk)


def followed(walk: Walk, work: Callable[[], Any]) -> Walk:
    """The walk while `work` runs."""
    follow(walk)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return walk


def override() -> list[tuple[str, Walk]]:
    """`algorithm.lr=...` from `compose` to RLlib's builder."""
    import gymnasium

    import rlexp
    from rlexp.run.building.algorithm_config import build

    text = f"algorithm.lr={LEARNING_RATE}"
    config = rlexp.compose(
        [text, "tracking=none"]
    )  # First, since imports take long where each call is looked at.
    composed = followed(Walk(LEARNING_RATE, returns=False), lambda: rlexp.compose([text, "tracking=none"]))
    env = gymnasium.make("CartPole-v1")
    spaces = env.observation_space, env.action_space
    built = followed(Walk(LEARNING_RATE, returns=False), lambda: build(config, spaces))
    parts = [("from compose to the typed config", composed), ("from there to RLlib's builder", built)]
    return [*parts, ("from compose to RLlib's builder", composed.then(built))]


def metric() -> list[tuple[str, Walk]]:
    """A number that a callback logs at the end of an episode, from the env runner to the trackers."""
    source = f"""
        from rlexp.engine.run_callback import RunCallback
        from rlexp.metrics.log import log_metric

        class Marked(RunCallback):
            def on_episode_end(self, *, metrics_logger, **kwargs):
                log_metric(metrics_logger, "mark", {METRIC})
    """
    words = ["env=cartpole", "+callbacks.marked={_target_: walked_metric.Marked}", "trusted=+walked_metric"]
    walk = _trained(Walk(METRIC), "walked_metric", source, words)
    return [("from the runner to the trackers", walk)]


def task() -> list[tuple[str, Walk]]:
    """A task, from the teacher to the environment, and its outcome back."""
    source = f"""
        from typing import Any
        import gymnasium
        import numpy as np
        from rlexp.curriculum.teacher import Teacher
        from rlexp.environment.tasks.directive import Fixed

        class Marked(Teacher):
            complete = False

            def __init__(self, space, *, seed, sample=None):
                pass

            def directive(self):
                return Fixed({{"level": {TASK}}})

            def update(self, outcomes, progress):
                return False

            def metrics(self):
                return {{}}

            def state_dict(self):
                return {{}}

            def load_state_dict(self, state):
                pass

        class Level(gymnasium.Env):
            observation_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
            action_space = gymnasium.spaces.Discrete(2)

            def __init__(self, level: float = 1) -> None:
                self.level, self.at = level, 0

            def set_task(self, task: Any) -> None:
                self.level = task["level"]

            def reset(self, **kwargs: Any) -> Any:
                self.at = 0
                return np.zeros(2, np.float32), {{}}

            def step(self, action: Any) -> Any:
                self.at += 1
                return np.zeros(2, np.float32), 1.0, self.at == 5, False, {{"success": True}}
    """
    words = ["env=gym", "env.id=walked_task.Level", "trusted=+walked_task", "curriculum=uniform"]
    words += [
        "curriculum.teacher={_target_: walked_task.Marked}",
        "curriculum.tasks={level: {box: [0, 1000]}}",
    ]
    walk = _trained(Walk(TASK, depth=RECORDS_DEPTH, records=True), "walked_task", source, words)
    return [("from the teacher to the environment and back", walk)]


def _trained(walk: Walk, module: str, source: str, words: list[str]) -> Walk:
    """The walk through a small run, whose config names parts of a module that is made of `source`."""
    import rlexp

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        sys.path.insert(0, folder)
        try:
            small = ["debug=tiny", f"runs_dir={folder}", "name=walk", "tracking=tensorboard"]
            config = rlexp.compose([*words, *small])
            outcomes: list[rlexp.Outcome] = []
            followed(walk, lambda: outcomes.append(rlexp.train(config)))
        finally:
            sys.path.remove(folder)
    if outcomes[0].status != "done":
        raise SystemExit(f"the run failed: {outcomes[0].error}")
    return walk


FIRST_STEP = "first env step"
_FOLLOW = """
    import os
    import sys
    from pathlib import Path
    import walks

    # The sweep's process and those that Ray forks or starts for trials; others of Ray's would start too slowly.
    if any(word.endswith(("rlexp.cli.main", "default_worker.py", "fork_server.py")) for word in sys.orig_argv):
        walks.follow(walks.Walk(walks.TRIAL, depth=1, records=True, log=Path(os.environ[walks.LOG])))
"""
_FIRST_STEP = """
    import os
    import sys
    from pathlib import Path
    import gymnasium
    import walks

    class Marked(gymnasium.Wrapper):
        def __init__(self, **kwargs):
            super().__init__(gymnasium.make("CartPole-v1"))

        def step(self, action):
            frame, files = sys._getframe(), set()
            while frame is not None:
                files.add(frame.f_code.co_filename)
                frame = frame.f_back
            if any("/rlexp/engine/sampling/" in file for file in files):  # Not where it is only tried.
                walks.append(Path(os.environ[walks.LOG]), walks.FIRST_STEP)
            return self.env.step(action)
"""


def trial() -> list[tuple[str, Walk]]:
    """A sweep's first trial, from the command line to its first env step, in the sweep's process and its own."""
    steps = Walk(TRIAL)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "steps")
        Path(folder, "walked_trial.py").write_text(textwrap.dedent(_FIRST_STEP), encoding="utf-8")
        # Python imports it as it starts, in each process.
        Path(folder, "sitecustomize.py").write_text(textwrap.dedent(_FOLLOW), encoding="utf-8")
        words = [
            "-m",
            SWEPT,
            "env=gym",
            "env.id=walked_trial.Marked",
            "trusted=+walked_trial",
        ]
        words += [
            "debug=tiny",
            "tracking=none",
            f"sweep.dir={folder}",
            "sweep.name=walk",
            "sweep.concurrency=1",
        ]
        places = [folder, str(ROOT / "tools"), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, places)),
            LOG: str(log),
        }
        command = [sys.executable, "-m", "rlexp.cli.main", *words]
        done = subprocess.run(
            command, env=environment, cwd=folder, text=True, capture_output=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"the sweep failed:\n{done.stdout}{done.stderr}")
        lines = log.read_text(encoding="utf-8").splitlines()
    steps.steps = lines[: lines.index(FIRST_STEP)]
    return [("from the command line to its first step", steps)]


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
            print(f"{name}, {part}: {len(walk.files)} files, {len(walk.revisits)} times back to one of them")
            for file in walk.files:
                print(f"  {file}" + ("   (entered again)" if file in walk.revisits else ""))


if __name__ == "__main__":
    main()

"""Which files a value passes on its way through the package, from the command line to where it does something.

    python tools/walks.py              # all
    python tools/walks.py override metric

A made-up value that appears nowhere else is followed: each call of a function of this package whose arguments hold it,
as a number, in a text, or in a list or dict of such, is a step. Printed are the files in the order in which they are
first entered, and how often the walk comes back to one that it had left.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DEPTH = 2
"""The value, a list or dict of it, a dict of such dicts; whole configs that are only passed on do not count."""
LEARNING_RATE, METRIC, TASK = 0.000312345, 31 / 1024, 733
"""Made-up values; sums and means of the second are exact."""


def holds(value: Any, mark: float, depth: int = DEPTH) -> bool:
    """Whether the mark is the value, in its text, or a part of it."""
    if isinstance(value, str):
        return str(mark) in value
    if isinstance(value, (int, float)):
        return value == mark
    if depth == 0:
        return False
    if type(value) is dict:  # Others, such as OmegaConf's, do something when they are read.
        return any(holds(each, mark, depth - 1) for each in value.values())
    return isinstance(value, (list, tuple)) and any(holds(each, mark, depth - 1) for each in value)


class Walk:
    """The files that handle a mark, in order."""

    def __init__(self, mark: float) -> None:
        self._mark = mark
        self.steps: list[str] = []

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """For `sys.setprofile`."""
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(str(ROOT / "rlexp")):
            return
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if any(holds(frame.f_locals.get(name), self._mark) for name in names):
            file = str(Path(code.co_filename).relative_to(ROOT))
            if self.steps[-1:] != [file]:
                self.steps.append(file)


def followed(mark: float, work: Callable[[], Any]) -> Walk:
    """The walk of a mark while `work` runs."""
    walk = Walk(mark)
    threading.setprofile(walk)  # Trackers write in threads of their own.
    sys.setprofile(walk)
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
    composed = followed(LEARNING_RATE, lambda: rlexp.compose([text, "tracking=none"]))
    config = rlexp.compose([text, "tracking=none"])
    env = gymnasium.make("CartPole-v1")
    spaces = env.observation_space, env.action_space
    built = followed(LEARNING_RATE, lambda: build(config, spaces))
    return [("from compose to the typed config", composed), ("from there to RLlib's builder", built)]


def metric() -> list[tuple[str, Walk]]:
    """A number that a callback logs at the end of an episode, from the env runner to the trackers."""
    source = f"""
        from rlexp.engine.run_callback import RunCallback
        from rlexp.metrics.log import log_metric

        class Marked(RunCallback):
            def on_episode_end(self, *, metrics_logger, **kwargs):
                log_metric(metrics_logger, "mark", {METRIC})
    """
    words = ["env=cartpole", "+callbacks.marked={_target_: walk_parts.Marked}", "trusted=+walk_parts"]
    return [("from the runner to the trackers", _trained(METRIC, source, words))]


def task() -> list[tuple[str, Walk]]:
    """A task, from the teacher to the environment, and its outcome back."""
    source = """
        from typing import Any
        import gymnasium
        import numpy as np

        class Level(gymnasium.Env):
            observation_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
            action_space = gymnasium.spaces.Discrete(2)

            def __init__(self, level: int = 1) -> None:
                self.level, self.at = level, 0

            def set_task(self, task: Any) -> None:
                self.level = task["level"]

            def reset(self, **kwargs: Any) -> Any:
                self.at = 0
                return np.zeros(2, np.float32), {}

            def step(self, action: Any) -> Any:
                self.at += 1
                return np.zeros(2, np.float32), 1.0, self.at == 5, False, {"success": True}
    """
    words = ["env=gym", "env.id=walk_parts.Level", "trusted=+walk_parts", "curriculum=uniform"]
    words += [f"curriculum.tasks={{level: {{choice: [{TASK}, {TASK + 1}]}}}}"]
    return [("from the teacher to the environment and back", _trained(TASK, source, words))]


def _trained(mark: float, source: str, words: list[str]) -> Walk:
    """The walk of a mark in a small run, whose config names parts of the module `walk_parts`."""
    import rlexp

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "walk_parts.py").write_text(textwrap.dedent(source), encoding="utf-8")
        sys.path.insert(0, folder)
        try:
            small = ["debug=tiny", f"runs_dir={folder}", "name=walk", "tracking=tensorboard"]
            config = rlexp.compose([*words, *small])
            outcomes: list[rlexp.Outcome] = []
            walk = followed(mark, lambda: outcomes.append(rlexp.train(config)))
        finally:
            sys.path.remove(folder)
    if outcomes[0].status != "done":
        raise SystemExit(f"the run failed: {outcomes[0].error}")
    return walk


WALKS: dict[str, Callable[[], list[tuple[str, Walk]]]] = {
    "override": override,
    "metric": metric,
    "task": task,
}


def main() -> None:
    """Prints the walks that are named."""
    parser = argparse.ArgumentParser(description="the files that a value passes")
    parser.add_argument("walks", nargs="*", default=list(WALKS), metavar="WALK", help=", ".join(WALKS))
    for name in parser.parse_args().walks:
        for part, walk in WALKS[name]():
            files = list(dict.fromkeys(walk.steps))
            print(f"{name}, {part}: {len(files)} files")
            for file in files:
                print(f"  {file}")


if __name__ == "__main__":
    main()

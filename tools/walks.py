"""Which files a value passes on its way through the package, from the command line to where it does something.

    python tools/walks.py

A made-up value that appears nowhere else is followed: each call of a function of this package whose arguments hold it,
as a number, in a text, or in a list or dict of such, is a step. Printed are the files in the order in which they are
first entered, and how often the walk comes back to one that it had left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DEPTH = 2
"""The value, a list or dict of it, a dict of such dicts; whole configs that are only passed on do not count."""
LEARNING_RATE = 0.000312345


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
    sys.setprofile(walk)
    try:
        work()
    finally:
        sys.setprofile(None)
    return walk


def override() -> Iterator[tuple[str, Walk]]:
    """`algorithm.lr=...` from `compose` to RLlib's builder."""
    import gymnasium

    import rlexp
    from rlexp.run.building.algorithm_config import build

    text = f"algorithm.lr={LEARNING_RATE}"
    yield (
        "override, to the typed config",
        followed(LEARNING_RATE, lambda: rlexp.compose([text, "tracking=none"])),
    )
    config = rlexp.compose([text, "tracking=none"])
    env = gymnasium.make("CartPole-v1")
    spaces = env.observation_space, env.action_space
    yield "override, to RLlib's builder", followed(LEARNING_RATE, lambda: build(config, spaces))


def main() -> None:
    """Prints the walks."""
    for name, walk in override():
        files = list(dict.fromkeys(walk.steps))
        print(f"{name}: {len(files)} files, {len(walk.steps) - len(files)} returns")
        for file in files:
            print(f"  {file}" + (f" ({walk.steps.count(file)} times)" if walk.steps.count(file) > 1 else ""))


if __name__ == "__main__":
    main()

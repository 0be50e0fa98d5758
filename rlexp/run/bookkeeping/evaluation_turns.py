"""Which iterations evaluate: RLlib counts iterations alone; here env steps count, too."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlexp.compat import rllib

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm

INTERVAL = "evaluation_interval"


def passed(every: int | None, before: int, after: int) -> bool:
    """Whether a multiple of `every` lies above `before` and not above `after`."""
    return every is not None and after // every > before // every


def next_multiple(every: int | None, steps: int) -> int | None:
    """The first multiple of `every` above `steps`."""
    return None if every is None else (steps // every + 1) * every


@dataclass
class EvaluationTurns:
    """When a run evaluates; one of `every` and `every_env_steps` counts, the latter if both are there.

    Attributes:
        every: iterations between evaluations.
        every_env_steps: env steps between evaluations: each multiple is evaluated at, by the iteration that reaches it.
        at: more env steps that are evaluated at, rising: where a sweep compares its trials.
        was_due: whether the last iteration should have evaluated.
    """

    every: int | None = None
    every_env_steps: int | None = None
    at: Sequence[int] = ()
    was_due: bool = False

    @property
    def by_iterations(self) -> bool:
        """Whether RLlib's own rule is enough."""
        return self.every_env_steps is None and not self.at

    def due(self, iteration: int, before: int, after: int) -> bool:
        """Whether an iteration evaluates, by its number (from 1) and the env steps before and after it."""
        by_count = self.every is not None and self.every_env_steps is None and iteration % self.every == 0
        by_steps = passed(self.every_env_steps, before, after)
        return by_count or by_steps or any(before < steps <= after for steps in self.at)

    def next_after(self, steps: int) -> list[int]:
        """The env steps at which an iteration should end, so that it is evaluated there."""
        multiple = next_multiple(self.every_env_steps, steps)
        following = [each for each in self.at if each > steps][:1]
        return [*([] if multiple is None else [multiple]), *following]


@contextmanager
def taking_turns(
    algorithm: Algorithm,
    turns: EvaluationTurns,
    progress: Callable[[Any], int],
    last: tuple[int, int],
    spent: Callable[[float], None],
) -> Iterator[None]:
    """Meanwhile `algorithm.train()` evaluates where `turns` say so.

    Beside training, an evaluation begins with an iteration and so cannot know where that will end: it follows the
    iteration that reached the step.

    Args:
        algorithm: whose `train` is called inside, once.
        turns: see there; `was_due` is set.
        progress: env steps of the run, resumes included, from the results of a training iteration.
        last: env steps before and after the iteration before this one.
        spent: called with the seconds of an evaluation that training waited for.
    """
    config = algorithm.config
    interval, iteration = getattr(config, INTERVAL), algorithm.iteration + 1
    turns.was_due = False
    if interval is None:
        yield
        return
    beside, after = config.evaluation_parallel_to_training, last[1]
    train, evaluate = rllib.stock_iteration(algorithm)

    def trained() -> Any:
        nonlocal after
        results = train()
        after = progress(results[0])
        return results

    def evaluated(parallel_train_future: Any = None) -> Any:
        if not beside and not turns.due(iteration, last[1], after):
            return {}
        turns.was_due = True
        begin = time.monotonic()
        results = evaluate(parallel_train_future=parallel_train_future)
        if not beside:
            spent(time.monotonic() - begin)
        return results

    if not turns.by_iterations:
        asked = not beside or turns.due(iteration, *last)
        object.__setattr__(config, INTERVAL, 1 if asked else None)  # RLlib freezes it.
    try:
        with rllib.iteration_by(algorithm, trained, evaluated):
            yield
    finally:
        object.__setattr__(config, INTERVAL, interval)

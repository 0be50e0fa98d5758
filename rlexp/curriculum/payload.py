"""What an env runner needs to draw tasks, and how it draws them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlexp.curriculum.directive import Directive, Draw


@dataclass(frozen=True)
class Payload:
    """A directive on its way to the environments.

    Attributes:
        directive: to draw tasks from.
        version: rises whenever the teacher changes its mind.
        base: finished episodes that the teacher had seen; rises with every training iteration that has any.
        seed: of the curriculum.
        generation: rises with every restore of this process's run, because versions and bases may be the same
            before it and after.
        with_signals: whether outcomes go to the learner first, which adds the signals.
        leaves_out: whether the learner leaves out episodes that are not to be learnt from.
    """

    directive: Directive
    version: int
    base: int
    seed: int
    generation: int = 0
    with_signals: bool = False
    leaves_out: bool = False

    @property
    def age(self) -> tuple[int, int, int]:
        """Greater for newer ones; no two payloads of a process's run that differ have the same."""
        return self.generation, self.version, self.base

    def draw(self, slot: int, count: int) -> Draw:
        """The sub-environment `slot`'s task number `count` since it got this payload.

        A pure function of what stands here, so that a run that is resumed, a runner that is started anew and
        environments in other processes go on with the stream that would have come.
        """
        rng = np.random.Generator(np.random.PCG64([self.seed, self.base, slot, count]))
        return self.directive.sample(rng, slot)

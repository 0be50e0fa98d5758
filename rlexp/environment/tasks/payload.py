"""What an env runner needs to draw tasks, and how it draws them."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from rlexp.base.moved_names import renamed_fields
from rlexp.environment.tasks.directive import Directive, Draw


class _DrawStream(threading.local):
    """One generator a thread, put wherever a stream begins: making one takes ten times as long."""

    def __init__(self) -> None:
        self._bits = np.random.Philox(0)
        self._generator = np.random.Generator(self._bits)
        self._state = self._bits.state

    def at(self, key: tuple[int, int], place: tuple[int, int]) -> np.random.Generator:
        """The generator at the beginning of a stream, until the next call.

        Philox is counter-based (Salmon et al. 2011): two keys, or two places, have nothing in common.
        """
        self._state["state"]["key"][:] = key
        self._state["state"]["counter"][:] = (0, 0, *place)
        self._bits.state = self._state
        return self._generator


_STREAM = _DrawStream()


@renamed_fields(leaves_out="excludes_episodes")
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
        excludes_episodes: whether the learner leaves out episodes that are not to be learnt from.
    """

    directive: Directive
    version: int
    base: int
    seed: int
    generation: int = 0
    with_signals: bool = False
    excludes_episodes: bool = False

    @property
    def age(self) -> tuple[int, int, int]:
        """Greater for newer ones; no two payloads of a process's run that differ have the same."""
        return self.generation, self.version, self.base

    def draw(self, env_index: int, count: int) -> Draw:
        """The sub-environment `env_index`'s task number `count` since it got this payload.

        A pure function of what stands here, so that a run that is resumed, a runner that is started anew and
        environments in other processes go on with the stream that would have come.
        """
        return self.directive.sample(_STREAM.at((self.seed, self.base), (env_index, count)), env_index)

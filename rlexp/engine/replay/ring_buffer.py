"""A ring of slots for experience: a column an array, each observation stored once, steps linked to their successors.

A slot holds an observation and the step made from it. A position counts slots over the ring's life, so that
`position % size` is its place and positions below `tail` are gone. Steps of all streams (env runner times
sub-environment) lie in the order in which they came; `delta` leads from a step to the slot of the next observation
of its stream, so fragments may differ in length, streams may appear late, and runners may alternate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tree
from numpy.typing import NDArray

from rlexp.engine.rollout import Columns, Rollout

TERMINATED, TRUNCATED, LIVE, FIRST = np.uint8(1), np.uint8(2), np.uint8(4), np.uint8(8)
"""Bits of a slot's flags; LIVE: a step was made here and its successor is known; FIRST: the first of an episode."""

DONE = np.uint8(3)

_SMALLEST = 1024

Positions = NDArray[np.int64]


class StepRing:
    """Slots for experience, grown as it comes in, dropped oldest first.

    Args:
        expected: steps that will be held in the end; few more slots than these are made in advance.
    """

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self.size, self.head, self.tail = 0, 0, 0
        self.steps = 0  # Live slots.
        self._observations: list[NDArray[Any]] = []
        self._actions: list[NDArray[Any]] = []
        self._forms: tuple[Any, Any] | None = None
        self.rewards = np.zeros(0, np.float32)
        self._delta = np.zeros(0, np.int32)
        self._flags = np.zeros(0, np.uint8)

    def append_observations(self, observations: Columns, actions: Columns) -> int:
        """Rows that no step has been made from yet, [N, ...]; `actions` shows their form.

        Returns:
            The position of the first; the others follow.
        """
        rows = len(tree.flatten(observations)[0])
        first = self._extend(rows, observations, actions)
        slots = self._slots(first, rows)
        self._put(self._observations, slots, tree.flatten(observations))
        self._flags[slots] = 0
        return first

    def append_rollout(self, rollout: Rollout, first: int, fresh: NDArray[np.bool_]) -> Positions:
        """The rollout's steps and the observations that follow them; those of its first row are at `first`.

        Args:
            rollout: T vector steps of N sub-environments.
            first: position of the N slots that hold `rollout.observations[0]`.
            fresh: [N], whether that row begins an episode.

        Returns:
            Positions of the valid steps, in the order of time.
        """
        steps, envs = rollout.rewards.shape
        following = tree.map_structure(lambda leaf: _flat(leaf[1:]), rollout.observations)
        actions = tree.map_structure(_flat, rollout.actions)
        start = self._extend(steps * envs, following, actions)
        self._put(self._observations, self._slots(start, steps * envs), tree.flatten(following))
        flags = _flags(rollout, fresh)
        leaves, rewards = tree.flatten(actions), rollout.rewards
        self._put_steps(
            self._slots(first, envs), [a[:envs] for a in leaves], rewards[0], start - first, flags[0]
        )
        later = self._slots(start, (steps - 1) * envs)
        self._put_steps(later, [a[envs:] for a in leaves], rewards[1:].ravel(), envs, flags[1:].ravel())
        self._flags[self._slots(start + (steps - 1) * envs, envs)] = 0
        where = np.concatenate(
            [np.arange(first, first + envs), np.arange(start, start + len(rewards[1:]) * envs)]
        )
        live: Positions = where[(flags.ravel() & LIVE) != 0]
        self.steps += len(live)
        return live

    def drop(self, steps: int) -> Positions:
        """Forgets the `steps` oldest steps, or all there are.

        Returns:
            Their positions.
        """
        if steps <= 0:
            return np.zeros(0, np.int64)
        if steps >= self.steps:
            gone = self.live(self.tail, self.head)
            self.tail, self.steps = self.head, 0
            return gone
        width = 2 * steps
        while True:
            gone = self.live(self.tail, min(self.tail + width, self.head))
            if len(gone) >= steps:
                break
            width *= 2
        gone = gone[:steps]
        self.tail, self.steps = int(gone[-1]) + 1, self.steps - steps
        return gone

    def live(self, start: int, stop: int) -> Positions:
        """Positions of the steps from `start` to `stop`."""
        positions = np.arange(start, stop)
        return positions[(self._flags[positions % self.size] & LIVE) != 0] if self.size else positions

    def draw(self, count: int, generator: np.random.Generator) -> Positions:
        """`count` steps, uniformly with replacement; there must be one."""
        drawn = generator.integers(self.tail, self.head, count)
        good = drawn[(self._flags[drawn % self.size] & LIVE) != 0]
        while len(good) < count:
            drawn = generator.integers(self.tail, self.head, 2 * (count - len(good)))
            good = np.concatenate([good, drawn[(self._flags[drawn % self.size] & LIVE) != 0]])
        return good[:count]

    def follow(self, slots: Positions, positions: Positions) -> tuple[NDArray[np.uint8], Positions]:
        """Flags of the steps, and the positions of the observations after them."""
        return self._flags[slots], positions + self._delta[slots]

    def flags(self, positions: Positions) -> NDArray[np.uint8]:
        """Flags by position."""
        return self._flags[positions % self.size]

    def observations(self, positions: Positions) -> Columns:
        """Observations by position, nested as they came."""
        assert self._forms is not None
        leaves = [column[positions % self.size] for column in self._observations]
        return leaves[0] if self._forms[0] is None else tree.unflatten_as(self._forms[0], leaves)

    def actions(self, slots: Positions) -> Columns:
        """Actions by slot, nested as they came."""
        assert self._forms is not None
        leaves = [column[slots] for column in self._actions]
        return leaves[0] if self._forms[1] is None else tree.unflatten_as(self._forms[1], leaves)

    def nbytes(self) -> int:
        """Bytes that the columns take."""
        return sum(column.nbytes for column in self._columns())

    def get_state(self) -> dict[str, Any]:
        """What is held, oldest first, and nothing more."""
        order = np.arange(self.tail, self.head) % max(self.size, 1)
        rest: list[NDArray[Any]] = [self.rewards, self._delta, self._flags]
        columns = [self._observations, self._actions, rest]
        held = [[column[order] for column in group] for group in columns]
        return {"head": self.head, "steps": self.steps, "forms": self._forms, "columns": held}

    def set_state(self, state: dict[str, Any]) -> None:
        """Puts back what `get_state` gave."""
        self._forms, self.head, self.steps = state["forms"], state["head"], state["steps"]
        self._observations, self._actions, rest = [[np.array(c) for c in g] for g in state["columns"]]
        self.rewards, self._delta, self._flags = rest
        self.size = len(self.rewards)
        self.tail = self.head - self.size
        if self.size:
            shift = self.head % self.size
            self._replace(lambda column: np.roll(column, shift, axis=0))

    def _extend(self, rows: int, observations: Columns, actions: Columns) -> int:
        if self._forms is None:
            self._forms = (_form(observations), _form(actions))
            self._observations = [_empty(leaf) for leaf in tree.flatten(observations)]
            self._actions = [_empty(leaf) for leaf in tree.flatten(actions)]
        first, self.head = self.head, self.head + rows
        needed = self.head - self.tail
        if needed > self.size:
            ahead = min(max(_SMALLEST, self.size + self.size // 8), self._expected + self._expected // 32)
            self._grow(max(needed, ahead), held=needed - rows)
        return first

    def _grow(self, size: int, held: int) -> None:
        """More slots; what is held keeps its positions, so it moves where the ring has wrapped."""
        positions = np.arange(self.tail, self.tail + held)
        old, new = positions % max(self.size, 1), positions % size
        moves = bool(np.any(old != new))

        def grown(column: NDArray[Any]) -> NDArray[Any]:
            shape = (size, *column.shape[1:])
            if not moves:
                # In place: the allocator can remap the pages of a large column instead of copying them.
                column.resize(shape, refcheck=False)
                return column
            larger = np.zeros(shape, column.dtype)
            larger[new] = column[old]
            return larger

        self._replace(grown)
        self.size = size

    def _replace(self, change: Any) -> None:
        self._observations = [change(column) for column in self._observations]
        self._actions = [change(column) for column in self._actions]
        self.rewards, self._delta = change(self.rewards), change(self._delta)
        self._flags = change(self._flags)

    def _columns(self) -> list[NDArray[Any]]:
        return [*self._observations, *self._actions, self.rewards, self._delta, self._flags]

    def _slots(self, first: int, count: int) -> Any:
        """A slice, so that a copy is one block move, or indices where the ring wraps."""
        start = first % self.size
        if start + count <= self.size:
            return slice(start, start + count)
        return np.arange(first, first + count) % self.size

    def _put(self, columns: list[NDArray[Any]], slots: Any, leaves: list[NDArray[Any]]) -> None:
        for column, leaf in zip(columns, leaves, strict=True):
            column[slots] = leaf

    def _put_steps(
        self,
        slots: Any,
        actions: list[NDArray[Any]],
        rewards: NDArray[Any],
        delta: int,
        flags: NDArray[np.uint8],
    ) -> None:
        self._put(self._actions, slots, actions)
        self.rewards[slots], self._delta[slots], self._flags[slots] = rewards, delta, flags


def _flags(rollout: Rollout, fresh: NDArray[np.bool_]) -> NDArray[np.uint8]:
    begins = np.concatenate([fresh[None], ~rollout.valid[:-1]])
    bits = rollout.terminated * TERMINATED + rollout.truncated * TRUNCATED + LIVE + begins * FIRST
    flags: NDArray[np.uint8] = np.where(rollout.valid, bits, 0).astype(np.uint8)
    return flags


def _flat(leaf: NDArray[Any]) -> NDArray[Any]:
    """[T, N, ...] to [T * N, ...]."""
    return leaf.reshape(-1, *leaf.shape[2:])


def _form(columns: Columns) -> Any:
    return tree.map_structure(lambda _: 0, columns) if tree.is_nested(columns) else None


def _empty(leaf: NDArray[Any]) -> NDArray[Any]:
    """No networks of this project compute in double precision, so float64 is kept as float32."""
    dtype = np.dtype(np.float32) if leaf.dtype == np.float64 else leaf.dtype
    return np.zeros((0, *leaf.shape[1:]), dtype)

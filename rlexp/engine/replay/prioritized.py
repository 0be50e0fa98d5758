"""Prioritised replay over columns: RLlib's `PrioritizedEpisodeReplayBuffer` (Schaul et al. 2016), vectorised.

As in stock: new steps get the greatest priority so far, draws are independent and proportional to priority ** alpha,
weights are scaled by the greatest that any held step could have, and a step with fewer than n known ones ahead is
drawn anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlexp.engine.replay.replay_batch import ReplayBatch
from rlexp.engine.replay.ring_buffer import Positions
from rlexp.engine.replay.sum_tree import SumTree
from rlexp.engine.replay.uniform import ColumnarReplay, NStep

_SMALLEST = 1e-12
_PATIENCE = 1000
"""Rounds of drawing anew before it is said that nothing can be drawn."""


class PrioritizedColumnarReplay(ColumnarReplay):
    """Holds the last `capacity` env steps with a priority each."""

    def __init__(self, capacity: int = 10000, *, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(capacity=capacity, **kwargs)
        if alpha < 0:
            raise ValueError(f"alpha={alpha}: must not be negative")
        self._alpha = alpha
        self._max_priority = 1.0
        # A position's leaf is its remainder, so that leaves stay where they are while the ring turns.
        self._tree = SumTree(1)
        self._last_drawn: Positions = np.zeros(0, np.int64)

    def _on_added(self, positions: Positions) -> None:
        if self._ring.head - self._ring.tail > self._tree.size:
            self._enlarge()
        self._tree.set(positions % self._tree.size, self._max_priority**self._alpha)

    def _on_dropped(self, positions: Positions) -> None:
        self._tree.set(positions % self._tree.size, 0.0)

    def _enlarge(self) -> None:
        held = self._ring.live(self._ring.tail, self._ring.head)
        tree = SumTree(self._ring.size)
        # Steps that were just added read some other leaf here; they get their priority next.
        tree.set(held % tree.size, self._tree.get(held % self._tree.size))
        self._tree = tree

    def _draw(self, count: int, n_step: NStep, gamma: float, beta: float) -> ReplayBatch:
        drawn, ahead = np.zeros(0, np.int64), np.zeros(0, np.int64)
        for _ in range(_PATIENCE):
            missing = count - len(drawn)
            positions = self._positions(missing)
            steps = self._steps_ahead(n_step, missing)
            batch, complete = self._gather(positions, steps, gamma)
            if missing == count and complete.all():
                drawn = positions
                break
            drawn, ahead = np.append(drawn, positions[complete]), np.append(ahead, steps[complete])
            self._counts.resampled(int(missing - np.count_nonzero(complete)))
            if len(drawn) == count:
                batch, _ = self._gather(drawn, ahead, gamma)
                break
        else:
            raise ValueError(f"no step has n_step={n_step} known steps ahead of it")
        self._last_drawn = drawn
        batch.weights, batch.prioritized = self._weights(drawn, beta), True
        return batch

    def _positions(self, count: int) -> Positions:
        tree, tail = self._tree, self._ring.tail
        leaves = tree.find(self.rng.random(count) * tree.total)
        return tail + (leaves - tail) % tree.size

    def _weights(self, positions: Positions, beta: float) -> NDArray[np.float32]:
        """(p / p_min) ** -beta: the number of steps and the sum cancel out."""
        priorities = self._tree.get(positions % self._tree.size)
        weights: NDArray[np.float32] = ((priorities / self._tree.least) ** -beta).astype(np.float32)
        return weights

    def update_priorities(self, priorities: NDArray[Any], module_id: str | None = None) -> None:
        """New priorities (usually absolute TD errors) of the items that were sampled last, in their order.

        Raises:
            ValueError: there are not as many as items.
        """
        drawn, self._last_drawn = self._last_drawn, self._last_drawn[:0]
        if len(priorities) != len(drawn):
            raise ValueError(f"{len(priorities)} priorities for {len(drawn)} items sampled last")
        raw = np.maximum(np.asarray(priorities, np.float64), _SMALLEST)
        held = drawn >= self._ring.tail
        self._tree.set(drawn[held] % self._tree.size, raw[held] ** self._alpha)
        self._max_priority = max(self._max_priority, float(raw.max(initial=0.0)))

    def get_state(self) -> dict[str, Any]:
        """See `ColumnarReplay`; with the priorities."""
        held = np.arange(self._ring.tail, self._ring.head)
        priorities = self._tree.get(held % self._tree.size)
        leaves, greatest = self._tree.size, self._max_priority
        return {**super().get_state(), "priorities": priorities, "leaves": leaves, "max_priority": greatest}

    def set_state(self, state: dict[str, Any]) -> None:
        """See `ColumnarReplay`."""
        super().set_state(state)
        self._tree = SumTree(state["leaves"])
        held = np.arange(self._ring.tail, self._ring.head)
        self._tree.set(held % self._tree.size, state["priorities"])
        self._max_priority = state["max_priority"]
        self._last_drawn = self._last_drawn[:0]

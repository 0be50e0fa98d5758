"""Uniform replay over columns: RLlib's `EpisodeReplayBuffer` for rollouts, with ready batches out of one gather.

The meaning is stock's: each transition is as likely as any other, n steps are summed, or fewer where an episode, or
what is known of it so far, ends before. As in stock, the discount's exponent stays n there, and `terminateds` is set
only where exactly n steps lead to the end. Two differences: the oldest steps make room, not entire episodes; and a
sample has the number of items asked for (stock's varies when n_step > 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tree
from numpy.typing import NDArray
from ray.rllib.core import DEFAULT_AGENT_ID, DEFAULT_MODULE_ID
from ray.rllib.utils.replay_buffers.episode_replay_buffer import EpisodeReplayBuffer

from rlexp.engine.replay.replay_batch import ReplayBatch
from rlexp.engine.replay.replay_counts import ReplayCounts
from rlexp.engine.replay.ring_buffer import DONE, FIRST, LIVE, TERMINATED, Positions, StepRing
from rlexp.engine.rollout import Rollout

NStep = int | tuple[int, int]


@dataclass(slots=True)
class _Stream:
    """Where a runner's next rollout goes on: the slots of its last observations."""

    first: int
    num_envs: int
    fresh: NDArray[np.bool_]


class ColumnarReplay(EpisodeReplayBuffer):
    """Holds the last `capacity` env steps of any number of streams.

    The constructor is stock's; its `batch_size_B` is the default number of items.
    """

    def __init__(self, capacity: int = 10000, **kwargs: Any) -> None:
        super().__init__(capacity=capacity, **kwargs)
        self._ring = StepRing(capacity)
        self._streams: dict[int, _Stream] = {}
        self._counts = ReplayCounts()
        self._added_steps = 0
        self._stored_episodes = 0
        self._evicted_episodes = 0

    def add(self, episodes: Sequence[Rollout] | Rollout, **kwargs: Any) -> None:
        """Stores rollouts, a block copy a column each; drops the oldest steps beyond the capacity."""
        for rollout in [episodes] if isinstance(episodes, Rollout) else episodes:
            if rollout.states is not None:
                raise ValueError("recurrent modules need sequences; this replay holds single transitions")
            if rollout.num_steps:
                self._add(rollout)

    def _add(self, rollout: Rollout) -> None:
        self._drop(self._ring.steps + len(rollout) - self.capacity)
        stream = self._stream(rollout)
        live = self._ring.append_rollout(rollout, stream.first, stream.fresh)
        stream.first, stream.fresh = self._ring.head - rollout.num_envs, ~rollout.valid[-1]
        episodes = int(np.count_nonzero(self._ring.flags(live) & FIRST)) if len(live) else 0
        self._stored_episodes += episodes
        self._added_steps += len(live)
        self._counts.added(len(live), episodes)
        self._on_added(live)
        self._drop(self._ring.steps - self.capacity)

    def _stream(self, rollout: Rollout) -> _Stream:
        """The stream that the rollout goes on with; a new one where nothing may be carried across."""
        known = self._streams.get(rollout.runner)
        if (
            known is not None
            and rollout.continues
            and known.num_envs == rollout.num_envs
            and known.first >= self._ring.tail
        ):
            return known
        goes_on = known is not None and rollout.continues and known.num_envs == rollout.num_envs
        fresh = known.fresh if known is not None and goes_on else np.ones(rollout.num_envs, bool)
        first = self._ring.append_observations(_row(rollout.observations, 0), _row(rollout.actions, 0))
        stream = self._streams[rollout.runner] = _Stream(first, rollout.num_envs, fresh)
        return stream

    def _drop(self, steps: int) -> None:
        gone = self._ring.drop(steps)
        if len(gone):
            episodes = int(np.count_nonzero(self._ring.flags(gone) & FIRST))
            self._stored_episodes -= episodes
            self._evicted_episodes += episodes
            self._counts.evicted(len(gone), episodes)
            self._on_dropped(gone)

    def _on_added(self, positions: Positions) -> None:
        """For a subclass that keeps something beside each step."""

    def _on_dropped(self, positions: Positions) -> None:
        """For a subclass that keeps something beside each step."""

    def sample(
        self,
        num_items: int | None = None,
        *,
        batch_size_B: int | None = None,  # noqa: N803  # stock's name
        n_step: NStep | None = 1,
        gamma: float = 0.99,
        beta: float | None = 0.0,
        batch_length_T: int | None = None,  # noqa: N803
        **kwargs: Any,
    ) -> ReplayBatch:
        """Draws transitions, with replacement.

        Args:
            num_items: number of transitions.
            batch_size_B: the same under stock's other name.
            n_step: steps to sum; (low, high) draws one for each item, `high` excluded, as in stock.
            gamma: discount.
            beta: exponent of the importance weights; of no effect where sampling is uniform.
            batch_length_T: stock's length of sequences; anything but None or 0 is refused.
            kwargs: stock's further arguments, all about episode objects.

        Raises:
            ValueError: the buffer is empty, or sequences were asked for.
        """
        if batch_length_T:
            raise ValueError("this replay gives single transitions, no sequences")
        if not self._ring.steps:
            raise ValueError("the replay is empty")
        count = num_items or batch_size_B or self.batch_size_B
        batch = self._draw(count, n_step or 1, gamma, beta or 0.0)
        self.sampled_timesteps += count
        self._counts.sampled(
            count, float(n_step or 1) if not isinstance(n_step, tuple) else batch.n_step.mean()
        )
        return batch

    def _draw(self, count: int, n_step: NStep, gamma: float, beta: float) -> ReplayBatch:
        positions = self._ring.draw(count, self.rng)
        batch, _ = self._gather(positions, self._steps_ahead(n_step, count), gamma)
        return batch

    def _steps_ahead(self, n_step: NStep, count: int) -> NDArray[np.int64]:
        if isinstance(n_step, int):
            return np.full(count, n_step)
        return self.rng.integers(n_step[0], n_step[1], count)

    def _gather(
        self, positions: Positions, ahead: NDArray[np.int64], gamma: float
    ) -> tuple[ReplayBatch, NDArray[np.bool_]]:
        """The transitions from `positions`, and which of them have all the `ahead` steps."""
        ring = self._ring
        slots = positions % ring.size
        flags, reached = ring.follow(slots, positions)
        rewards, complete = ring.rewards[slots], ahead <= 1
        if not complete.all():
            rewards, flags, reached, complete = self._sum_ahead(rewards, flags, reached, ahead, gamma)
        ends = np.where(complete, flags & DONE, 0)
        batch = ReplayBatch(
            obs=ring.observations(positions),
            new_obs=ring.observations(reached),
            actions=ring.actions(slots),
            rewards=rewards,
            terminateds=(ends & TERMINATED) != 0,
            truncateds=(ends & ~TERMINATED) != 0,
            n_step=ahead,
            weights=np.ones(len(positions), np.float32),
        )
        return batch, complete

    def _sum_ahead(
        self,
        rewards: NDArray[np.float32],
        flags: NDArray[np.uint8],
        reached: Positions,
        ahead: NDArray[np.int64],
        gamma: float,
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8], Positions, NDArray[np.bool_]]:
        """Goes on along each stream until `ahead` steps are summed or nothing follows."""
        ring, total = self._ring, rewards.astype(np.float64)
        made = np.ones(len(ahead), np.int64)
        for step in range(1, int(ahead.max())):
            slots = reached % ring.size
            next_flags, next_reached = ring.follow(slots, reached)
            goes_on = (ahead > step) & (made == step) & ((flags & DONE) == 0) & ((next_flags & LIVE) != 0)
            if not goes_on.any():
                break
            total += np.where(goes_on, gamma**step * ring.rewards[slots], 0.0)
            flags, reached = np.where(goes_on, next_flags, flags), np.where(goes_on, next_reached, reached)
            made += goes_on
        return total.astype(np.float32), flags, reached, made >= ahead

    def get_num_timesteps(self, module_id: str | None = None) -> int:
        """Env steps held."""
        return self._ring.steps

    def get_num_episodes(self, module_id: str | None = None) -> int:
        """Episodes whose first step is held."""
        return self._stored_episodes

    def get_num_episodes_evicted(self, module_id: str | None = None) -> int:
        """Episodes whose first step has been dropped."""
        return self._evicted_episodes

    def get_added_timesteps(self, module_id: str | None = None) -> int:
        """Env steps ever added."""
        return self._added_steps

    def get_metrics(self) -> dict[str, Any]:
        """What happened since the last call, under stock's names (without its counts of unique items)."""
        ids = (DEFAULT_AGENT_ID, DEFAULT_MODULE_ID)
        self._counts.log(self, *ids, smoothing=self._metrics_num_episodes_for_smoothing)
        return self.metrics.reduce()

    def nbytes(self) -> int:
        """Bytes that the experience takes."""
        return self._ring.nbytes()

    def get_state(self) -> dict[str, Any]:
        """All that is held, compactly, and where the random generator stands."""
        return {
            "ring": self._ring.get_state(),
            "rng": self.rng.bit_generator.state,
            "sampled_timesteps": self.sampled_timesteps,
            "added": self._added_steps,
            "episodes": (self._stored_episodes, self._evicted_episodes),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Puts back what `get_state` gave.

        Raises:
            ValueError: the state is that of a stock buffer.
        """
        if "ring" not in state:
            raise ValueError("this state is of RLlib's own replay buffer, which holds episode objects")
        self._ring.set_state(state["ring"])
        # The environments start anew with a restored run: its streams must not go on with the old ones.
        self._streams = {}
        self.rng.bit_generator.state = state["rng"]
        self.sampled_timesteps, self._added_steps = state["sampled_timesteps"], state["added"]
        self._stored_episodes, self._evicted_episodes = state["episodes"]


def _row(columns: Any, index: int) -> Any:
    return tree.map_structure(lambda leaf: leaf[index], columns)

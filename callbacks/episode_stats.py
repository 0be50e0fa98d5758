"""Figures of each episode that a person looks at beside the return.

Imports RLlib through its base class, so it is imported only where training is about to start.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete

from rlexp.engine.run_callback import RunCallback
from rlexp.environment.multi_agent import last_info


class EpisodeStats(RunCallback):
    """Logs custom metrics per episode, in training and in evaluation:

    - `episode_len`: steps;
    - `reward_per_step`: return divided by steps, for episodes of unequal length;
    - `truncated`: 1 when a limit (of time, say) ended the episode rather than the environment;
    - `action_entropy`: of the actions taken, 0 (always the same one) to 1 (all equally often); discrete
    actions; - `action_std`: standard deviation over the episode, mean over dimensions; continuous actions; -
    `success`: 1 or 0, from the last step's info. An environment must tell it at the end of every episode: one
      without it counts as no figure, not as a failure. Of several agents, one that succeeds is enough.

    Args:
        metrics: which of these to log.
        success_keys: keys of the info that may hold success; the first one that is there counts.
    """

    ANY_VECTOR_ENV = True
    METRICS = ("episode_len", "reward_per_step", "truncated", "action_entropy", "action_std", "success")

    def __init__(
        self, metrics: Sequence[str] = METRICS, success_keys: Sequence[str] = ("success", "is_success")
    ) -> None:
        super().__init__()
        if unknown := [name for name in metrics if name not in self.METRICS]:
            known = ", ".join(self.METRICS)
            raise ValueError(f"EpisodeStats has no metric {', '.join(unknown)}; write one of {known}")
        self._wanted, self._success_keys = frozenset(metrics), tuple(success_keys)

    def on_episode_end(
        self,
        *,
        episode: Any,
        prev_episode_chunks: Sequence[Any] | None = None,
        metrics_logger: Any = None,
        env: Any = None,
        env_index: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Log the figures of the whole episode, the parts of it that earlier batches took included."""
        chunks = [*(prev_episode_chunks or ()), episode]
        info = last_info(episode, env, env_index) or {} if "success" in self._wanted else {}
        for name, value in self._figures(chunks, info).items():
            self.log_metric(metrics_logger, name, value)

    def _figures(self, chunks: Sequence[Any], info: dict[str, Any]) -> dict[str, float]:
        last = chunks[-1]
        # Not the sum of the chunks' lengths: a learner in this process lengthens those that it sees.
        steps = last.env_t if hasattr(last, "env_t") else last.t
        figures: dict[str, float] = {"episode_len": steps, "truncated": float(last.is_truncated)}
        if steps:
            figures["reward_per_step"] = sum(chunk.get_return() for chunk in chunks) / steps
        # With several agents, each has actions of its own.
        if not hasattr(last, "agent_episodes") and self._wanted & {"action_entropy", "action_std"}:
            figures |= action_figures(chunks, last.action_space)
        figures |= self._success(info)
        return {name: value for name, value in figures.items() if name in self._wanted}

    def _success(self, info: dict[str, Any]) -> dict[str, float]:
        for key in self._success_keys:
            if key in info:
                return {"success": float(np.asarray(info[key]).any())}
        return {}


def action_figures(chunks: Sequence[Any], space: Any) -> dict[str, float]:
    """How varied an episode's actions are: entropy for a `Discrete` space, deviation for a `Box`.

    Args:
        chunks: the episode's parts, `SingleAgentEpisode`s in order.
        space: the action space; others than these two give no figure.
    """
    if isinstance(space, Box):
        actions = np.asarray(_actions(chunks), np.float64)
        return {"action_std": float(actions.std(axis=0).mean())} if len(actions) else {}
    if not isinstance(space, Discrete) or space.n < 2:
        return {}
    # An episode is short: counting its actions one by one takes less than one call of NumPy's.
    counts = Counter(map(int, _actions(chunks)))
    steps = counts.total()
    entropy = -sum(count / steps * math.log(count / steps) for count in counts.values())
    return {"action_entropy": max(0.0, entropy / math.log(int(space.n)))} if steps else {}


def _actions(chunks: Sequence[Any]) -> list[Any]:
    """One for each step; a chunk that a learner lengthened overlaps the next."""
    actions: list[Any] = []
    for chunk, after in zip_longest(chunks, chunks[1:]):
        end = chunk.t if after is None else after.t_started
        if end > chunk.t_started:
            actions.extend(chunk.get_actions()[: end - chunk.t_started])
    return actions

"""Experience as columns: what the fast env runner returns where RLlib's returns a list of episodes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlexp.environment.tasks.outcome import Outcome

Columns = Any
"""An array, or a nested dict or tuple of arrays, whose first axes are time and sub-environment."""


class EndedEpisode(NamedTuple):
    """An episode of a curriculum that ended in a rollout: its last step, its sub-environment and what became of it."""

    step: int
    env: int
    outcome: Outcome


@dataclass(slots=True)
class Rollout:
    """T vector steps of N sub-environments, as arrays; T differs from call to call.

    Gymnasium's next-step autoreset is kept as it is: where `terminated[t, n]` or `truncated[t, n]`,
    `observations[t + 1, n]` is the episode's last observation, step t + 1 is the reset, whose action and
    reward mean nothing (`valid[t + 1, n]` is false), and `observations[t + 2, n]` begins the next episode.
    So the observation that follows a valid step is always the next row.

    Attributes:
        observations: [T + 1, N, ...], as the module sees them; the last row follows the last step and is the
            next rollout's first.
        actions: [T, N, ...], as the module chose them, before clipping or unsquashing.
        rewards: [T, N], float32.
        terminated: [T, N], bool: no state follows.
        truncated: [T, N], bool: the environment cut the episode.
        valid: [T, N], bool: false where the step was a reset.
        outputs: [T, N, ...] each: what the module gave besides the action (`action_dist_inputs`,
            `action_logp`), by RLlib's column name.
        embeddings: [T, N, E] or None: what the encoder that policy and value share made of each row but the last.
        states: [T + 1, N, ...] or None: the recurrent state before each step.
        started: [N], int: env steps that each first row's episode had already made.
        runner: worker index of the env runner; with the sub-environment it names a stream of experience.
        continues: whether the first row goes on where this runner's last rollout ended; false after a
            forced reset, a failed step or a restart.
        weights_seq_no: RLlib's number of the weights that acted.
        learnt: [T, N], bool: false where the step's episode must not be learnt from; None for all.
        ended: episodes whose outcomes wait for the learner's signals, in the order of their ends; None where
            nobody reads signals.
    """

    observations: Columns
    actions: Columns
    rewards: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    outputs: dict[str, NDArray[Any]] = field(default_factory=dict)
    embeddings: NDArray[np.float32] | None = None
    states: Columns | None = None
    started: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    runner: int = 0
    continues: bool = True
    weights_seq_no: int = 0
    learnt: NDArray[np.bool_] | None = None
    ended: list[EndedEpisode] | None = None

    @property
    def num_steps(self) -> int:
        """T, resets counted."""
        return self.rewards.shape[0]

    @property
    def num_envs(self) -> int:
        """N."""
        return self.rewards.shape[1]

    def __len__(self) -> int:
        """Env steps: transitions, resets not counted."""
        return int(np.count_nonzero(self.valid))

    def env_steps(self) -> int:
        """As an RLlib episode's."""
        return len(self)

    def agent_steps(self) -> int:
        """As an RLlib episode's; there is one agent."""
        return len(self)

    def to_learn_from(self) -> Rollout:
        """The same, with the steps that must not be learnt from among those that do not count."""
        return self if self.learnt is None else replace(self, valid=self.valid & self.learnt, learnt=None)

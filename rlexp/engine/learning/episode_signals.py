"""How far off the value function was in each episode, for the teachers that replay levels by it.

Sources: Jiang et al. 2021, "Prioritized level replay" (L1 value loss), and Jiang et al. 2021, "Replay-guided
adversarial environment design" (positive value loss, and MaxMC: its mean value is computed here, its highest return is
kept by the teacher).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rlexp.engine.rollout import Rollout
from rlexp.environment.tasks.outcome import SIGNALS, Outcome

Floats = NDArray[np.float64]


class _Streams:
    """One runner's N ongoing episodes.

    Attributes:
        sums: [signals + 1, N], over the steps seen; the last row counts them.
        position: [N], env steps that the episode has made, as the next rollout must say too.
    """

    def __init__(self, num_envs: int) -> None:
        self.sums = np.zeros((len(SIGNALS) + 1, num_envs))
        self.position = np.zeros(num_envs, np.int64)


class EpisodeSignals:
    """Sums over the steps of each stream of experience, from rollout to rollout until the episode's end.

    Where a stream begins anew (a forced reset, a restarted runner, a rollout that was lost), what had been summed is
    dropped: the means are then over the steps that were seen.
    """

    def __init__(self) -> None:
        self._runners: dict[int, _Streams] = {}

    def take(self, rollout: Rollout, advantages: Floats, values: NDArray[np.floating]) -> list[Outcome]:
        """The outcomes of the episodes that ended in a rollout, with the signals `SIGNALS`.

        Args:
            rollout: a runner's, in the order in which it made them; `ended` says what became of its episodes.
            advantages: [T, N], not standardised; what stands at resets means nothing.
            values: [T + 1, N].
        """
        streams = self._runners.get(rollout.runner)
        if streams is None or streams.sums.shape[1] != rollout.num_envs:
            streams = self._runners[rollout.runner] = _Streams(rollout.num_envs)
        streams.sums[:, streams.position != rollout.started] = 0.0
        terms = _terms(rollout, advantages, values)
        waiting = {(each.step, each.env): each.outcome for each in rollout.ended or ()}
        first = np.zeros(rollout.num_envs, np.int64)
        outcomes = []
        for step, env in np.argwhere(rollout.terminated | rollout.truncated).tolist():
            total = streams.sums[:, env] + terms[:, first[env] : step + 1, env].sum(axis=1)
            streams.sums[:, env], first[env] = 0.0, step + 1
            if (step, env) in waiting:
                outcomes.append(replace(waiting[step, env], signals=_means(total)))
        for env in range(rollout.num_envs):
            rest = terms[:, first[env] :, env].sum(axis=1)
            streams.sums[:, env] += rest
            before = 0 if first[env] else rollout.started[env]
            streams.position[env] = before + int(rest[-1])
        return outcomes


def _terms(rollout: Rollout, advantages: Floats, values: NDArray[np.floating]) -> Floats:
    """[signals + 1, T, N]: what each step adds; 0 at resets."""
    columns = np.abs(advantages), np.maximum(advantages, 0.0), values[:-1], np.ones_like(advantages)
    return np.where(rollout.valid, np.stack(columns).astype(np.float64), 0.0)


def _means(total: Floats) -> dict[str, float]:
    return dict(zip(SIGNALS, (total[:-1] / total[-1]).tolist(), strict=True))

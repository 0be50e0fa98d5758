"""The rows that IMPALA's and APPO's losses are made of: what v-trace made of some steps, and the policy on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlexp.engine.gradients.distributions import ActionDistribution

Array = NDArray[np.float32]


@dataclass(slots=True)
class CorrectedRows:
    """M steps, those that were added and count for nothing among them.

    Attributes:
        policy: the distributions now, last asked for the log-probabilities `logp`.
        logp: [M], of the actions taken.
        values: [M].
        targets: [M], v-trace's of the values; constant.
        advantages: [M], v-trace's; constant.
        mask: [M], 1 where a step was taken, else 0.
        steps: the number of these.
    """

    policy: ActionDistribution
    logp: Array
    values: Array
    targets: Array
    advantages: Array
    mask: Array
    steps: float

    def mean(self, column: Array) -> float:
        """Over the steps that were taken, of a column [M]."""
        return float(self.mask.dot(column)) / self.steps

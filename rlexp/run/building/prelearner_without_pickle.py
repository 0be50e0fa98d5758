"""RLlib's reader of recorded data, which unpickles nothing; it runs in Ray Data's processes.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray.rllib.offline.offline_prelearner import OfflinePreLearner

from rlexp.compat import rllib
from rlexp.compat.packed_columns import decode_without_pickles, unpacked

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig


class PlainPreLearner(OfflinePreLearner):
    """As RLlib's; arguments as there. Its process reads no data in another way from then on."""

    def __init__(self, **kwargs: Any) -> None:
        rllib.unpack_columns_by(unpacked)
        decode_without_pickles()
        super().__init__(**kwargs)


def read_plainly(algorithm: AlgorithmConfig) -> None:
    """Has an algorithm that learns from recorded data unpickle none of it."""
    if algorithm.prelearner_class in (None, OfflinePreLearner):
        algorithm.offline_data(prelearner_class=PlainPreLearner)

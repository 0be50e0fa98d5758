"""RLlib's reader of recorded data, which unpickles nothing; it runs in Ray Data's processes.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import ray.rllib.offline.offline_prelearner as rllibs
from ray.rllib.offline.offline_prelearner import OfflinePreLearner

from rlexp.compat.applied import need
from rlexp.compat.packed_columns import decoded, unpacked

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig


class PlainPreLearner(OfflinePreLearner):
    """As RLlib's; arguments as there. Its process reads no data in another way from then on."""

    def __init__(self, **kwargs: Any) -> None:
        need("rllib.packed_columns")
        rllibs.unpack_if_needed = unpacked
        if find_spec("msgpack_numpy") is not None:
            _without_pickles()
        super().__init__(**kwargs)


def _without_pickles() -> None:
    """Replaces the decoder that RLlib looks up at each batch of whole episodes."""
    import msgpack_numpy

    if not isinstance(msgpack_numpy.decode, partial):
        need("msgpack_numpy.decode")
        msgpack_numpy.decode = partial(decoded, msgpack_numpy.decode)


def read_plainly(algorithm: AlgorithmConfig) -> None:
    """Has an algorithm that learns from recorded data unpickle none of it."""
    if algorithm.prelearner_class in (None, OfflinePreLearner):
        algorithm.offline_data(prelearner_class=PlainPreLearner)

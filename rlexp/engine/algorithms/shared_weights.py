"""One set of weights for the runner that acts and the learner that learns in the same process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray.rllib.core import DEFAULT_MODULE_ID

from rlexp.compat import rllib

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm


def share_weights(algorithm: Algorithm) -> bool:
    """Lets the local env runner's module use the local learner's tensors, so that nothing is ever sent.

    Only for algorithms that sample and learn in turn: the runner sees a half-made update otherwise.

    Returns:
        Whether they are shared now: both are in this process, on one device, with the same tensors.
    """
    runner, group = algorithm.env_runner, algorithm.learner_group
    if not group.is_local or runner is None or runner.module is None:
        return False
    learning = _tensors(rllib.local_learner(group).module[DEFAULT_MODULE_ID].unwrapped())
    acting = _tensors(runner.module)
    if not all(name in learning and _alike(tensor, learning[name]) for name, tensor in acting.items()):
        return False
    for name, tensor in acting.items():
        tensor.data = learning[name].data
    return True


def _tensors(module: Any) -> dict[str, Any]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _alike(one: Any, other: Any) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and one.device == other.device

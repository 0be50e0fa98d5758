"""Policies whose encoder is not a chain of dense layers (images, dictionaries): networks in torch, the rest in numpy.

Imported only once training starts: it imports RLlib.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import tree

from rlexp.engine.acting.actor import Choice, Head
from rlexp.engine.networks import encoder_function, head_function


class EncodedActor:
    """An encoder and a policy head, and the distribution that the head's outputs describe.

    Where the value function reads the same encoder, its embeddings are kept for the learner, which then need not
    encode a whole batch a second time; not where they are larger than the observations.
    """

    def __init__(self, module: Any, head: Head) -> None:
        self._module, self._head = module, head
        own = getattr(module.encoder, "actor_encoder", None)
        self._shared = own is None
        self._encode, self._decide = encoder_function(own or module.encoder.encoder), head_function(module.pi)

    def refresh(self) -> None:
        """Leaves the training mode, which RLlib's module does at each step."""
        if self._module.training:
            self._module.eval()
        self._decide = head_function(self._module.pi)

    def act(self, observations: Any, states: Any, explore: bool, env_step: int) -> Choice:
        """See `Actor`."""
        with torch.no_grad():
            encoded = self._encode(tree.map_structure(_tensor, observations))
            inputs = self._decide(encoded).numpy()
        actions, outputs = self._head.choose(inputs, explore, env_step)
        return Choice(actions, outputs, embeddings=self._kept(encoded, observations))

    def _kept(self, encoded: torch.Tensor, observations: Any) -> Any:
        size = sum(leaf.nbytes for leaf in tree.flatten(observations))
        return encoded.numpy() if self._shared and encoded.nbytes <= size else None


def _tensor(leaf: Any) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(leaf))

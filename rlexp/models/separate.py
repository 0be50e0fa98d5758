"""A small actor-critic to start a module of one's own from: two plain networks, for the policy and the value.

    model=custom model.module_class=rlexp.models.separate.SeparateActorCritic \
        '+model.module_config.hiddens=[128,128]'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.models.catalog import Catalog
from ray.rllib.core.rl_module.apis import InferenceOnlyAPI, ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import nn

from rlexp.base.errors import ConfigError


class SeparateActorCritic(TorchRLModule, InferenceOnlyAPI, ValueFunctionAPI):
    """Separate policy and value networks of tanh layers with orthogonal weights, for vectors.

    For PPO, IMPALA and MARWIL, and every action space that these take. Reads `hiddens` (layer sizes, default [64, 64])
    from `model.module_config`.
    """

    def setup(self) -> None:
        """Build both networks; called by RLlib once the spaces are known."""
        if not isinstance(self.observation_space, gym.spaces.Box) or len(self.observation_space.shape) != 1:
            raise ConfigError(
                f"SeparateActorCritic reads vectors, not {self.observation_space}", key="model.module_class"
            )
        hiddens = self.model_config.get("hiddens", [64, 64])
        inputs = int(self.observation_space.shape[0])
        # RLlib's own choice for a space: a module that names none is given one for Discrete and Box alone.
        self.action_dist_cls = Catalog._get_dist_cls_from_action_space(self.action_space, framework="torch")
        outputs = self.action_dist_cls.required_input_dim(space=self.action_space, model_config={})
        self.policy = _layers(inputs, hiddens, int(outputs), last_gain=0.01)
        self.value = _layers(inputs, hiddens, 1, last_gain=1.0)

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {Columns.ACTION_DIST_INPUTS: self.policy(batch[Columns.OBS])}

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> torch.Tensor:
        """State values, shape (B,)."""
        return self.value(batch[Columns.OBS]).squeeze(-1)

    def get_non_inference_attributes(self) -> list[str]:
        """What env runners do without."""
        return ["value"]


def _layers(inputs: int, hiddens: Sequence[int], outputs: int, last_gain: float) -> nn.Sequential:
    sizes = [inputs, *hiddens]
    layers: list[nn.Module] = []
    for size, next_size in zip(sizes, sizes[1:], strict=False):
        layers += [_linear(size, next_size, gain=2**0.5), nn.Tanh()]
    return nn.Sequential(*layers, _linear(sizes[-1], outputs, last_gain))


def _linear(inputs: int, outputs: int, gain: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer

"""A network of one's own: an RLModule with a shared trunk, trained by PPO.

Shows: a TorchRLModule with two heads, `rlexp.testing.check_module`, and `model=custom`.
Prints: the names and shapes of its parameters, and the status of two iterations on CartPole.
"""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis import ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import nn

import rlexp
from rlexp.testing import check_module


class Trunk(TorchRLModule, ValueFunctionAPI):
    """Policy and value from one hidden layer of `model.module_config.width` units."""

    def setup(self) -> None:
        """Called by RLlib once the spaces are known."""
        width, inputs = self.model_config.get("width", 32), self.observation_space.shape[0]
        self.trunk = nn.Sequential(nn.Linear(inputs, width), nn.Tanh())
        self.policy = nn.Linear(width, self.action_space.n)
        self.value = nn.Linear(width, 1)

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {Columns.ACTION_DIST_INPUTS: self.policy(self.trunk(batch[Columns.OBS]))}

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> torch.Tensor:
        """State values, shape (B,)."""
        return self.value(self.trunk(batch[Columns.OBS])).squeeze(-1)


def main() -> None:
    """Checks the network, then trains it."""
    check_module("own_model.Trunk", env="CartPole-v1", width=16)
    with tempfile.TemporaryDirectory() as folder:
        config = rlexp.compose(
            [
                "model=custom",
                "model.module_class=own_model.Trunk",
                "+model.module_config.width=16",
                "trusted=+own_model",
                "hardware=local",
                "tracking=none",
                "callbacks=none",
                "evaluation=none",
                "stop.iterations=2",
                f"runs_dir={folder}",
            ]
        )
        outcome = rlexp.train(config)
        module = rlexp.load(outcome.folder).module
        for name, parameter in module.named_parameters():
            print(name, tuple(parameter.shape))
        print(outcome.status)


if __name__ == "__main__":
    main()

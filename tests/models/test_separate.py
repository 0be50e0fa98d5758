"""The module to start one's own from, for every action space that its algorithms take."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from model_building import ON_POLICY, configure

from rlexp.config.schema import ModelChoice

MODULE = "rlexp.models.separate.SeparateActorCritic"


class Switches(gym.Env):
    """Ten steps; a reward for each part of the action that is 0."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.observation_space = spaces.Box(0.0, 1.0, (3,), np.float32)
        self.action_space = spaces.MultiDiscrete([2, 3])
        self.time = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.time = 0
        return self.observation_space.sample(), {}

    def step(self, action: Any):
        assert self.action_space.contains(np.asarray(action))
        self.time += 1
        return self.observation_space.sample(), float(np.sum(action == 0)), self.time >= 10, False, {}


@pytest.mark.parametrize(
    "actions",
    [
        spaces.Discrete(3),
        spaces.Box(-1, 1, (2,)),
        spaces.MultiDiscrete([2, 3]),
        spaces.Dict({"turn": spaces.Discrete(2), "push": spaces.Box(-1, 1, (2,))}),
        spaces.Tuple((spaces.Discrete(2), spaces.MultiDiscrete([2, 3]))),
    ],
    ids=str,
)
def test_it_has_outputs_for_every_action_space(actions: gym.Space) -> None:
    from rlexp.models.separate import SeparateActorCritic

    module = SeparateActorCritic(
        observation_space=spaces.Box(-1, 1, (4,)), action_space=actions, model_config={}
    )
    outputs = module.forward_train({"obs": torch.zeros(5, 4)})["action_dist_inputs"]
    sample = module.get_train_action_dist_cls().from_logits(outputs).sample()
    parts = sample.values() if isinstance(sample, dict) else sample if isinstance(sample, tuple) else [sample]
    assert all(len(part) == 5 for part in parts)


def test_it_trains_with_several_discrete_actions() -> None:
    model = ModelChoice(module_class=MODULE, module_config={"hiddens": [8]})
    algorithm = configure("ppo.PPO", Switches, model, **ON_POLICY).build_algo()
    result = algorithm.train()
    assert result["env_runners"]["episode_return_mean"] >= 0
    algorithm.stop()

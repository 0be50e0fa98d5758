"""Stable-Baselines3 under Hydra's joblib launcher, without W&B; see `sb3_sweep.yaml`."""

from __future__ import annotations

import dataclasses

import hydra
import torch
from omegaconf import DictConfig

from contenders import scenarios
from contenders.sb3 import ppo
from contenders.scenarios import Scenario


@hydra.main(version_base=None, config_path=".", config_name="sb3_sweep")
def main(config: DictConfig) -> None:
    torch.set_num_threads(1)
    settings = dataclasses.replace(scenarios.PPO(), batch=2000, lr=config.lr)
    model = ppo(Scenario("sweep", "cartpole", settings, 16, 0, config.steps))
    model.set_random_seed(config.seed)
    model.learn(config.steps)
    model.save("model")


if __name__ == "__main__":
    main()

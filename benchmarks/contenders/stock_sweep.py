"""Ray Tune and RLlib alone with W&B's callback, as their documentation has it. Arguments: steps, folder."""

from __future__ import annotations

import dataclasses
import sys

from ray import tune
from ray.air.integrations.wandb import WandbLoggerCallback

from contenders.scenarios import PPO, Scenario
from contenders.stock import configured
from contenders.sweeps import RATES, SEEDS


def main() -> None:
    steps, folder = int(sys.argv[1]), sys.argv[2]
    settings = dataclasses.replace(PPO(), batch=2000)
    config = configured(Scenario("sweep", "cartpole", settings, 16, 0, steps))
    config.debugging(seed=tune.grid_search(list(SEEDS))).training(lr=tune.grid_search(list(RATES)))
    tuner = tune.Tuner(
        "PPO",
        param_space=config,
        run_config=tune.RunConfig(
            storage_path=folder,
            name="stock",
            stop={"num_env_steps_sampled_lifetime": steps},
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=True),
            callbacks=[WandbLoggerCallback(project="sweep", group="stock")],
            verbose=0,
        ),
    )
    results = tuner.fit()
    if results.errors:
        raise SystemExit(str(results.errors[0]))


if __name__ == "__main__":
    main()

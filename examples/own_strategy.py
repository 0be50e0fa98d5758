"""An exploration strategy of one's own: more entropy in the loss at first, less later.

Shows: `check` and `configure`, `rlexp.testing.check_strategy`, and how a strategy refuses an algorithm with a reason.
Prints: the schedule that PPO gets, and what DQN is answered.
"""

from __future__ import annotations

from typing import Any

import rlexp
from rlexp.config.algorithms import algorithm_name, resolve
from rlexp.testing import check_strategy


class FadingEntropy:
    """A bonus for entropy that falls to nothing.

    Args:
        initial: weight of the entropy at step 0.
        steps: environment steps over which it falls to 0.
    """

    def __init__(self, initial: float = 0.02, steps: int = 100_000) -> None:
        self._schedule = [[0, initial], [steps, 0.0]]

    def check(self, config_class: str | type) -> None:
        """Algorithms with `entropy_coeff`."""
        if not hasattr(resolve(config_class)(), "entropy_coeff"):
            name = algorithm_name(config_class)
            raise rlexp.ConfigError(
                f"{name} has no entropy_coeff", key="exploration", fix="exploration=default, or algorithm=ppo"
            )

    def configure(self, config: Any) -> None:
        """After the algorithm's own settings."""
        config.env_runners(explore=True)
        config.training(entropy_coeff=self._schedule)


def main() -> None:
    """Checks the strategy, then tries it with two algorithms."""
    check_strategy("own_strategy.FadingEntropy", steps=50_000)
    from ray.rllib.algorithms.dqn import DQNConfig
    from ray.rllib.algorithms.ppo import PPOConfig

    strategy, config = FadingEntropy(), PPOConfig()
    strategy.check(PPOConfig)
    strategy.configure(config)
    print("PPO", config.entropy_coeff)
    try:
        strategy.check(DQNConfig)
    except rlexp.ConfigError as error:
        print("DQN", error)


if __name__ == "__main__":
    main()

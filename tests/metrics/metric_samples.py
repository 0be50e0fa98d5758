"""An environment, callbacks and metric functions with known figures; importable by remote runners."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from ray.rllib.callbacks.callbacks import RLlibCallback

from rlexp.config.callables.targets import build
from rlexp.metrics.log import log_metric


class Known(gym.Env):
    """Episodes of 9, 10, 11, ... steps (plus 20 on worker 2), reward 1, known infos; observes its clock."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, config: Any) -> None:
        self.extra = 20 if getattr(config, "worker_index", 0) == 2 else 0
        self.episodes = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.length = 9 + self.episodes % 5 + self.extra
        self.episodes += 1
        self.t = 0
        return self._observation(), {"cost": 1000.0}

    def _observation(self) -> Any:
        return np.array([self.t, self.length], np.float32)

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.t += 1
        done = self.t == self.length
        info: dict[str, Any] = {"cost": 1.0, "height": float(self.t)}
        if done:
            info["success"] = self.length % 2 == 0
        return self._observation(), 1.0, done, False, info


class Lengths(RLlibCallback):
    """Logs each episode's length by `log_metric`, plainly, and as a list to compare with."""

    def on_episode_end(self, *, episode: Any, metrics_logger: Any, **kwargs: Any) -> None:
        length = int(episode.get_observations(-1)[0])  # the environment's own clock
        log_metric(metrics_logger, "length", length)
        metrics_logger.log_value("plain", 5.0)
        metrics_logger.log_value("lengths", length, reduce="item_series")

    def on_train_result(self, *, metrics_logger: Any, **kwargs: Any) -> None:
        metrics_logger.log_value(("curriculum", "level"), 3, reduce="max")


def build_here(spec: Any, **arguments: Any) -> Any:
    """What `rlexp` does with functions of a lab that it trusts."""
    return build(spec, ["metric_samples"], **arguments)


def last_time(episode: Any) -> float:
    """The last observation's clock, which is the number of steps; checks that the whole episode came."""
    times = [float(observation[0]) for observation in episode.get_observations()]
    assert times == list(range(len(episode) + 1)), times
    assert len(episode.get_infos()) == len(episode) + 1, len(episode.get_infos())
    assert float(sum(episode.get_rewards())) == len(episode), episode.get_rewards()
    return times[-1]


def scaled(episode: Any, by: float) -> float:
    return len(episode) * by


def broken(episode: Any) -> float:
    raise ZeroDivisionError("no such figure")

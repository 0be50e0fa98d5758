"""Episode figures through RLlib's own env runner, cut across batches, against the env's own books."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner
from ray.rllib.env.single_agent_episode import SingleAgentEpisode

from callbacks.episode_stats import EpisodeStats, action_figures
from rlexp.compat.rllib_without_ray import install
from rlexp.metrics.log import statistics

LENGTH = 7
BOOKS: list[dict[str, Any]] = []


class Ledger(gym.Env):
    """Episodes of seven steps that write down what was done in them; every second one is cut off."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
        discrete = gym.spaces.Discrete(3)
        box = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = box if config.get("continuous") else discrete
        self.episodes = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.actions: list[Any] = []
        self.rewards: list[float] = []
        self.episodes += 1
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> Any:
        self.actions.append(np.array(action))
        self.rewards.append(float(self.np_random.normal()))
        over = len(self.actions) == LENGTH
        cut = over and self.episodes % 2 == 0
        info = {"is_success": self.rewards[0] > 0} if over else {}
        if over:
            BOOKS.append({"actions": self.actions, "rewards": self.rewards, "cut": cut, **info})
        return np.zeros(2, np.float32), self.rewards[-1], over and not cut, cut, info


def sampled(continuous: bool, **arguments: Any) -> dict[str, dict[str, float]]:
    """Statistics of each metric after 5 batches of 10 steps in 2 envs: episodes span batches."""
    BOOKS.clear()
    runner = SingleAgentEnvRunner(config=ledger_config(continuous, **arguments), worker_index=0)
    for _ in range(5):
        runner.sample()
    logged = runner.get_metrics()["custom"]
    return {name: statistics(values.peek()) for name, values in logged.items()}


def ledger_config(continuous: bool, **arguments: Any) -> PPOConfig:
    return (
        PPOConfig()
        .environment(
            Ledger, env_config={"continuous": continuous}, clip_actions=False, normalize_actions=False
        )
        .env_runners(num_env_runners=0, num_envs_per_env_runner=2, rollout_fragment_length=5)
        .rl_module(model_config={"fcnet_hiddens": [4]})
        .callbacks(partial(EpisodeStats, **arguments))
        .debugging(seed=1)
    )


def agrees(found: dict[str, float], expected: list[float]) -> bool:
    wanted = {"mean": np.mean(expected), "min": np.min(expected), "max": np.max(expected)}
    return all(found[key] == pytest.approx(value, abs=1e-5) for key, value in wanted.items())


def test_figures_of_discrete_episodes_are_those_in_the_books() -> None:
    found = sampled(continuous=False)
    assert len(BOOKS) >= 4
    assert set(found) == {"episode_len", "reward_per_step", "truncated", "action_entropy", "success"}
    assert agrees(found["episode_len"], [LENGTH] * len(BOOKS))
    assert agrees(found["reward_per_step"], [float(np.mean(book["rewards"])) for book in BOOKS])
    assert agrees(found["truncated"], [float(book["cut"]) for book in BOOKS])
    assert agrees(found["success"], [float(book["is_success"]) for book in BOOKS])
    entropies = []
    for book in BOOKS:
        shares = np.unique(book["actions"], return_counts=True)[1] / LENGTH
        entropies.append(float(-(shares * np.log(shares)).sum() / np.log(3)))
    assert agrees(found["action_entropy"], entropies)


def test_figures_of_continuous_episodes() -> None:
    found = sampled(continuous=True, metrics=["action_std", "success"])
    assert set(found) == {"action_std", "success"}
    assert agrees(found["action_std"], [float(np.std(book["actions"], axis=0).mean()) for book in BOOKS])


def test_keys_of_success_are_a_choice() -> None:
    assert "success" not in sampled(continuous=False, success_keys=["won"])


def test_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no metric entropy.*action_entropy"):
        EpisodeStats(metrics=["entropy"])


@pytest.mark.parametrize(("actions", "entropy"), [([0] * 6, 0.0), ([0, 1, 2] * 2, 1.0)])
def test_entropy_spans_zero_to_one(actions: list[int], entropy: float) -> None:
    episode = SingleAgentEpisode(
        observations=[0.0] * 7, actions=actions, rewards=[0.0] * 6, len_lookback_buffer=0
    )
    figures = action_figures([episode], gym.spaces.Discrete(3))
    assert figures == {"action_entropy": pytest.approx(entropy)}
    assert action_figures([episode], gym.spaces.MultiDiscrete([2, 2])) == {}


def test_a_learner_that_lengthens_chunks_changes_nothing() -> None:
    """RLlib's learner adds a step to each chunk in place, and the env runner still holds those chunks."""
    install()
    algorithm = ledger_config(continuous=False).training(
        train_batch_size_per_learner=10, minibatch_size=10, num_epochs=1
    )
    built = algorithm.build_algo()
    logged = [built.train()["env_runners"].get("custom", {}) for _ in range(4)]
    built.stop()
    # An iteration in which no episode ended has no figures.
    lengths = [found for parts in logged if (found := statistics(parts.get("episode_len", {})))]
    assert lengths and all(found == dict.fromkeys(("mean", "min", "max"), LENGTH) for found in lengths)

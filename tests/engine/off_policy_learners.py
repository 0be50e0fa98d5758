"""Pairs of stock and fast off-policy learners with equal weights, and batches for both."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from ray.rllib.env.utils.infinite_lookback_buffer import InfiniteLookbackBuffer

from rlexp.engine.replay.replay_batch import ReplayBatch

OBSERVATIONS = gym.spaces.Box(-5, 5, (4,), np.float32)
STEPS = {"num_env_steps_sampled_lifetime": 700}


def build(learner_class: Any, config: Any, actions: gym.Space) -> Any:
    """A built learner for the spaces, without an environment."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = config.copy(copy_frozen=False)
    spec = config.get_multi_rl_module_spec(
        spaces={DEFAULT_MODULE_ID: (OBSERVATIONS, actions)}, inference_only=False
    )
    learner = learner_class(config=config, module_spec=spec)
    learner.build()
    # Target networks that differ from the main ones.
    generator = torch.Generator().manual_seed(1)
    for name, parameter in learner.module[DEFAULT_MODULE_ID].named_parameters():
        if "target" in name:
            parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return learner


def batch_of(actions: gym.Space, size: int, prioritized: bool = False, n_step: int = 1) -> ReplayBatch:
    """Random transitions; a fifth of them are ends."""
    generator = np.random.default_rng(0)
    actions.seed(0)
    return ReplayBatch(
        obs=generator.normal(size=(size, 4)).astype(np.float32),
        new_obs=generator.normal(size=(size, 4)).astype(np.float32),
        actions=np.stack([actions.sample() for _ in range(size)]),
        rewards=(3 * generator.normal(size=size)).astype(np.float32),
        terminateds=generator.random(size) < 0.2,
        truncateds=np.zeros(size, bool),
        n_step=np.full(size, n_step),
        weights=generator.random(size).astype(np.float32) if prioritized else np.ones(size, np.float32),
        prioritized=prioritized,
    )


def episodes_of(batch: ReplayBatch) -> list[SingleAgentEpisode]:
    """The batch as stock's buffers hand it over."""
    episodes = []
    for i in range(len(batch)):
        episode = SingleAgentEpisode(
            observation_space=OBSERVATIONS,
            observations=[batch.obs[i], batch.new_obs[i]],
            actions=[batch.actions[i]],
            rewards=[float(batch.rewards[i])],
            terminated=bool(batch.terminateds[i]),
            truncated=bool(batch.truncateds[i]),
            len_lookback_buffer=0,
        )
        for name in ("n_step", "weights"):
            episode.extra_model_outputs[name] = InfiniteLookbackBuffer([getattr(batch, name)[i]], lookback=0)
        episodes.append(episode)
    return episodes


def update_both(stock: Any, fast: Any, batch: ReplayBatch) -> tuple[dict, dict]:
    """One update each with the same random numbers; what both report of the module."""
    results = []
    for learner, episodes in ((stock, episodes_of(batch)), (fast, [batch])):
        torch.manual_seed(5)
        result = learner.update(training_data=TrainingData(episodes=episodes), timesteps=STEPS)
        results.append({name: stats.peek() for name, stats in result[DEFAULT_MODULE_ID].items()})
    return results[0], results[1]


def assert_same_results(stock: dict, fast: dict) -> None:
    """The same names and, but for throughputs, the same values."""
    assert set(stock) == set(fast)
    for name, value in stock.items():
        if not name.endswith("throughput"):
            found = [
                np.concatenate([np.ravel(np.asarray(v)) for v in np.atleast_1d(x)])
                if isinstance(x, list)
                else np.ravel(np.asarray(x, float))
                for x in (value, fast[name])
            ]
            np.testing.assert_allclose(found[0], found[1], atol=1e-5, rtol=1e-4, err_msg=name)


def assert_same_learners(stock: Any, fast: Any, atol: float = 2e-6) -> None:
    """Weights, target networks, gradients and optimisers."""
    ours, theirs = (dict(x.module[DEFAULT_MODULE_ID].named_parameters()) for x in (fast, stock))
    for name, parameter in theirs.items():
        torch.testing.assert_close(
            ours[name], parameter, atol=atol, rtol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )
        if parameter.grad is not None:
            torch.testing.assert_close(ours[name].grad, parameter.grad, atol=1e-5, rtol=1e-4)
    assert stock._named_optimizers.keys() == fast._named_optimizers.keys()


def assert_states_interchange(stock: Any, fast: Any) -> None:
    """Each takes the other's state and gives it back unchanged."""
    for giver, taker in ((fast, stock), (stock, fast)):
        state = copy.deepcopy(giver.get_state())
        state["weights_seq_no"] = 1000 + taker._weights_seq_no
        taker.set_state(state)
        taken = taker.get_state()
        for name, weights in state["rl_module"][DEFAULT_MODULE_ID].items():
            np.testing.assert_array_equal(weights, taken["rl_module"][DEFAULT_MODULE_ID][name])
        assert taken["optimizer"].keys() == state["optimizer"].keys()

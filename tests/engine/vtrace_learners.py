"""Pairs of stock and fast v-trace learners with equal weights, and updates of both on the same experience."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from made_rollouts import CNN, IMAGE, LSTM, SPACES, VECTOR, stock_episodes
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.learner import Learner
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME

from rlexp.engine.learning.vtrace_learners import VTraceLearner
from rlexp.engine.rollout import Rollout

CASES: dict[str, dict[str, Any]] = {
    "discrete": {},
    "box": {"actions": "box"},
    "multidiscrete": {"actions": "multidiscrete"},
    "shared": {"model": {"vf_share_layers": True}},
    "cnn": {"observation_space": IMAGE, "model": CNN},
    "tight_rho": {"vtrace_clip_rho_threshold": 0.7, "vtrace_clip_pg_rho_threshold": 0.8},
    "entropy": {"entropy_coeff": [[0, 0.5], [200, 0.1]]},
    "global_norm": {"grad_clip": 0.05},
    "minibatches": {"minibatch_size": 14, "num_epochs": 2},
    "lstm": {"model": LSTM},
    "lstm_minibatches": {"model": LSTM, "minibatch_size": 14, "num_epochs": 2},
    "lstm_separate": {"model": {**LSTM, "vf_share_layers": False}},
}


@contextlib.contextmanager
def learner_of(
    cls: type[Any],
    config_class: type[Any],
    actions: str = "discrete",
    observation_space: gym.Space = VECTOR,
    model: dict[str, Any] | None = None,
    seed: int = 0,
    **training: Any,
) -> Iterator[Any]:
    """A built learner without an environment, whose thread ends with the block; stretches are of 7 steps."""
    torch.manual_seed(seed)
    spaces = observation_space, SPACES[actions][0]
    config = (
        config_class()
        .environment(observation_space=spaces[0], action_space=spaces[1])
        .env_runners(num_env_runners=0, rollout_fragment_length=7)
        .learners(num_learners=0)
        .rl_module(model_config={"fcnet_hiddens": [16], "vf_share_layers": False, **(model or {})})
        .training(**{"lr": 1e-3, "train_batch_size_per_learner": 40, **training})
    )
    spec = config.get_multi_rl_module_spec(spaces={DEFAULT_MODULE_ID: spaces})
    learner = cls(config=config, module_spec=spec)
    learner.build()
    try:
        yield learner
    finally:
        learner.shutdown()


def update(learner: Any, rollouts: list[Rollout], **options: Any) -> dict[str, float]:
    """One update in this thread; RLlib's own learner gets episodes. Returns RLlib's metrics of the module."""
    module, config = learner.module[DEFAULT_MODULE_ID], learner.config
    options = {
        "timesteps": {NUM_ENV_STEPS_SAMPLED_LIFETIME: 100},
        "num_epochs": config.num_epochs,
        "minibatch_size": config.minibatch_size,
        **options,
    }
    if isinstance(learner, VTraceLearner):
        learner.update_now(rollouts, **options)
    else:
        episodes = stock_episodes(rollouts, module.observation_space, module.action_space)
        Learner.update(learner, episodes=episodes, _no_metrics_reduce=True, **options)
    return {
        name: float(np.asarray(stat.peek() if hasattr(stat, "peek") else stat))
        for name, stat in learner.metrics.reduce()[DEFAULT_MODULE_ID].items()
    }


def parameters(learner: Any) -> list[torch.nn.Parameter]:
    """Of the module, target networks too."""
    return list(learner.module[DEFAULT_MODULE_ID].parameters())


def assert_same_gradients(ours: Any, theirs: Any) -> None:
    """And that the same parameters have none."""
    for a, b in zip(parameters(ours), parameters(theirs), strict=True):
        assert (a.grad is None) == (b.grad is None)
        if a.grad is not None:
            torch.testing.assert_close(a.grad, b.grad, atol=1e-5, rtol=1e-4)


def assert_same_weights(ours: Any, theirs: Any, atol: float = 1e-5) -> None:
    """Parameter by parameter."""
    for a, b in zip(parameters(ours), parameters(theirs), strict=True):
        torch.testing.assert_close(a, b, atol=atol, rtol=1e-4)


def assert_same_metrics(mine: dict[str, float], stock: dict[str, float]) -> None:
    """But for the counts, which for RLlib include its added steps, and the lag, which made episodes do not tell."""
    told = set(stock) - {"diff_num_grad_updates_vs_sampler_policy"}
    assert told <= set(mine)
    for name in {name for name in told if not name.startswith(("num_", "module_"))}:
        assert abs(mine[name] - stock[name]) <= 1e-5 + 1e-4 * abs(stock[name]), name

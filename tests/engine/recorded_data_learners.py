"""Learners of recorded data without an environment, and updates of several on the same batches."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from hypothesis import strategies as st
from made_rollouts import SPACES, VECTOR, sampled
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch
from vtrace_learners import assert_same_gradients


def learner_of(
    cls: type[Any],
    config_class: type[Any],
    actions: str = "discrete",
    observation_space: gym.Space = VECTOR,
    model: dict[str, Any] | None = None,
    seed: int = 0,
    **training: Any,
) -> Any:
    """A built learner."""
    torch.manual_seed(seed)
    spaces = observation_space, SPACES[actions][0]
    config = (
        config_class()
        .environment(observation_space=spaces[0], action_space=spaces[1])
        .learners(num_learners=0)
        .rl_module(model_config={"fcnet_hiddens": [16, 8], **(model or {})})
        .training(**training)
    )
    spec = config.get_multi_rl_module_spec(spaces={DEFAULT_MODULE_ID: spaces})
    learner = cls(config=config, module_spec=spec)
    learner.build()
    return learner


SMALL = {"fcnet_hiddens": [5], "fusionnet_hiddens": [7]}
"""Networks of policy and critics."""
MODELS = st.fixed_dictionaries(
    {
        "fcnet_hiddens": st.sampled_from([[5], [16, 8]]),
        "fcnet_activation": st.sampled_from(["tanh", "relu", "silu"]),
        "fusionnet_hiddens": st.sampled_from([[], [7]]),
    }
)
ROWS = {"rows": st.integers(2, 30), "seed": st.integers(0, 1000)}


def with_moved_targets(ours: Any, theirs: Any) -> tuple[Any, Any]:
    """A learner by formula and RLlib's own, with target critics that differ from the critics."""
    assert ours._by_formula is not None
    for learner in (ours, theirs):
        generator = torch.Generator().manual_seed(1)
        for name, parameter in learner.module[DEFAULT_MODULE_ID].named_parameters():
            if "target" in name:
                parameter.data.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return ours, theirs


def assert_same_trained_gradients(ours: Any, theirs: Any) -> None:
    """RLlib's backward pass leaves gradients at parameters that no optimiser trains, too."""
    for name, parameter in theirs.module[DEFAULT_MODULE_ID].named_parameters():
        if "target" in name:
            parameter.grad = None
    assert_same_gradients(ours, theirs)


def update(learner: Any, columns: dict[str, Any], times: int = 1) -> dict[str, float]:
    """Some updates on one batch of tensors, as RLlib reads them from recordings; its metrics of the last."""
    found: dict[str, float] = {}
    for _ in range(times):
        batch = MultiAgentBatch({DEFAULT_MODULE_ID: SampleBatch(columns)}, len(columns["obs"]))
        result = learner.update(batch=batch)[DEFAULT_MODULE_ID]
        found = {
            name: float(np.asarray(stat.peek() if hasattr(stat, "peek") else stat))
            for name, stat in result.items()
        }
    return found


def assert_same_metrics(mine: dict[str, float], theirs: dict[str, float]) -> None:
    """All that the other learner logs, and nothing else."""
    assert set(mine) == set(theirs)
    for name, number in theirs.items():
        # What RLlib logs once, when a learner is built, is no number later.
        assert np.isclose(mine[name], number, rtol=1e-4, atol=1e-5, equal_nan=True), name


def steps_with_next(module: Any, rows: int = 20, seed: int = 0) -> dict[str, torch.Tensor]:
    """Steps of nobody in particular with the observations after them; some actions lie at the bounds."""
    rng = np.random.default_rng(seed)
    actions = sampled(module.action_space, rng, rows)
    actions[rng.random(actions.shape) < 0.1] = 1.0
    columns = {
        "obs": sampled(module.observation_space, rng, rows),
        "new_obs": sampled(module.observation_space, rng, rows),
        "actions": actions,
        "rewards": rng.normal(size=rows).astype(np.float32),
        "terminateds": rng.random(rows) < 0.3,
    }
    return {name: torch.from_numpy(np.asarray(column)) for name, column in columns.items()}

"""Advantages and value targets against RLlib's connectors, on any rollouts."""

from __future__ import annotations

import functools
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
import tree
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_rollouts import VECTOR, made_rollout, stock_episodes
from ray.rllib.connectors.common import (
    AddObservationsFromEpisodesToBatch,
    BatchIndividualItems,
    NumpyToTensor,
)
from ray.rllib.connectors.learner import (
    AddColumnsFromEpisodesToTrainBatch,
    AddOneTsToEpisodesAndTruncate,
    GeneralAdvantageEstimation,
    LearnerConnectorPipeline,
)
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis import ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule

from rlexp.engine.learning.gae import ends_of, estimate, standardise
from rlexp.engine.rollout import Rollout

IMAGE = gym.spaces.Box(0, 255, (2, 2, 1), np.uint8)
DICT = gym.spaces.Dict({"a": VECTOR, "b": gym.spaces.Box(-1.0, 1.0, (2,), np.float32)})


class _Value(TorchRLModule, ValueFunctionAPI):
    """A fixed, uneven function of the observation, so that any row taken for another shows."""

    def setup(self) -> None:
        self.unused = torch.nn.Linear(1, 1)

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        raise NotImplementedError

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> torch.Tensor:
        leaves = [leaf.float().flatten(1) for leaf in tree.flatten(batch[Columns.OBS])]
        return sum((3.7 * leaf).sin().sum(-1) + leaf.sum(-1) for leaf in leaves)  # type: ignore[return-value]


@functools.cache
def _connectors(gamma: float, lambda_: float) -> LearnerConnectorPipeline:
    return LearnerConnectorPipeline(
        connectors=[
            AddOneTsToEpisodesAndTruncate(),
            AddObservationsFromEpisodesToBatch(as_learner_connector=True),
            AddColumnsFromEpisodesToTrainBatch(),
            BatchIndividualItems(multi_agent=False),
            NumpyToTensor(as_learner_connector=True),
            GeneralAdvantageEstimation(gamma=gamma, lambda_=lambda_),
        ]
    )


def _stock(rollouts: list[Rollout], space: gym.Space, gamma: float, lambda_: float) -> tuple[Any, Any]:
    """RLlib's standardised advantages and value targets of the real steps."""
    module = _Value(observation_space=space, action_space=gym.spaces.Discrete(2), model_config={})
    found = _connectors(gamma, lambda_)(
        rl_module=module.as_multi_rl_module(),
        batch={},
        episodes=stock_episodes(rollouts, space, gym.spaces.Discrete(2)),
        shared_data={},
    )[DEFAULT_MODULE_ID]
    mask = found[Columns.LOSS_MASK]
    return found["advantages"][mask].numpy(), found["value_targets"][mask].numpy()


def _ours(rollouts: list[Rollout], gamma: float, lambda_: float) -> tuple[Any, Any]:
    module = _Value.compute_values
    values = []
    for rollout in rollouts:
        shape = (rollout.num_steps + 1, rollout.num_envs)
        flat = tree.map_structure(
            lambda leaf: torch.from_numpy(leaf.reshape(-1, *leaf.shape[2:])), rollout.observations
        )
        values.append(module(None, {Columns.OBS: flat}).numpy().reshape(shape))  # type: ignore[arg-type]
    found = [estimate(v, r, gamma, lambda_) for v, r in zip(values, rollouts, strict=True)]
    advantages = standardise(found, values, rollouts, gamma, lambda_)
    targets = [each.targets.T[r.valid.T] for each, r in zip(found, rollouts, strict=True)]
    return np.concatenate(advantages), np.concatenate(targets)


@st.composite
def _rollouts(draw: st.DrawFn) -> list[dict[str, Any]]:
    one = st.fixed_dictionaries(
        {
            "seed": st.integers(0, 2**31),
            "steps": st.integers(1, 20),
            "envs": st.integers(1, 4),
            "done": st.sampled_from([0.0, 0.1, 0.4, 1.0]),
            "first_is_reset": st.booleans(),
        }
    )
    return draw(st.lists(one, min_size=1, max_size=3))


@settings(max_examples=25, deadline=None)
@given(
    _rollouts(),
    st.sampled_from([VECTOR, IMAGE, DICT]),
    st.sampled_from([0.9, 0.99, 1.0]),
    st.sampled_from([0.0, 0.95, 1.0]),
)
@example([{"seed": 0, "steps": 1, "envs": 1, "done": 0.0, "first_is_reset": False}], VECTOR, 0.99, 0.95)
def test_equal_to_rllib(
    arguments: list[dict[str, Any]], space: gym.Space, gamma: float, lambda_: float
) -> None:
    rollouts = [made_rollout(observation_space=space, **each) for each in arguments]
    rollouts = [rollout for rollout in rollouts if len(rollout)]
    if not rollouts:
        return
    advantages, targets = _ours(rollouts, gamma, lambda_)
    stock_advantages, stock_targets = _stock(rollouts, space, gamma, lambda_)
    np.testing.assert_allclose(targets, stock_targets, rtol=1e-5, atol=1e-4 if space is IMAGE else 1e-5)
    # With a deviation of nothing but rounding, the scale is rounding too.
    if len(advantages) > 1:
        np.testing.assert_allclose(advantages, stock_advantages, rtol=1e-4, atol=2e-5)


def test_hand_made_values() -> None:
    """One environment: terminated after two steps, a reset, then one step that the rollout's end cuts."""
    rollout = made_rollout(steps=4, envs=1, done=0.0)
    rollout.rewards[:, 0] = [1.0, 2.0, 100.0, 3.0]
    rollout.terminated[1, 0], rollout.valid[2, 0] = True, False
    values = np.array([[10.0], [20.0], [30.0], [40.0], [50.0]], np.float32)
    found = estimate(values, rollout, gamma=0.5, lambda_=0.5)
    # Step 1 has nothing to come: 2 - 20. Step 3 is cut: 3 + 50 / 2 - 40. Step 0: 1 + 20 / 2 - 10, and a quarter of 1's.
    assert found.advantages[[0, 1, 3], 0].tolist() == [1.0 - 4.5, -18.0, -12.0]
    assert found.targets[[0, 1, 3], 0].tolist() == [6.5, 2.0, 28.0]
    assert ends_of(rollout)[:, 0].tolist() == [False, True, False, True]


@pytest.mark.parametrize("steps", [1, 2, 3, 64, 65])
def test_long_episodes(steps: int) -> None:
    rollout = made_rollout(steps=steps, envs=2, done=0.0)
    zero = np.zeros((steps + 1, 2), np.float32)
    found = estimate(zero, rollout, gamma=1.0, lambda_=1.0)
    np.testing.assert_allclose(found.advantages, np.cumsum(rollout.rewards[::-1].astype(float), axis=0)[::-1])

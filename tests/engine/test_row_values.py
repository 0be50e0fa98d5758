"""Values of rows: whole passes, and value heads on what the runner's encoder has made already."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import clockwork
import numpy as np
import pytest
import torch
from made_rollouts import CNN, IMAGE, rollouts_for
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from vtrace_learners import parameters

from rlexp.engine.acting.numpy_actors import numpy_actor
from rlexp.engine.learning.ppo import FastPPOTorchLearner, row_values
from rlexp.engine.learning.train_batch import observations_of
from rlexp.engine.rollout import Rollout
from rlexp.engine.runners.fast_runner import FastEnvRunner
from rlexp.engine.runners.guarded_runner import GuardedEnvRunner

SHARED = {**CNN, "vf_share_layers": True}


def _learner(**model: Any) -> Any:
    torch.manual_seed(0)
    config = PPOConfig().rl_module(model_config={**SHARED, **model})
    config.environment(observation_space=IMAGE, action_space=clockwork.gym.spaces.Discrete(3))
    spaces = {DEFAULT_MODULE_ID: (config.observation_space, config.action_space)}
    learner = FastPPOTorchLearner(config=config, module_spec=config.get_multi_rl_module_spec(spaces=spaces))
    learner.build()
    return learner


def _acted(module: Any, rollout: Rollout, weights_seq_no: int = 0) -> Rollout:
    """With the embeddings of a runner that acted on row after row."""
    actor = numpy_actor(module, rollout.num_envs, 0)
    assert actor is not None
    kept = [actor.act(row, None, True, 0).embeddings for row in rollout.observations[:-1]]
    return replace(rollout, embeddings=np.stack(kept), weights_seq_no=weights_seq_no)


def test_the_value_head_on_kept_embeddings_says_what_a_whole_pass_says() -> None:
    learner = _learner()
    module = learner.module[DEFAULT_MODULE_ID]
    rollouts = rollouts_for(learner)
    observations = observations_of(rollouts, "cpu")
    whole = row_values(module, rollouts, observations, 0)
    first_kept = [_acted(module, rollouts[0]), rollouts[1]]
    all_kept = [_acted(module, rollout) for rollout in rollouts]
    for kept in (first_kept, all_kept):
        for ours, expected, rollout in zip(
            row_values(module, kept, observations, 0), whole, rollouts, strict=True
        ):
            assert ours.shape == (rollout.num_steps + 1, rollout.num_envs)
            np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_embeddings_of_other_weights_are_not_used() -> None:
    learner = _learner()
    module = learner.module[DEFAULT_MODULE_ID]
    rollouts = rollouts_for(learner)
    wrong = [
        replace(r, embeddings=np.full((r.num_steps, r.num_envs, 8), np.nan, np.float32), weights_seq_no=3)
        for r in rollouts
    ]
    observations = observations_of(rollouts, "cpu")
    for ours, expected in zip(
        row_values(module, wrong, observations, 4), row_values(module, rollouts, observations, 0), strict=True
    ):
        np.testing.assert_array_equal(ours, expected)


def test_an_update_counts_the_weights_that_acted_as_its_own() -> None:
    """The first update from weights 0 reads what weights 0 made; the second, from weights 1, does not."""
    learner, blind, misled = _learner(), _learner(), _learner()
    rollouts = [_acted(learner.module[DEFAULT_MODULE_ID], r) for r in rollouts_for(learner)]
    without = [replace(rollout, embeddings=None) for rollout in rollouts]
    misled.update(episodes=[replace(r, embeddings=_embeddings(r) + 1) for r in rollouts])
    for update in range(2):
        learner.update(episodes=rollouts)
        blind.update(episodes=without)
        for ours, theirs in zip(parameters(learner), parameters(blind), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
        if update == 0:
            assert not all(map(torch.allclose, parameters(misled), parameters(blind)))


def _embeddings(rollout: Rollout) -> np.ndarray:
    assert rollout.embeddings is not None
    return rollout.embeddings


@pytest.mark.parametrize(
    ("learner", "model", "in_evaluation", "kept"),
    [
        (FastPPOTorchLearner, SHARED, False, True),
        (FastPPOTorchLearner, SHARED, True, False),
        (FastPPOTorchLearner, {**CNN, "vf_share_layers": False}, False, False),
        (PPOTorchLearner, SHARED, False, False),
    ],
    ids=["training", "evaluation", "separate", "nobody_reads"],
)
def test_the_runner_keeps_embeddings_where_they_are_read(
    learner: Any, model: dict[str, Any], in_evaluation: bool, kept: bool
) -> None:
    config = clockwork.config(FastEnvRunner, observation="image").rl_module(model_config=model)
    config.learners(learner_class=learner)
    config.in_evaluation = in_evaluation
    runner = FastEnvRunner(config=config, worker_index=0)
    (rollout,) = runner.sample(num_timesteps=20)
    assert (rollout.embeddings is not None) == kept
    if kept:
        (found,) = _encoded(runner.module, rollout)
        np.testing.assert_allclose(rollout.embeddings, found[:-1], atol=1e-5)


def _encoded(module: Any, rollout: Rollout) -> list[np.ndarray]:
    rows = torch.from_numpy(rollout.observations).flatten(0, 1)
    with torch.no_grad():
        encoded = module.encoder({Columns.OBS: rows})["encoder_out"]["actor"].numpy()
    return [encoded.reshape(rollout.num_steps + 1, rollout.num_envs, -1)]


@pytest.mark.parametrize("explore", [True, False])
def test_images_are_acted_on_as_rllib_would(explore: bool) -> None:
    """The same distribution inputs and log-probabilities as RLlib's module gives; RLlib's action without exploring."""
    config = clockwork.config(GuardedEnvRunner, observation="image").rl_module(model_config=SHARED)
    module = GuardedEnvRunner(config=config, worker_index=0).module
    actor = numpy_actor(module, 3, 0)
    assert actor is not None
    rows = np.random.default_rng(0).random((3, 10, 10, 2), np.float32)
    choice = actor.act(rows, None, explore, 0)
    with torch.no_grad():
        batch = {Columns.OBS: torch.from_numpy(rows)}
        inputs = module.forward_exploration(batch)[Columns.ACTION_DIST_INPUTS]
        distribution = module.get_exploration_action_dist_cls().from_logits(inputs)
        logp = distribution.logp(torch.from_numpy(choice.actions)).numpy() if explore else np.zeros(3)
        best = inputs.argmax(-1).numpy()
    np.testing.assert_allclose(choice.outputs[Columns.ACTION_DIST_INPUTS], inputs.numpy(), atol=1e-5)
    np.testing.assert_allclose(choice.outputs[Columns.ACTION_LOGP], logp, atol=1e-5)
    if not explore:
        np.testing.assert_array_equal(choice.actions, best)

"""DroQ's critics: dropout and layer normalisation between the layers, learnt by formula, with many updates a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from harness import records
from off_policy_learners import assert_same_learners, batch_of, build
from ray.rllib.algorithms.sac import SACConfig
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from torch import nn

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.engine.dense.dropout import Dropout
from rlexp.engine.learning.sac import FastSACTorchLearner
from rlexp.models.droq_critics import DroQEncoder, DroQSAC

BOX = gym.spaces.Box(-1, 1, (2,), np.float32)


def learner(dropout: float) -> Any:
    config = SACConfig()
    model = {"fcnet_hiddens": [16, 12], "head_fcnet_hiddens": [], "twin_q": True, "dropout": dropout}
    spec = RLModuleSpec(module_class=DroQSAC, model_config=config.model_config | model)
    return build(FastSACTorchLearner, config.rl_module(rl_module_spec=spec), BOX)


@pytest.mark.parametrize("rate", [0.01, 0.3, 0.9])
def test_each_number_is_dropped_with_the_modules_probability(rate: float) -> None:
    torch.manual_seed(0)
    layer = Dropout(nn.Dropout(rate))
    zeros = [layer.forward(np.ones((100, 100), np.float32)) == 0 for _ in range(40)]
    share = np.mean(zeros)
    deviation = np.sqrt(rate * (1 - rate))
    assert share == pytest.approx(rate, abs=5 * deviation / np.sqrt(400_000))
    by_place = np.mean(zeros, axis=0)
    assert by_place.std() == pytest.approx(deviation / np.sqrt(40), rel=0.05), "the places are independent"
    one_after_another = np.mean([(each[:, 1:] & each[:, :-1]).mean() for each in zeros])
    assert one_after_another == pytest.approx(rate**2, abs=5 * rate / np.sqrt(400_000))


def test_what_is_dropped_has_no_derivative_and_the_rest_is_scaled() -> None:
    torch.manual_seed(0)
    layer = Dropout(nn.Dropout(0.2))
    y = layer.forward(np.ones((20, 30), np.float32))
    assert set(np.unique(y)) == {np.float32(0), np.float32(1.25)}
    np.testing.assert_array_equal(layer.backward(np.ones((20, 30), np.float32)), y)


@pytest.mark.parametrize(("rate", "training", "expected"), [(0.5, False, 1), (0.0, True, 1), (1.0, True, 0)])
def test_nothing_or_all_is_dropped_where_torch_does_so(rate: float, training: bool, expected: int) -> None:
    layer = Dropout(nn.Dropout(rate).train(training))
    assert (layer.forward(np.ones((4, 5), np.float32)) == expected).all()


def test_a_seed_gives_the_same_zeros() -> None:
    found = []
    for _ in range(2):
        torch.manual_seed(7)
        found.append(Dropout(nn.Dropout(0.3)).forward(np.ones((9, 9), np.float32)))
    np.testing.assert_array_equal(*found)


def test_critics_and_targets_have_dropout_and_layer_norm_and_the_policy_has_neither() -> None:
    module = learner(0.05).module[DEFAULT_MODULE_ID]
    for encoder in (module.qf_encoder, module.target_qf_twin_encoder):
        assert type(encoder) is DroQEncoder
        kinds = [type(layer) for layer in encoder.body]
        assert kinds == [nn.Linear, nn.Dropout, nn.LayerNorm, nn.ReLU] * 2
        assert encoder.body[1].p == 0.05 and encoder.training
    assert not any(isinstance(each, nn.Dropout | nn.LayerNorm) for each in module.pi_encoder.modules())


def test_without_dropout_updates_by_formula_equal_autograds() -> None:
    formula, autograd = learner(0.0), learner(0.0)
    assert formula._by_formula is not None
    autograd._by_formula = None
    for number in range(3):
        batch = batch_of(BOX, 24, n_step=1 + number)
        for each in (formula, autograd):
            torch.manual_seed(5)
            each.update_from_replay(batch, {})
        assert_same_learners(autograd, formula, atol=1e-5)


def test_with_the_same_zeros_updates_by_formula_equal_autograds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both drop the same columns: torch by a mask in place of its dropout."""
    zeros = np.arange(0, 24 * 12, 7)

    def dropped(x: torch.Tensor, p: float, training: bool, inplace: bool) -> torch.Tensor:
        mask = torch.ones(x.numel())
        mask[zeros] = 0
        return x * mask.view(x.shape) / (1 - p)

    formula, autograd = learner(0.1), learner(0.1)
    autograd._by_formula = None
    monkeypatch.setattr(Dropout, "_drawn", lambda self, count: zeros)
    monkeypatch.setattr(nn.functional, "dropout", dropped)
    for each in (formula, autograd):
        torch.manual_seed(5)
        each.update_from_replay(batch_of(BOX, 24), {})
    assert_same_learners(autograd, formula, atol=1e-5)


def test_a_dropout_that_is_no_probability_is_refused() -> None:
    with pytest.raises(ConfigError, match="dropout=1.5 is no probability"):
        learner(1.5)


@pytest.mark.slow
def test_ten_updates_a_step_learn_pendulum_in_fewer_steps_than_one(tmp_path: Path) -> None:
    """Ten updates a step with DroQ's critics, against plain ones with one, at the same number of env steps."""
    returns = {}
    for model, updates in (("droq", 10), ("plain_critics", 1)):
        config = rlexp.compose(
            [
                *(
                    "tracking=none",
                    "algorithm=sac",
                    "env=pendulum",
                    "hardware=local",
                    f"model={model}",
                    "seed=0",
                ),
                *("stop.env_steps=1600", "reporting.min_sample_timesteps_per_iteration=400"),
                *("algorithm.actor_lr=1e-3", "algorithm.critic_lr=1e-3", "algorithm.alpha_lr=1e-3"),
                "algorithm.train_batch_size_per_learner=64",
                f"algorithm.training_intensity={64 * updates}",
                "algorithm.num_steps_sampled_before_learning_starts=400",
                "model.module_config.fcnet_hiddens=[64,64]",
                f"runs_dir={tmp_path / model}",
            ]
        )
        returns[model] = records(rlexp.train(config).folder)[-1]["train/return_mean"]
    assert returns["droq"] > returns["plain_critics"] + 200, returns

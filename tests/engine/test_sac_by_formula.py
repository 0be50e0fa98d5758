"""SAC's losses and steps by formula: values, gradients and steps are those of autograd and of RLlib's learner."""

from __future__ import annotations

import logging
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from off_policy_learners import (
    STEPS,
    assert_same_learners,
    assert_same_results,
    batch_of,
    build,
    update_both,
)
from ray.rllib.algorithms.sac import SACConfig
from ray.rllib.algorithms.sac.torch.sac_torch_learner import SACTorchLearner
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from torch import Tensor, nn
from torch.nn.functional import huber_loss

from rlexp.engine.dense.chain import NoFormulaError
from rlexp.engine.dense.flat_parameters import FlatParameters
from rlexp.engine.gradients.critics import critic_of
from rlexp.engine.gradients.sac import DiscretePolicy, by_each_critic, least
from rlexp.engine.gradients.squashed_gaussian import SquashedGaussian
from rlexp.engine.gradients.td_loss import TDLoss
from rlexp.engine.learning.sac import FastSACTorchLearner, squashed_sample
from rlexp.engine.replay.replay_batch import ReplayBatch
from rlexp.models.mlp_critics import PlainCriticsSAC
from rlexp.testing import check_gradient

BOX = gym.spaces.Box(-1, 1, (2,), np.float32)
FEW = settings(max_examples=15, deadline=None, derandomize=True)
SEEDS = st.integers(0, 10_000)


def drawn(seed: int, *shape: int, scale: float = 1.0) -> Any:
    return (scale * np.random.default_rng([seed, *shape]).standard_normal(shape)).astype(np.float32)


@FEW
@given(rows=st.integers(1, 40), width=st.integers(1, 5), seed=SEEDS, scale=st.sampled_from([0.2, 1.0, 4.0]))
def test_the_squashed_gaussian_gives_the_derivative_of_whatever_is_made_of_it(
    rows: int, width: int, seed: int, scale: float
) -> None:
    """A loss of actions and log-densities, both with weights; standard deviations leave their bounds, too."""
    inputs = {"outputs": drawn(seed, rows, 2 * width, scale=scale)}
    by_actions, by_logp = drawn(seed + 1, rows, width), drawn(seed + 2, rows)

    torch.manual_seed(seed)
    noise = torch.randn(rows, width).numpy()

    def formula(arrays: Any) -> Any:
        policy = SquashedGaussian(arrays["outputs"], noise)
        loss = (by_actions * policy.actions).sum() + (by_logp * policy.logp).sum()
        return loss, {"outputs": policy.gradient(by_actions.copy(), by_logp)}

    def autograd(tensors: dict[str, Tensor]) -> Tensor:
        torch.manual_seed(seed)
        actions, logp = squashed_sample(tensors["outputs"])
        loss: Tensor = (torch.from_numpy(by_actions) * actions).sum()
        return loss + (torch.from_numpy(by_logp) * logp).sum()

    check_gradient(formula, autograd, inputs, atol=1e-4 * scale, rtol=1e-4)


@FEW
@given(rows=st.integers(1, 40), seed=SEEDS, scale=st.sampled_from([0.3, 3.0]), weighted=st.booleans())
def test_the_critics_loss_is_hubers(rows: int, seed: int, scale: float, weighted: bool) -> None:
    targets, weights = drawn(seed, rows), np.abs(drawn(seed + 1, rows)) if weighted else None

    def formula(arrays: Any) -> Any:
        loss = TDLoss(arrays["predictions"], targets, weights)
        return loss.value(), {"predictions": loss.gradient()}

    def autograd(tensors: dict[str, Tensor]) -> Tensor:
        losses = huber_loss(tensors["predictions"], torch.from_numpy(targets), reduction="none")
        return losses.mean() if weights is None else (torch.from_numpy(weights) * losses).mean()

    check_gradient(formula, autograd, {"predictions": drawn(seed + 2, rows, scale=scale)})


def test_critics_that_agree_share_the_derivative_as_in_torch() -> None:
    values = [np.array([1, 2, 3], np.float32), np.array([1, 3, 2], np.float32)]
    tensors = [torch.from_numpy(each).requires_grad_() for each in values]
    (-torch.min(*tensors)).mean().backward()
    for ours, tensor in zip(by_each_critic(values), tensors, strict=True):
        assert tensor.grad is not None
        np.testing.assert_allclose(ours, tensor.grad.numpy())
    assert least(values).tolist() == [1, 2, 2]


@FEW
@given(rows=st.integers(1, 40), actions=st.integers(2, 6), seed=SEEDS, alpha=st.floats(0, 2))
def test_the_discrete_policys_derivative_is_autograds(
    rows: int, actions: int, seed: int, alpha: float
) -> None:
    values = drawn(seed, rows, actions)

    def formula(arrays: Any) -> Any:
        policy = DiscretePolicy(arrays["outputs"])
        costs = policy.costs(values, np.float32(alpha))
        return policy.mean_of(costs).mean(), {"outputs": policy.gradient(costs)}

    def autograd(tensors: dict[str, Tensor]) -> Tensor:
        logps = tensors["outputs"].log_softmax(-1)
        return (logps.exp() * (alpha * logps - torch.from_numpy(values))).sum(-1).mean()

    check_gradient(formula, autograd, {"outputs": drawn(seed + 1, rows, actions, scale=2)})


def learner(cls: Any, actions: gym.Space, plain: bool, model: dict[str, Any], **training: Any) -> Any:
    config = SACConfig().training(**training)
    base = {"fcnet_hiddens": [16, 16], "head_fcnet_hiddens": [], "fusionnet_hiddens": [12]} | model
    if plain:
        twin = {"twin_q": training.get("twin_q", True)}
        spec = RLModuleSpec(module_class=PlainCriticsSAC, model_config=config.model_config | base | twin)
        return build(cls, config.rl_module(rl_module_spec=spec), actions)
    return build(cls, config.rl_module(model_config=base), actions)


def update(fast: Any, batch: ReplayBatch) -> dict[str, Any]:
    torch.manual_seed(5)
    result = fast.update(training_data=TrainingData(episodes=[batch]), timesteps=STEPS)
    return {name: stats.peek() for name, stats in result[DEFAULT_MODULE_ID].items()}


MODELS = st.fixed_dictionaries(
    {
        "fcnet_activation": st.sampled_from(["relu", "tanh", "silu", "elu"]),
        "fusionnet_activation": st.sampled_from(["relu", "tanh"]),
        "fusionnet_hiddens": st.sampled_from([[], [12], [12, 8], [9, 9, 9]]),
        "head_fcnet_hiddens": st.sampled_from([[], [10]]),
        "fcnet_hiddens": st.sampled_from([[16], [16, 12]]),
    }
)
TRAINING = st.fixed_dictionaries(
    {
        "twin_q": st.booleans(),
        "grad_clip": st.sampled_from([None, 0.1]),
        "grad_clip_by": st.sampled_from(["global_norm", "value", "norm"]),
        "initial_alpha": st.sampled_from([0.1, 1.0]),
        "tau": st.sampled_from([0.005, 1.0]),
    }
)


@settings(max_examples=3, deadline=None, derandomize=True)
@given(
    model=MODELS,
    training=TRAINING,
    plain=st.booleans(),
    discrete=st.booleans(),
    prioritized=st.booleans(),
    rows=st.integers(2, 40),
)
def test_updates_by_formula_equal_rllibs_and_autograds(
    model: Any, training: Any, plain: bool, discrete: bool, prioritized: bool, rows: int
) -> None:
    """Results, gradients, weights, targets and the temperature, over two updates."""
    actions = gym.spaces.Discrete(3) if discrete else BOX
    plain, training["twin_q"] = plain and not discrete, training["twin_q"] or discrete
    if discrete:
        training["target_entropy"] = -1.0
    stock, formula = (
        learner(cls, actions, plain, model, **training) for cls in (SACTorchLearner, FastSACTorchLearner)
    )
    autograd = learner(FastSACTorchLearner, actions, plain, model, **training)
    assert formula._by_formula is not None
    autograd._by_formula = None
    for number in range(2):
        batch = batch_of(actions, rows, prioritized, n_step=1 + number)
        theirs, ours = update_both(stock, formula, batch)
        assert_same_results(theirs, ours)
        assert_same_learners(stock, formula, atol=1e-5)
        assert_same_results(theirs, update(autograd, batch))
        assert_same_learners(autograd, formula, atol=1e-5)


@pytest.mark.parametrize("hiddens", [[], [6], [6, 5]])
def test_a_fused_critic_goes_back_to_weights_and_actions(hiddens: list[int]) -> None:
    module = learner(FastSACTorchLearner, BOX, False, {"fusionnet_hiddens": hiddens}).module[
        DEFAULT_MODULE_ID
    ]
    compare_critic(module.qf_encoder, module.qf)


def test_a_joined_critic_goes_back_to_weights_and_actions() -> None:
    module = learner(FastSACTorchLearner, BOX, True, {}).module[DEFAULT_MODULE_ID]
    compare_critic(module.qf_encoder, module.qf)


def compare_critic(encoder: Any, head: Any) -> None:
    obs, first, second, slope = drawn(0, 9, 4), drawn(1, 9, 2), drawn(2, 9, 2), drawn(3, 9)
    critic = critic_of(encoder, head, 2)
    parameters = critic.parameters()
    assert {id(each) for each in parameters} == {id(p) for net in (encoder, head) for p in net.parameters()}
    critic.view(flat := FlatParameters(parameters))

    def by_torch(actions: Tensor) -> Tensor:
        for parameter in parameters:
            parameter.grad = None
        inputs = {"obs": torch.from_numpy(obs), "actions": actions}
        values: Tensor = head(encoder(inputs)["encoder_out"]).squeeze(-1)
        values.backward(torch.from_numpy(slope))
        return values.detach()

    expected = by_torch(torch.from_numpy(first))
    wanted = [parameter.grad.clone() for parameter in parameters if parameter.grad is not None]
    np.testing.assert_allclose(critic.forward(obs, first), expected.numpy(), atol=1e-5)
    critic.backward(slope.copy())
    flat.offer_gradients()
    for parameter, gradient in zip(parameters, wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=1e-4)

    expected = by_torch(actions := torch.from_numpy(second.copy()).requires_grad_())
    flat.gradients.zero_()
    np.testing.assert_allclose(critic.forward(obs, second, again=True), expected.numpy(), atol=1e-5)
    assert actions.grad is not None
    np.testing.assert_allclose(critic.to_actions(slope.copy()), actions.grad.numpy(), atol=1e-5)
    assert not flat.gradients.any(), "the weights' derivatives are not asked for"


def test_another_critic_is_named() -> None:
    with pytest.raises(NoFormulaError, match="the critic's encoder is a Linear"):
        critic_of(nn.Linear(6, 3), nn.Linear(3, 1), 2)


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ({}, "updates by formula, without autograd"),
        ({"fcnet_activation": "GELU"}, "updates by autograd: GELU"),
    ],
)
def test_the_log_says_which_way_the_updates_go(
    model: dict[str, Any], line: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="rlexp"):
        learner(FastSACTorchLearner, BOX, False, model)
    assert line in caplog.text


def test_weights_that_are_loaded_are_those_that_learn_on() -> None:
    """After a state is set, the next update by formula goes out from it, targets and temperature included."""
    giver, taker, autograd = (learner(FastSACTorchLearner, BOX, True, {}) for _ in range(3))
    giver.update_from_replay(batch_of(BOX, 16), {})
    for other in (taker, autograd):
        other.update_from_replay(batch_of(BOX, 8), {})
        other.log_updates()
        other.set_state(giver.get_state() | {"weights_seq_no": 100})
    autograd._by_formula = None
    found = []
    for other in (taker, autograd):
        torch.manual_seed(3)
        found.append(other.update_from_replay(batch_of(BOX, 16), {}))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)
    assert_same_learners(autograd, taker, atol=1e-5)

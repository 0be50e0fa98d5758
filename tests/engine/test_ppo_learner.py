"""The fast PPO learner against RLlib's, on the same experience and weights."""

from __future__ import annotations

import logging
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rollouts import CNN, IMAGE, LSTM, SPACES, VECTOR, made_rollout, rollouts_for, stock_episodes
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core import ALL_MODULES, COMPONENT_OPTIMIZER, COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME, NUM_MODULE_STEPS_TRAINED
from vtrace_learners import parameters

from rlexp.engine.learning.policy_change import MeasuredPPOTorchLearner, policy_change
from rlexp.engine.learning.ppo import FastPPOTorchLearner
from rlexp.engine.rollout import Rollout


def _learner(
    cls: type[PPOTorchLearner] = FastPPOTorchLearner,
    actions: str = "discrete",
    observation_space: gym.Space = VECTOR,
    model: dict[str, Any] | None = None,
    seed: int = 0,
    **training: Any,
) -> Any:
    torch.manual_seed(seed)
    action_space = SPACES[actions][0]
    model = {"fcnet_hiddens": [16], "vf_share_layers": False, **(model or {})}
    experimental = {key: training.pop(key) for key in list(training) if key.startswith("_torch")}
    skip = training.pop("torch_skip_nan_gradients", False)
    config = (
        PPOConfig()
        .environment(observation_space=observation_space, action_space=action_space)
        .rl_module(model_config=model)
        .training(**{"lr": 1e-3, "minibatch_size": None, "num_epochs": 1, **training})
        .experimental(**experimental)
    )
    config.torch_skip_nan_gradients = skip
    spec = config.get_multi_rl_module_spec(spaces={DEFAULT_MODULE_ID: (observation_space, action_space)})
    learner = cls(config=config, module_spec=spec)
    learner.build()
    return learner


def _update(learner: Any, rollouts: list[Rollout], **options: Any) -> dict[str, Any]:
    """One update of the whole batch; RLlib's own learner gets episodes. Returns numbers by name."""
    options.setdefault("timesteps", {NUM_ENV_STEPS_SAMPLED_LIFETIME: 100})
    module = learner.module[DEFAULT_MODULE_ID]
    if isinstance(learner, FastPPOTorchLearner):
        result = learner.update(episodes=rollouts, **options)
    else:
        result = learner.update(
            episodes=stock_episodes(rollouts, module.observation_space, module.action_space), **options
        )
    return {
        name: float(np.asarray(stat.peek() if hasattr(stat, "peek") else stat))
        for name, stat in result[DEFAULT_MODULE_ID].items()
    }


def _assert_same_weights(ours: Any, theirs: Any, atol: float = 1e-5) -> None:
    pairs = zip(parameters(ours), parameters(theirs), strict=True)
    for a, b in pairs:
        torch.testing.assert_close(a, b, atol=atol, rtol=1e-4)


def _halving(optimizer: torch.optim.Optimizer) -> Any:
    """A scheduler of torch's, which RLlib steps after each update."""
    return torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)


CASES: dict[str, dict[str, Any]] = {
    "discrete": {},
    "box": {"actions": "box"},
    "multidiscrete": {"actions": "multidiscrete"},
    "shared": {"model": {"vf_share_layers": True}},
    "cnn": {"observation_space": IMAGE, "model": CNN},
    "no_kl": {"use_kl_loss": False},
    "no_critic": {"use_critic": False},
    "tight_clips": {"vf_clip_param": 0.05, "clip_param": 0.02, "kl_coeff": 3.0},
    "entropy": {"entropy_coeff": [[0, 0.5], [200, 0.1]]},
    "global_norm": {"grad_clip": 0.05, "grad_clip_by": "global_norm"},
    "norm": {"grad_clip": 0.02, "grad_clip_by": "norm"},
    "value": {"grad_clip": 0.003, "grad_clip_by": "value"},
    "schedulers": {"_torch_lr_scheduler_classes": [_halving]},
    "lstm": {"model": LSTM},
    "lstm_separate": {"model": {**LSTM, "vf_share_layers": False}},
}


@pytest.mark.parametrize("case", CASES)
def test_one_update_of_the_whole_batch(case: str) -> None:
    """Losses and their parts, gradients, weights after the step and the coefficients afterwards."""
    options = CASES[case]
    ours, theirs = _learner(**options), _learner(PPOTorchLearner, **options)
    rollouts = rollouts_for(ours, options.get("actions", "discrete"))
    _assert_same_weights(ours, theirs, atol=0)
    mine, stock = _update(ours, rollouts), _update(theirs, rollouts)
    stock.pop(
        "diff_num_grad_updates_vs_sampler_policy", None
    )  # these episodes do not say whose weights acted
    assert set(stock) <= set(mine)
    counted = {
        name for name in stock if name.startswith(("num_", "module_"))
    }  # RLlib counts its added steps too
    # RLlib's explained variance is of its added steps too.
    for name in set(stock) - counted - {"vf_explained_var"}:
        assert mine[name] == pytest.approx(stock[name], rel=1e-4, abs=1e-5), name
    for a, b in zip(parameters(ours), parameters(theirs), strict=True):
        assert (a.grad is None) == (b.grad is None)
        if a.grad is not None:
            torch.testing.assert_close(a.grad, b.grad, atol=1e-5, rtol=1e-4)
    assert float(ours.curr_kl_coeffs_per_module[DEFAULT_MODULE_ID]) == float(
        theirs.curr_kl_coeffs_per_module[DEFAULT_MODULE_ID]
    )
    assert mine["num_module_steps_trained"] == sum(len(rollout) for rollout in rollouts)


@pytest.mark.parametrize("case", ["discrete", "tight_clips", "no_kl", "lstm"])
def test_how_far_the_policy_moved_is_logged_in_both_paths(case: str) -> None:
    options = CASES.get(case, {})
    ours, theirs = _learner(**options), _learner(MeasuredPPOTorchLearner, **options)
    rollouts = rollouts_for(ours, options.get("actions", "discrete"))
    mine, stock = _update(ours, rollouts), _update(theirs, rollouts)
    for name in ("approx_kl", "clip_fraction"):
        assert mine[name] == pytest.approx(stock[name], rel=1e-4, abs=1e-5)
    assert mine["approx_kl"] > 0 and 0 < mine["clip_fraction"] <= 1


def test_the_policys_change_is_that_of_the_ratios() -> None:
    log_ratio = torch.tensor([0.0, 0.5, -0.5, 0.1])
    change = policy_change(log_ratio, 0.2, torch.mean)
    expected = ((log_ratio.exp() - 1) - log_ratio).mean()
    assert (
        float(change["approx_kl"]) == pytest.approx(float(expected)) and float(change["clip_fraction"]) == 0.5
    )


@pytest.mark.parametrize("model", [{}, LSTM], ids=["steps", "sequences"])
def test_epochs_and_minibatches(model: dict[str, Any]) -> None:
    """As many optimiser steps as whole passes take, over every step; the last update's parts are logged."""
    learner = _learner(model=model)
    rollouts = rollouts_for(learner)
    steps = sum(len(rollout) for rollout in rollouts)
    result = _update(learner, rollouts, num_epochs=3, minibatch_size=16, shuffle_batch_per_epoch=True)
    made = int(
        learner._named_optimizers["default_policy_default_optimizer"].state[parameters(learner)[0]]["step"]
    )
    if not model:
        assert made == -(-3 * steps // 16)
        assert result["num_module_steps_trained"] == made * 16
    else:
        assert result["num_module_steps_trained"] >= 3 * steps
        assert made > 3
    assert np.isfinite(result["total_loss"])


def test_the_same_seed_gives_the_same_weights() -> None:
    ours = [_learner(), _learner()]
    for learner in ours:
        torch.manual_seed(5)
        _update(learner, rollouts_for(learner), num_epochs=2, minibatch_size=10, shuffle_batch_per_epoch=True)
    _assert_same_weights(*ours, atol=0)


def test_learning_rate_schedule() -> None:
    schedule = [[0, 1e-3], [1000, 0.0]]
    learner = _learner(lr=schedule)
    result = _update(learner, rollouts_for(learner), timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: 500})
    assert result["default_optimizer_learning_rate"] == pytest.approx(5e-4)
    before = [parameter.detach().clone() for parameter in parameters(learner)]
    _update(learner, rollouts_for(learner), timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: 1000})
    assert any(not torch.equal(a, b) for a, b in zip(before, parameters(learner), strict=True))
    before = [parameter.detach().clone() for parameter in parameters(learner)]
    _update(learner, rollouts_for(learner))  # at the rate 0 that the last update set
    assert all(torch.equal(a, b) for a, b in zip(before, parameters(learner), strict=True))


def test_state_goes_to_rllib_and_back() -> None:
    """RLlib's learner goes on from ours as ours does, and ours from RLlib's: weights and Adam's moments."""
    # RLlib keeps the KL coefficient out of the state.
    ours, theirs = _learner(use_kl_loss=False), _learner(PPOTorchLearner, seed=1, use_kl_loss=False)
    rollouts = rollouts_for(ours)
    _update(ours, rollouts)
    theirs.set_state(ours.get_state(components=[COMPONENT_RL_MODULE, COMPONENT_OPTIMIZER]))
    _assert_same_weights(ours, theirs, atol=0)
    _update(ours, rollouts), _update(theirs, rollouts)
    _assert_same_weights(ours, theirs)
    again = _learner(seed=2, use_kl_loss=False)
    again.set_state(theirs.get_state(components=[COMPONENT_RL_MODULE, COMPONENT_OPTIMIZER]))
    _update(again, rollouts), _update(theirs, rollouts)
    _assert_same_weights(again, theirs)


def test_episodes_take_rllibs_own_way() -> None:
    ours, theirs = _learner(), _learner(PPOTorchLearner)
    rollouts = rollouts_for(ours)
    for learner in (ours, theirs):
        learner.update(episodes=stock_episodes(rollouts, VECTOR, SPACES["discrete"][0]))
    _assert_same_weights(ours, theirs, atol=0)


class _OwnLoss(FastPPOTorchLearner):
    """A lab's subclass of the learner, as RLlib documents it."""

    def compute_loss_for_module(
        self, *, module_id: str, config: Any, batch: Any, fwd_out: Any
    ) -> torch.Tensor:
        loss = super().compute_loss_for_module(
            module_id=module_id, config=config, batch=batch, fwd_out=fwd_out
        )
        self.metrics.log_value((module_id, "mean_reward"), batch["rewards"].mean(), window=1)
        return 0.5 * loss


def test_an_overridden_loss_is_used() -> None:
    ours, plain = _learner(_OwnLoss), _learner()
    rollouts = rollouts_for(ours)
    result, expected = _update(ours, rollouts), _update(plain, rollouts)
    assert result["total_loss"] == pytest.approx(0.5 * expected["total_loss"], rel=1e-5)
    rewards = np.concatenate([rollout.rewards[rollout.valid] for rollout in rollouts])
    assert result["mean_reward"] == pytest.approx(rewards.mean(), rel=1e-5)
    for a, b in zip(parameters(ours), parameters(plain), strict=True):
        torch.testing.assert_close(2 * a.grad, b.grad, atol=1e-6, rtol=1e-4)  # type: ignore[operator]


@pytest.mark.parametrize("skip", [False, True])
def test_gradients_that_are_not_finite(skip: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Zeroed where they are, as RLlib does; no step at all where the config says to skip."""
    ours, theirs = (
        _learner(cls, torch_skip_nan_gradients=skip) for cls in (FastPPOTorchLearner, PPOTorchLearner)
    )
    rollouts = rollouts_for(ours)
    before = [parameter.detach().clone() for parameter in parameters(ours)]
    for learner in (ours, theirs):
        parameters(learner)[-1].register_hook(lambda gradient: gradient * float("nan"))
    with caplog.at_level(logging.WARNING):
        _update(ours, rollouts)
    assert "finite" in caplog.text or "nan" in caplog.text
    if skip:
        assert all(torch.equal(a, b) for a, b in zip(before, parameters(ours), strict=True))
    else:
        _update(theirs, rollouts)
        _assert_same_weights(ours, theirs)
        assert not torch.equal(before[0], parameters(ours)[0])


def test_empty_rollouts_change_nothing() -> None:
    learner = _learner()
    rollout = made_rollout(steps=1, first_is_reset=True)
    assert len(rollout) == 0
    before = [parameter.detach().clone() for parameter in parameters(learner)]
    result = learner.update(episodes=[rollout], timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: 0})
    assert all(torch.equal(a, b) for a, b in zip(before, parameters(learner), strict=True))
    assert NUM_MODULE_STEPS_TRAINED not in result.get(ALL_MODULES, {})


def test_policy_lag() -> None:
    learner = _learner()
    rollouts = rollouts_for(learner)
    for rollout in rollouts:
        rollout.weights_seq_no = 0
    assert _update(learner, rollouts)["diff_num_grad_updates_vs_sampler_policy"] == 1.0


MODELS = st.fixed_dictionaries(
    {
        "fcnet_hiddens": st.lists(st.integers(1, 24), min_size=1, max_size=3),
        "fcnet_activation": st.sampled_from(["tanh", "relu", "silu", "elu"]),
        "fcnet_use_layernorm": st.booleans(),
        "head_fcnet_hiddens": st.sampled_from([[], [5]]),
        "vf_share_layers": st.booleans(),
        "free_log_std": st.booleans(),
    }
)
SETTINGS = st.fixed_dictionaries(
    {
        "clip_param": st.floats(0.01, 0.6),
        "vf_clip_param": st.sampled_from([0.05, 1.0, 10.0, float("inf")]),
        "vf_loss_coeff": st.floats(0.1, 2.0),
        "entropy_coeff": st.sampled_from([0.0, 0.02, [[0, 0.1], [200, 0.0]]]),
        "use_kl_loss": st.booleans(),
        "kl_coeff": st.floats(0.0, 1.0),
        "grad_clip": st.sampled_from([None, 0.1, 40.0]),
        "grad_clip_by": st.sampled_from(["global_norm", "norm", "value"]),
    }
)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    actions=st.sampled_from(["discrete", "box", "multidiscrete"]),
    model=MODELS,
    training=SETTINGS,
    seed=st.integers(0, 1000),
)
def test_gradients_by_formula_are_rllibs(
    actions: str, model: dict[str, Any], training: dict[str, Any], seed: int
) -> None:
    """Whatever the layers and the settings: losses, gradients after clipping and the weights after a step."""
    model = {**model, "free_log_std": model["free_log_std"] and actions == "box"}
    options = {"actions": actions, "model": model, "seed": seed, **training}
    ours, theirs = _learner(**options), _learner(PPOTorchLearner, **options)
    assert ours._by_formula is not None
    rollouts = rollouts_for(ours, actions)
    mine, stock = _update(ours, rollouts), _update(theirs, rollouts)
    for name in ("total_loss", "policy_loss", "vf_loss", "vf_loss_unclipped", "entropy", "mean_kl_loss"):
        assert mine[name] == pytest.approx(stock[name], rel=1e-4, abs=1e-5), name
    for a, b in zip(parameters(ours), parameters(theirs), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(a, b, atol=2e-3, rtol=0)  # Adam's first step takes a gradient's sign


def _way(caplog: pytest.LogCaptureFixture, **options: Any) -> str:
    with caplog.at_level(logging.INFO, logger="rlexp"):
        _learner(**options)
    return caplog.messages[-1]


def test_the_log_says_how_updates_are_made(caplog: pytest.LogCaptureFixture) -> None:
    assert _way(caplog) == "updates by formula, without autograd"
    assert "TorchCNNEncoder" in _way(caplog, observation_space=IMAGE, model=CNN)
    assert "use_critic" in _way(caplog, use_critic=False)


def test_a_module_with_hooks_learns_by_autograd() -> None:
    ours = _learner()
    seen: list[Any] = []
    handle = parameters(ours)[0].register_hook(seen.append)
    _update(ours, rollouts_for(ours))
    assert len(seen) == 1
    handle.remove()
    _update(ours, rollouts_for(ours))
    assert len(seen) == 1

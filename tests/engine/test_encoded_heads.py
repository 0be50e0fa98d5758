"""PPO whose encoder learns by autograd and whose heads and loss go by formula, against autograd for all of it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
import tree
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from made_rollouts import CNN, IMAGE, LSTM, SPACES, VECTOR, rollouts_for
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.algorithms.ppo.torch.default_ppo_torch_rl_module import DefaultPPOTorchRLModule
from ray.rllib.core import COMPONENT_OPTIMIZER, COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from ray.rllib.core.models.base import ACTOR, CRITIC, ENCODER_OUT
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from torch import nn
from vtrace_learners import parameters

from rlexp.engine.learning.encoded_ppo_steps import EncodedPPOSteps
from rlexp.engine.learning.ppo import FastPPOTorchLearner


def _learner(
    model: dict[str, Any],
    actions: str = "discrete",
    module_class: type | None = None,
    by_formula: bool = True,
    **training: Any,
) -> FastPPOTorchLearner:
    torch.manual_seed(0)
    space = IMAGE if "conv_filters" in model else VECTOR
    config = (
        PPOConfig()
        .environment(observation_space=space, action_space=SPACES[actions][0])
        .rl_module(model_config={"fcnet_hiddens": [8], **model})
        .training(**{"lr": 1e-3, "minibatch_size": None, "num_epochs": 1, **training})
    )
    if module_class is not None:
        config.rl_module(rl_module_spec=RLModuleSpec(module_class=module_class))
    spec = config.get_multi_rl_module_spec(spaces={DEFAULT_MODULE_ID: (space, SPACES[actions][0])})
    learner = FastPPOTorchLearner(config=config, module_spec=spec)
    learner.build()
    if not by_formula:
        learner._by_formula = None
    return learner


def _pair(model: dict[str, Any], **options: Any) -> tuple[FastPPOTorchLearner, FastPPOTorchLearner]:
    ours, plain = _learner(model, **options), _learner(model, by_formula=False, **options)
    assert isinstance(ours._by_formula, EncodedPPOSteps)
    return ours, plain


def _update(learner: FastPPOTorchLearner, actions: str = "discrete", **options: Any) -> dict[str, float]:
    torch.manual_seed(3)
    result = learner.update(episodes=rollouts_for(learner, actions), timesteps={}, **options)
    assert result is not None
    values = tree.map_structure(
        lambda stat: float(stat.peek() if hasattr(stat, "peek") else stat), result[DEFAULT_MODULE_ID]
    )
    return dict(values)


def _assert_same(ours: FastPPOTorchLearner, plain: FastPPOTorchLearner) -> None:
    for a, b in zip(parameters(ours), parameters(plain), strict=True):
        assert (a.grad is None) == (b.grad is None)
        if a.grad is not None and b.grad is not None:
            torch.testing.assert_close(a.grad, b.grad, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(a, b, atol=2e-3, rtol=0)  # Adam's first step takes a gradient's sign


MODELS = st.sampled_from(
    [
        LSTM,
        {**LSTM, "vf_share_layers": False, "max_seq_len": 3},
        {**CNN, "vf_share_layers": True, "head_fcnet_hiddens": [6], "head_fcnet_activation": "relu"},
        {**CNN, "vf_share_layers": False, "head_fcnet_hiddens": [5, 4], "head_fcnet_activation": "silu"},
    ]
)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    model=MODELS,
    actions=st.sampled_from(sorted(SPACES)),
    free=st.booleans(),
    training=st.fixed_dictionaries(
        {
            "clip_param": st.floats(0.01, 0.6),
            "vf_clip_param": st.sampled_from([0.05, 10.0, float("inf")]),
            "entropy_coeff": st.sampled_from([0.0, 0.02]),
            "use_kl_loss": st.booleans(),
            "grad_clip": st.sampled_from([None, 0.1, 40.0]),
            "grad_clip_by": st.sampled_from(["global_norm", "norm", "value"]),
        }
    ),
)
def test_losses_and_gradients_are_those_of_autograd(
    model: dict[str, Any], actions: str, free: bool, training: dict[str, Any]
) -> None:
    # RLlib's own free standard deviations do not take sequences.
    model = {**model, "free_log_std": free and actions == "box" and "use_lstm" not in model}
    ours, plain = _pair(model, actions=actions, **training)
    mine, theirs = _update(ours, actions), _update(plain, actions)
    assert mine.keys() == theirs.keys()
    for name, value in theirs.items():
        if not name.startswith("num_module_steps_trained_lifetime_throughput"):
            assert mine[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name
    _assert_same(ours, plain)


@pytest.mark.slow
@pytest.mark.parametrize("model", [LSTM, {**CNN, "vf_share_layers": True}], ids=["memory", "images"])
def test_epochs_of_minibatches_end_at_the_same_weights(model: dict[str, Any]) -> None:
    ours, plain = _pair(model, grad_clip=0.5)
    for learner in (ours, plain):
        _update(learner, num_epochs=2, minibatch_size=24, shuffle_batch_per_epoch=True)
    for a, b in zip(parameters(ours), parameters(plain), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


class _Parts(nn.Module):
    """An encoder of one's own: a part that nothing reads, and a critic that sends no gradient back."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.unread = nn.GRUCell(4, 8), nn.Linear(2, 2)

    def forward(self, batch: dict[str, Any]) -> dict[str, Any]:
        encoded = self.net(batch["obs"])
        return {ENCODER_OUT: {ACTOR: encoded, CRITIC: encoded.detach()}}


class OwnEncoder(DefaultPPOTorchRLModule):
    """RLlib's module with that encoder."""

    def setup(self) -> None:
        super().setup()
        self.encoder = _Parts()


def test_an_encoder_of_ones_own_keeps_autograd_and_parameters_without_a_gradient_stay() -> None:
    model = {"vf_share_layers": True, "head_fcnet_hiddens": [], "fcnet_hiddens": [8]}
    ours, plain = _pair(model, module_class=OwnEncoder)
    for _ in range(2):
        _update(ours), _update(plain)
    _assert_same(ours, plain)
    unread = ours.module[DEFAULT_MODULE_ID].unwrapped().encoder.unread
    assert all(parameter.grad is None for parameter in unread.parameters())


class FrozenEncoder(DefaultPPOTorchRLModule):
    """RLlib's module whose encoder is not trained."""

    def setup(self) -> None:
        super().setup()
        for parameter in self.encoder.parameters():
            parameter.requires_grad_(False)


def test_a_frozen_encoder_leaves_all_to_autograd(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="rlexp"):
        learner = _learner({**CNN, "vf_share_layers": True}, module_class=FrozenEncoder)
    assert learner._by_formula is None
    assert "updates by autograd" in caplog.text


def test_the_log_says_what_keeps_autograd_and_why(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="rlexp"):
        _learner(LSTM)
    assert "heads and losses by formula, the encoder by autograd" in caplog.messages[-1]
    assert "TorchStatefulActorCriticEncoder" in caplog.messages[-1]


def test_a_learner_by_autograd_goes_on_from_its_state() -> None:
    """Weights and Adam's moments, which lie side by side in one of the two."""
    ours, plain = _pair(LSTM, use_kl_loss=False)
    _update(ours)
    plain.set_state(ours.get_state(components=[COMPONENT_RL_MODULE, COMPONENT_OPTIMIZER]))
    _update(ours), _update(plain)
    for a, b in zip(parameters(ours), parameters(plain), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)

"""Policies on an encoder that runs in torch: their heads act in numpy for few rows, and in torch for many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from made_rollouts import CNN, IMAGE, SPACES
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.columns import Columns
from ray.rllib.core.models.base import ACTOR, ENCODER_OUT

from rlexp.engine.acting.numpy_actors import MOST_ROWS, EncodedActor, numpy_actor


def _module(actions: str, **model: Any) -> Any:
    space = SPACES[actions][0]
    config = PPOConfig().environment(observation_space=IMAGE, action_space=space)
    config.rl_module(model_config={**CNN, "vf_share_layers": True, "head_fcnet_hiddens": [6], **model})
    torch.manual_seed(3)
    return config.get_rl_module_spec(spaces={"default_policy": (IMAGE, space)}).build()


@pytest.mark.parametrize("rows", [1, 5, MOST_ROWS + 1])
@pytest.mark.parametrize(
    ("actions", "model"),
    [
        ("discrete", {}),
        ("box", {"free_log_std": True, "head_fcnet_activation": "tanh"}),
        ("discrete", {"head_fcnet_activation": "GELU"}),
    ],
    ids=["discrete", "box", "head_of_unknown_layers"],
)
def test_outputs_and_kept_embeddings_are_the_modules(actions: str, model: dict[str, Any], rows: int) -> None:
    """Also after the weights have changed in place, and after torch has put them elsewhere."""
    module = _module(actions, **model)
    actor = numpy_actor(module, rows, 0)
    assert isinstance(actor, EncodedActor)
    images = np.random.default_rng(0).random((rows, *IMAGE.shape), np.float32)
    batch = {Columns.OBS: torch.from_numpy(images)}
    for change in (lambda p: p, lambda p: p.add_(0.05), lambda p: p.set_(p.detach().clone() * 1.5)):
        with torch.no_grad():
            for parameter in module.parameters():
                change(parameter)
            actor.refresh()
            expected = module.forward_exploration(batch)[Columns.ACTION_DIST_INPUTS].numpy()
            encoded = module.encoder(batch)[ENCODER_OUT][ACTOR].numpy()
        choice = actor.act(images, None, True, 0)
        outputs = choice.outputs[Columns.ACTION_DIST_INPUTS]
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
        assert choice.embeddings is not None
        np.testing.assert_allclose(choice.embeddings, encoded, rtol=1e-4, atol=1e-5)

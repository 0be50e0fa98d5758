"""Images stay channels last from the buffer to the dense layers: torch would copy each layer's input otherwise."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from made_rollouts import made_rollout
from ray.rllib.core.models.configs import CNNEncoderConfig
from torch import nn

from rlexp.engine.learning import train_batch
from rlexp.engine.network_functions import encoder_function, overwrite_activations

IMAGE = gym.spaces.Box(0.0, 1.0, (20, 20, 4), np.float32)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_no_layer_of_rllibs_image_encoder_gets_another_layout_than_the_buffers(padding: str) -> None:
    filters = [[8, 4, 2, padding], [8, 3, 1, padding]]
    encoder = CNNEncoderConfig(
        input_dims=[20, 20, 4], cnn_filter_specifiers=filters, cnn_activation="relu", flatten_at_end=True
    ).build("torch")
    overwrite_activations(encoder)
    seen: list[tuple[bool, int]] = []

    def look(_: nn.Module, inputs: Any) -> None:
        layout = inputs[0].is_contiguous(memory_format=torch.channels_last)
        seen.append((layout, inputs[0].data_ptr()))

    for layer in encoder.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_pre_hook(look)
    rollout = made_rollout(steps=6, observation_space=IMAGE)
    observations = train_batch.observations_of([rollout], "cpu")
    batch = train_batch.of_steps([rollout], observations, "cpu").minibatch(torch.arange(5), ())
    before = batch["obs"].data_ptr()
    encoded = encoder_function(encoder)(batch["obs"])
    assert len(seen) == 2 and all(layout for layout, _ in seen)
    assert padding == "same" or seen[0][1] == before  # Padding makes a larger image.
    assert encoded.is_contiguous()


@pytest.mark.parametrize("shape", [(7,), (3, 2)], ids=["steps", "sequences"])
def test_a_minibatch_holds_the_observations_of_its_rows(shape: tuple[int, ...]) -> None:
    rollout = made_rollout(steps=6, observation_space=IMAGE)
    observations = train_batch.observations_of([rollout], "cpu")
    batch = train_batch.of_steps([rollout], observations, "cpu")
    batch.rows = torch.randint(0, len(observations), shape)
    assert torch.equal(batch.minibatch(None, ())["obs"], observations[batch.rows])

"""Convolution stacks: the size they leave, a default for any image, the refusal of those that do not fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlexp.base.errors import ConfigError
from rlexp.models.conv_filters import check_filters, default_filters, output_size, tiny_filters, written


@given(height=st.integers(1, 300), width=st.integers(1, 300), channels=st.integers(1, 12))
def test_default_fits_every_image(height, width, channels):
    shape = (height, width, channels)
    filters = default_filters(shape)
    check_filters(shape, filters)
    assert max(output_size(shape, filters)) <= 10
    tiny = tiny_filters(shape)
    check_filters(shape, tiny)
    assert max(output_size(shape, tiny)) <= 3


@pytest.mark.parametrize(
    "shape", [(84, 84, 4), (7, 7, 3), (20, 31, 1), (64, 64, 3), (3, 5, 2), (210, 160, 3)]
)
def test_size_is_what_the_network_makes(shape):
    import torch
    from ray.rllib.core.models.torch.primitives import TorchCNN

    filters = default_filters(shape)
    made = TorchCNN(input_dims=shape, cnn_filter_specifiers=filters)(torch.zeros(1, *shape)).shape
    assert tuple(made[1:3]) == output_size(shape, filters)


def test_too_small_image_names_filters_that_fit():
    with pytest.raises(ConfigError) as caught:
        check_filters((7, 7, 3), [[32, 8, 4, "valid"], [64, 4, 2, "valid"]])
    assert caught.value.key == "model.conv_filters"
    assert "7x7" in str(caught.value)
    assert caught.value.fix == f"model.conv_filters={written(default_filters((7, 7, 3)))}"


@pytest.mark.parametrize(
    "filters",
    [[], "big", [[16, 4]], [[16, 0, 1]], [[16, 4, 2, "around"]], [[0, 4, 2]], [[16, [4], 2]], [[True, 4, 2]]],
)
def test_malformed_filters_are_refused(filters):
    with pytest.raises(ConfigError) as caught:
        check_filters((84, 84, 3), filters)
    assert caught.value.key == "model.conv_filters" and caught.value.fix

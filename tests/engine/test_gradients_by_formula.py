"""Layers, distributions and losses by formula: values and gradients are those of autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rlexp.engine.dense.chain import NoFormulaError, chain_of
from rlexp.engine.dense.flat_parameters import FlatParameters
from rlexp.engine.dense.layers import LAYERS, Layer, ReLU, Tanh
from rlexp.engine.gradients import distributions as by_formula
from rlexp.engine.learning import distributions as by_torch
from rlexp.testing import check_gradient, check_layer

MODULES: dict[type[nn.Module], Callable[[int], nn.Module]] = {
    nn.Linear: lambda width: nn.Linear(width, 9),
    nn.LayerNorm: lambda width: nn.LayerNorm(width, eps=0.001),
}
SIZES = (3, 2)
PAIRS: dict[str, tuple[Any, Any, int]] = {
    "categorical": (by_formula.Categorical, by_torch.Categorical, 4),
    "gaussian": (by_formula.DiagGaussian, by_torch.DiagGaussian, 4),
    "multi_categorical": (
        lambda outputs: by_formula.MultiCategorical(outputs, SIZES),
        lambda logits: by_torch.MultiCategorical(logits, SIZES),
        sum(SIZES),
    ),
}


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
def test_a_layers_passes_are_torchs(kind: type[nn.Module]) -> None:
    check_layer(LAYERS[kind], MODULES.get(kind, lambda width: kind()))


def test_a_linear_layer_without_bias_too() -> None:
    check_layer(LAYERS[nn.Linear], lambda width: nn.Linear(width, 4, bias=False))


def test_an_elu_of_another_alpha_too() -> None:
    check_layer(LAYERS[nn.ELU], lambda width: nn.ELU(alpha=0.3))


def test_a_wrong_derivative_is_named() -> None:
    class WrongTanh(Tanh):
        def backward(self, dy: Any, to_weights: bool = True, to_input: bool = True) -> Any:
            return dy * (1 - self._y)

    with pytest.raises(AssertionError, match="the derivative by the input"):
        check_layer(WrongTanh, lambda width: nn.Tanh())


def test_a_derivative_in_doubles_is_named() -> None:
    class Doubles(ReLU):
        def backward(self, dy: Any, to_weights: bool = True, to_input: bool = True) -> Any:
            return np.multiply(dy, self._y > 0, dtype=np.float64)

    with pytest.raises(AssertionError, match="float64"):
        check_layer(Doubles, lambda width: nn.ReLU())


def test_a_wrong_gradient_of_a_loss_is_named() -> None:
    x = np.array([1.0, -2.0], np.float32)
    check_gradient(
        lambda a: (float((a["x"] ** 2).sum()), {"x": 2 * a["x"]}), lambda t: t["x"].square().sum(), {"x": x}
    )
    with pytest.raises(AssertionError, match="the derivative by x"):
        check_gradient(
            lambda a: (float((a["x"] ** 2).sum()), {"x": a["x"]}), lambda t: t["x"].square().sum(), {"x": x}
        )


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    rows=st.integers(1, 40),
    seed=st.integers(0, 10_000),
    scale=st.sampled_from([0.1, 1.0, 5.0]),
    weights=st.tuples(st.floats(-2, 2), st.floats(0, 1), st.floats(0, 2)),
)
def test_distributions_give_the_derivative_of_whatever_is_made_of_them(
    name: str, rows: int, seed: int, scale: float, weights: tuple[float, float, float]
) -> None:
    """A loss of log-probabilities (each row with a weight of its own), entropy and divergence."""
    ours, torchs, width = PAIRS[name]
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> Any:
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    inputs = {
        "outputs": draw(rows, width),
        "then": draw(rows, width),
        "by_row": draw(rows) * np.float32(weights[0]),
    }
    actions = {
        "categorical": rng.integers(4, size=rows),
        "gaussian": draw(rows, 2),
        "multi_categorical": np.stack([rng.integers(n, size=rows) for n in SIZES], axis=1),
    }[name]
    if name == "gaussian":
        for key in ("outputs", "then"):
            inputs[key] = np.clip(inputs[key], -2, 2)

    def formula(arrays: Any) -> Any:
        now = ours(arrays["outputs"])
        logp, kl = now.logp(actions), now.divergence_from(ours(arrays["then"]))
        loss = (arrays["by_row"] * logp).sum() + weights[1] * now.entropy().sum() + weights[2] * kl.sum()
        return loss, {"outputs": now.gradient(arrays["by_row"], weights[1], weights[2])}

    def autograd(tensors: dict[str, Tensor]) -> Tensor:
        now = torchs(tensors["outputs"])
        logp, kl = now.logp(torch.from_numpy(actions)), torchs(tensors["then"]).kl(now)
        loss: Tensor = (
            (tensors["by_row"] * logp).sum() + weights[1] * now.entropy().sum() + weights[2] * kl.sum()
        )
        return loss

    check_gradient(formula, autograd, inputs, atol=2e-4 * scale, rtol=1e-4)


def test_a_masked_actions_probability_is_zero_and_has_no_derivative() -> None:
    outputs = np.array([[0.3, -np.inf, 1.0]], np.float32)
    now = by_formula.Categorical(outputs)
    assert np.isfinite(now.logp(np.array([0]))).all() and np.isfinite(now.entropy()).all()
    assert now.divergence_from(by_formula.Categorical(outputs)) == pytest.approx([0], abs=1e-6)
    gradient = now.gradient(np.ones(1, np.float32), 0.5, 0.5)
    assert np.isfinite(gradient).all() and gradient[0, 1] == 0


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU, nn.SiLU, nn.ELU])
def test_a_chain_goes_back_through_all_its_layers(activation: type[nn.Module]) -> None:
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Linear(6, 8), nn.LayerNorm(8), activation(), nn.Linear(8, 8), activation(), nn.Linear(8, 3)
    )
    x = torch.randn(11, 6, requires_grad=True)
    slope = torch.randn(11, 3)
    net(x).backward(slope)
    expected = [parameter.grad.clone() for parameter in net.parameters() if parameter.grad is not None]
    chain, flat = chain_of(net), FlatParameters(net.parameters())
    chain.view(flat)
    chain.forward(x.detach().numpy())
    by_input = chain.backward(slope.numpy().copy(), to_input=True)
    assert x.grad is not None and by_input is not None
    np.testing.assert_allclose(by_input, x.grad.numpy(), atol=1e-5)
    flat.offer_gradients()
    for parameter, wanted in zip(net.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, wanted, atol=1e-5, rtol=1e-4)


def test_what_is_no_chain_is_named() -> None:
    with pytest.raises(NoFormulaError, match="GELU"):
        chain_of(nn.Sequential(nn.Linear(2, 2), nn.GELU()))
    with pytest.raises(NoFormulaError, match="begins with Tanh"):
        chain_of(nn.Tanh(), nn.Linear(2, 2))


def test_parameters_that_torch_moved_are_taken_back() -> None:
    net = nn.Linear(3, 2)
    flat = FlatParameters(net.parameters())
    layer: Layer = chain_of(net).layers[0]
    layer.view(*flat.arrays(layer.parameters()))
    moved = torch.full((2, 3), 2.0)
    net.weight.data = moved
    flat.gather()
    net.bias.data.zero_()
    assert layer.forward(np.ones((1, 3), np.float32)).tolist() == [[6.0, 6.0]]
    assert net.weight.data_ptr() != moved.data_ptr()

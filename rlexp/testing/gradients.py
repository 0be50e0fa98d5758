"""Whether a layer or a loss whose gradient is written by formula has the values and gradients that autograd finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rlexp.engine.dense.flat_parameters import FlatParameters
from rlexp.engine.dense.layers import Layer

Array = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]

SHAPES = ((7, 5), (1, 1), (3, 8), (64, 16))
"""Rows and widths that a layer is tried with, one after the other: more rows and fewer than before."""


class Differences:
    """What two ways to the same numbers do not agree on.

    Args:
        atol, rtol: how far a number may be off.
    """

    def __init__(self, atol: float, rtol: float) -> None:
        self._atol, self._rtol = atol, rtol
        self._lines: list[str] = []

    def note(self, line: str) -> None:
        """Notes one."""
        self._lines.append(line)

    def compare(self, what: str, got: NDArray[Any], wanted: NDArray[Any]) -> None:
        """Notes where `got` is not what autograd gives."""
        if got.shape != wanted.shape:
            self.note(f"{what} has the shape {got.shape}, by autograd {wanted.shape}")
            return
        if got.dtype == np.float64 and got.ndim:
            self.note(f"{what} is float64; an array of float32 stays so beside np.float32(...)")
        off = np.abs(got - wanted)
        if (off <= self._atol + self._rtol * np.abs(wanted)).all():
            return
        worst = np.unravel_index(int(np.argmax(off)), off.shape)
        self.note(f"{what} is {got[worst]:.6g} at {tuple(map(int, worst))}, by autograd {wanted[worst]:.6g}")

    def finish(self, name: str) -> None:
        """Ends the comparison.

        Raises:
            AssertionError: there are differences; all of them are in its message.
        """
        if self._lines:
            raise AssertionError(
                f"{name} differs from autograd:" + "".join(f"\n  - {line}" for line in self._lines)
            )


def check_layer(
    layer: type[Layer],
    module: Callable[[int], nn.Module],
    *,
    seed: int = 0,
    atol: float = 1e-5,
    rtol: float = 1e-4,
) -> None:
    """Compares a layer's two passes with torch's, on rows of several numbers and widths.

    Args:
        layer: the class.
        module: makes the torch module that it stands for, for inputs of so many columns.
        seed: of inputs and weights.
        atol, rtol: how far a number may be off.

    Raises:
        AssertionError: with all that differs, or is written though it was not asked for.
    """
    differences = Differences(atol, rtol)
    generator = np.random.default_rng(seed)
    torch.manual_seed(seed)
    for rows, width in SHAPES:
        where = f"for {rows} x {width} inputs"
        _compare_layer(differences, where, layer, module(width), _drawn(generator, rows, width))
    differences.finish(layer.__name__)


def check_gradient(
    by_formula: Callable[[Arrays], tuple[float, Arrays]],
    by_autograd: Callable[[dict[str, Tensor]], Tensor],
    inputs: Arrays,
    *,
    atol: float = 1e-5,
    rtol: float = 1e-4,
) -> None:
    """Compares a loss and its gradient with what autograd makes of the same formula.

    Args:
        by_formula: inputs to the loss and its derivatives, by the name of the input; those that it names are compared.
        by_autograd: the same inputs as tensors to the loss, a scalar.
        inputs: arrays by name; those of floats may be differentiated by.
        atol, rtol: how far a number may be off.

    Raises:
        AssertionError: with all that differs.
    """
    differences = Differences(atol, rtol)
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in inputs.items()}
    loss, gradients = by_formula({name: np.array(array) for name, array in inputs.items()})
    for name in gradients:
        tensors[name].requires_grad_()
    expected = by_autograd(tensors)
    expected.backward()
    differences.compare("the loss", np.asarray(loss), expected.detach().numpy())
    for name, gradient in gradients.items():
        slope = tensors[name].grad
        wanted = np.zeros_like(inputs[name]) if slope is None else slope.numpy()
        differences.compare(f"the derivative by {name}", gradient, wanted)
    differences.finish(by_formula.__name__)


def _compare_layer(
    differences: Differences, where: str, kind: type[Layer], module: nn.Module, x: Array
) -> None:
    inputs = torch.from_numpy(x.copy()).requires_grad_()
    expected = module(inputs)
    slope = _drawn(np.random.default_rng(1), *expected.shape)
    expected.backward(torch.from_numpy(slope.copy()))
    wanted = [
        parameter.grad.numpy().copy() for parameter in module.parameters() if parameter.grad is not None
    ]

    layer = kind(module)
    buffers = FlatParameters(module.parameters())
    weights, gradients = buffers.arrays(layer.parameters())
    layer.view(weights, gradients)
    y = layer.forward(x.copy())
    differences.compare(f"the output {where}", y, expected.detach().numpy())
    buffers.gradients.fill_(float("nan"))
    dx = layer.backward(slope.copy())
    assert inputs.grad is not None
    if dx is None:
        differences.note("backward returns None though the derivative by the input is wanted")
    else:
        differences.compare(f"the derivative by the input {where}", dx, inputs.grad.numpy())
    for i, gradient in enumerate(gradients):
        differences.compare(f"the derivative by parameter {i} {where}", gradient, wanted[i])
    layer.forward(x.copy())
    buffers.gradients.fill_(0)
    layer.backward(slope.copy(), to_weights=False)
    if buffers.gradients.any():
        differences.note("backward writes gradients though to_weights is false")


def _drawn(generator: np.random.Generator, rows: int, width: int) -> Array:
    return (2 * generator.standard_normal((rows, width))).astype(np.float32)

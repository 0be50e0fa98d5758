"""Layers with a forward and a backward pass in numpy; the derivative stands beside the formula.

With y the output of a layer, x its input and L the loss, `forward` takes x to y, and `backward` takes dL/dy to dL/dx
and writes dL/dw for the layer's own parameters. A layer keeps what its backward pass needs until its next forward
pass. Rows are the first axis, and arrays are float32.

Whoever adds a layer writes both passes and registers the torch module that it stands for in `LAYERS`
(`rlexp.testing.check_layer` compares both with autograd).
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from rlexp.engine.dense import kernels
from rlexp.engine.dense.functions import Function

Array = NDArray[np.float32]

_ONE = np.float32(1)


class Layer(abc.ABC):
    """One step of a chain.

    Args:
        module: the torch module that it stands for; its parameters are read, and changed by nobody here.
    """

    _rows = -1

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.kernels = kernels.current()
        self._arrays: dict[str, Array] = {}

    def parameters(self) -> list[Tensor]:
        """Of the torch module, in torch's order."""
        return list(self.module.parameters())

    def view(self, weights: Sequence[Array], gradients: Sequence[Array] | None) -> None:  # noqa: B027
        """Takes the arrays that hold `parameters()` now, and those to write their gradients to (None: no training)."""

    @abc.abstractmethod
    def forward(self, x: Array) -> Array:
        """[B, in] to [B, out]; may overwrite x. The result is the layer's own array until the next call."""

    @abc.abstractmethod
    def backward(self, dy: Array, to_weights: bool = True, to_input: bool = True) -> Array | None:
        """dL/dy [B, out] to dL/dx [B, in]; may overwrite dy.

        Args:
            dy: the loss's derivative by the last result of `forward`.
            to_weights: whether to write the parameters' gradients.
            to_input: whether dL/dx is wanted; None is returned otherwise.
        """

    def _array(self, name: str, rows: int, width: int) -> Array:
        """An array of the layer's own: made once, and again for more rows."""
        array = self._arrays.get(name)
        if array is None or len(array) < rows:
            array = self._arrays[name] = np.empty((rows, width), np.float32)
        return array if len(array) == rows else array[:rows]


class Linear(Layer):
    """y = x Wᵀ + b, so dL/dx = dL/dy W, dL/dW = (dL/dy)ᵀ x and dL/db = the sum of dL/dy over the rows."""

    module: nn.Linear
    _learns = False

    def view(self, weights: Sequence[Array], gradients: Sequence[Array] | None) -> None:
        """See `Layer`."""
        self.weight, self.bias = weights[0], weights[1] if len(weights) > 1 else None
        if self._learns != (gradients is not None):
            self._learns, self._rows = gradients is not None, -1
        if gradients is not None:
            self._weight_gradient = gradients[0]
            self._bias_gradient = gradients[1] if len(gradients) > 1 else None

    def forward(self, x: Array) -> Array:
        """See `Layer`."""
        if len(x) != self._rows:
            self._choose(len(x))
        self._x = x
        return self._linear(x, self.weight, self.bias, self._y)

    def keep(self, x: Array) -> None:
        """What `forward` would do for `backward`, where something else has made the result."""
        self._x = x
        if len(x) != self._rows:
            self._choose(len(x))

    def backward(self, dy: Array, to_weights: bool = True, to_input: bool = True) -> Array | None:
        """See `Layer`."""
        if to_weights:
            self._transposed_times(dy, self._x, self._weight_gradient)
            if self._bias_gradient is not None:
                np.matmul(self._ones, dy, out=self._bias_gradient)
        return self._times(dy, self.weight, self._dx) if to_input else None

    def _choose(self, rows: int) -> None:
        """The products for so many rows, and their arrays."""
        shape = rows, self.weight.shape[1], self.weight.shape[0]
        products = self.kernels.products
        self._rows, self._y = rows, self._array("y", rows, shape[2])
        self._linear = products("forward", *shape).linear
        if self._learns:
            self._dx, self._ones = self._array("dx", rows, shape[1]), _ones(rows)
            self._times = products("by_input", *shape).times
            self._transposed_times = products("by_weights", *shape).transposed_times


class Activation(Layer):
    """A function of each number, whose derivative is one of its value: a library may make it with the layer before."""

    name: ClassVar[str]
    """As `rlexp.engine.dense.products.OneDNNProducts` knows it."""

    def keep(self, y: Array) -> None:
        """What `forward` would do for `backward`, where something else has made the result."""
        self._y = y


class Tanh(Activation):
    """y = tanh x, so dy/dx = 1 - y²."""

    name = "tanh"
    _tanh: Function

    def forward(self, x: Array) -> Array:
        """See `Layer`."""
        if len(x) != self._rows:
            self._rows, self._tanh = len(x), self.kernels.function("tanh", x.size)
        self._y = self._tanh(x, x)
        return self._y

    def backward(self, dy: Array, to_weights: bool = True, to_input: bool = True) -> Array | None:
        """See `Layer`."""
        slope = self._array("slope", *self._y.shape)
        np.multiply(self._y, self._y, out=slope)
        np.subtract(_ONE, slope, out=slope)
        return np.multiply(dy, slope, out=dy)


class ReLU(Activation):
    """y = max(x, 0), so dy/dx = 1 where y > 0, else 0."""

    name = "relu"

    def forward(self, x: Array) -> Array:
        """See `Layer`."""
        self._y = np.maximum(x, np.float32(0), out=x)
        return self._y

    def backward(self, dy: Array, to_weights: bool = True, to_input: bool = True) -> Array | None:
        """See `Layer`."""
        return np.multiply(dy, self._y > 0, out=dy)


class SiLU(Layer):
    """y = x s with s = 1 / (1 + exp -x), so dy/dx = s + y (1 - s) (Elfwing et al. 2018, eq. 4)."""

    _sigmoid: Function

    def forward(self, x: Array) -> Array:
        """See `Layer`."""
        if len(x) != self._rows:
            self._rows, self._sigmoid = len(x), self.kernels.function("sigmoid", x.size)
        self._s = self._sigmoid(x, self._array("s", *x.shape))
        self._y = np.multiply(x, self._s, out=x)
        return self._y

    def backward(self, dy: Array, to_weights: bool = True, to_input: bool = True) -> Array | None:
        """See `Layer`."""
        slope = self._array("slope", *self._s.shape)
        np.subtract(_ONE, self._s, out=slope)
        slope *= self._y
        slope += self._s
        return np.multiply(dy, slope, out=dy)


class ELU(Layer):
    """y = x where x > 0, else a (exp x - 1); so dy/dx = 1 where y > 0, else y + a (Clevert et al. 2016, eq. 15)."""

    module: nn.ELU
    _expm1: Function

    def forward(self, x: Array) -> Array:
        """See `Layer`."""
        if len(x) != self._rows:
            self._rows, self._expm1 = len(x), self.kernels.function("expm1", x.size)
        below = np.minimum(x, np.float32(0), out=self._array("below", *x.shape))
        self._expm1(below, below)
        below *= np.float32(self.module.alpha)
        self._y = np.maximum(x, np.float32(0), out=x)
        self._y += below
        self._slope = below
        return self._y

    def backward(self, dy: Array, to_weights: bool = True, to_input: bool = True) -> Array | None:
        """See `Layer`."""
        slope = self._slope
        slope += np.float32(self.module.alpha)
        slope[self._y > 0] = _ONE
        return np.multiply(dy, slope, out=dy)


class LayerNorm(Layer):
    """y = n g + b with n = (x - mean x) / s, s² = var x + eps, over each row (Ba et al. 2016).

    With d = dL/dy g: dL/dx = (d - mean d - n mean(d n)) / s; dL/dg = the sum of dL/dy n over the rows, dL/db of dL/dy.
    """

    module: nn.LayerNorm

    def view(self, weights: Sequence[Array], gradients: Sequence[Array] | None) -> None:
        """See `Layer`."""
        self._gain, self._bias = weights
        if gradients is not None:
            self._gain_gradient, self._bias_gradient = gradients

    def forward(self, x: Array) -> Array:
        """See `Layer`."""
        x -= _row_means(x)
        self._scale = _ONE / np.sqrt(_row_means(x * x) + np.float32(self.module.eps))
        x *= self._scale
        self._n = x
        y = np.multiply(x, self._gain, out=self._array("y", *x.shape))
        y += self._bias
        return y

    def backward(self, dy: Array, to_weights: bool = True, to_input: bool = True) -> Array | None:
        """See `Layer`."""
        if to_weights:
            np.sum(dy * self._n, axis=0, out=self._gain_gradient)
            np.matmul(_ones(len(dy)), dy, out=self._bias_gradient)
        if not to_input:
            return None
        dy *= self._gain
        along = _row_means(dy * self._n)
        dy -= _row_means(dy)
        dy -= self._n * along
        dy *= self._scale
        return dy


class Clamped(Layer):
    """The second half of a row, logarithms of standard deviations, kept within +-limit; dy/dx is 1 within, else 0."""

    def __init__(self, module: nn.Module, limit: float) -> None:
        super().__init__(module)
        self._limit = np.float32(limit)

    def parameters(self) -> list[Tensor]:
        """None: they are those of the layers before."""
        return []

    def forward(self, x: Array) -> Array:
        """See `Layer`."""
        self._inside, clipped = _clipped(x[:, x.shape[1] // 2 :], self._limit)
        x[:, x.shape[1] // 2 :] = clipped
        return x

    def backward(self, dy: Array, to_weights: bool = True, to_input: bool = True) -> Array | None:
        """See `Layer`."""
        dy[:, dy.shape[1] // 2 :] *= self._inside
        return dy


class FreeLogStd(Layer):
    """Means, beside which stand logarithms of standard deviations that are parameters, the same in each row.

    dL/dx is the first half of dL/dy, and the parameters' derivative is the sum of the second over the rows.
    """

    def __init__(self, module: nn.Module, limit: float | None) -> None:
        super().__init__(module)
        self._limit = None if limit is None else np.float32(limit)

    def parameters(self) -> list[Tensor]:
        """The logarithms alone: RLlib's module holds the layers before, too."""
        return [self.module.log_std]

    def view(self, weights: Sequence[Array], gradients: Sequence[Array] | None) -> None:
        """See `Layer`."""
        self._log_std = weights[0]
        if gradients is not None:
            self._gradient = gradients[0]

    def forward(self, x: Array) -> Array:
        """See `Layer`."""
        rows, width = x.shape
        y = self._array("y", rows, 2 * width)
        y[:, :width] = x
        y[:, width:] = self._log_std if self._limit is None else _clipped(self._log_std, self._limit)[1]
        return y

    def backward(self, dy: Array, to_weights: bool = True, to_input: bool = True) -> Array | None:
        """See `Layer`."""
        width = dy.shape[1] // 2
        if to_weights:
            np.sum(dy[:, width:], axis=0, out=self._gradient)
            if self._limit is not None:
                self._gradient *= _clipped(self._log_std, self._limit)[0]
        return dy[:, :width]


LAYERS: dict[type[nn.Module], type[Layer]] = {
    nn.Linear: Linear,
    nn.Tanh: Tanh,
    nn.ReLU: ReLU,
    nn.SiLU: SiLU,
    nn.ELU: ELU,
    nn.LayerNorm: LayerNorm,
}
"""What stands for which module of torch's; a subclass of one may do anything and has no entry."""


@lru_cache(maxsize=16)
def _ones(count: int) -> Array:
    return np.ones(count, np.float32)


def _row_means(x: Array) -> Array:
    """[B, 1]; a product with ones is several times faster than a sum over short rows."""
    width = x.shape[1]
    means: Array = (x @ _ones(width))[:, None]
    means *= np.float32(1 / width)
    return means


def _clipped(values: Array, limit: np.float32) -> tuple[NDArray[np.bool_], Array]:
    """Where values lie within +-limit, and the values kept there (as torch has it, the limit itself is within)."""
    return np.abs(values) <= limit, np.clip(values, -limit, limit)

"""How fast this machine multiplies matrices of one shape: numpy's BLAS, torch's and oneDNN's linear layer, measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

Work = Callable[[], object]
STACKED = 16
"""So many small products are also done in one call, so that the bound has no call's overhead in it."""
SMALL = 2 * 128**3


@dataclass(frozen=True)
class Rate:
    """The fastest kernel for a shape, and its floating point operations a second."""

    kernel: str
    rate: float


def fastest(rows: int, inner: int, columns: int, openblas: str) -> Rate:
    """The fastest of all kernels for [rows, inner] times [inner, columns] in float32.

    Args:
        rows: see above.
        inner: see above.
        columns: see above.
        openblas: what numpy's library calls itself, for the name.
    """
    operations = 2 * rows * inner * columns
    rates = [
        Rate(name, times * operations / seconds(work))
        for name, times, work in _kernels(rows, inner, columns, openblas)
    ]
    return max(rates, key=lambda rate: rate.rate)


def seconds(work: Work, budget_s: float = 0.02) -> float:
    """Of one call: the least mean of some runs of calls, within about the budget."""
    work()
    start = time.perf_counter()
    work()
    once = max(time.perf_counter() - start, 1e-7)
    calls = max(1, int(budget_s / 8 / once))
    best = float("inf")
    for _ in range(8):
        start = time.perf_counter()
        for _ in range(calls):
            work()
        best = min(best, (time.perf_counter() - start) / calls)
    return best


def _kernels(rows: int, inner: int, columns: int, openblas: str) -> Iterator[tuple[str, int, Work]]:
    """Name, products in a call, and the call; each with the matrices as they lie and with either one transposed."""
    random = np.random.default_rng(0)
    a = random.standard_normal((rows, inner)).astype(np.float32)
    b = random.standard_normal((inner, columns)).astype(np.float32)
    a_f, b_f = np.asfortranarray(a), np.asfortranarray(b)
    out = np.empty((rows, columns), np.float32)
    for left, right in ((a, b), (a, b_f), (a_f, b)):
        yield f"numpy ({openblas})", 1, lambda left=left, right=right: np.matmul(left, right, out=out)
    if 2 * rows * inner * columns <= SMALL:
        stack = np.broadcast_to(a, (STACKED, rows, inner))
        outs = np.empty((STACKED, rows, columns), np.float32)
        for right in (b, b_f):
            name = f"numpy, {STACKED} a call ({openblas})"
            yield name, STACKED, lambda right=right: np.matmul(stack, right, out=outs)
    torch_out = torch.empty(rows, columns)
    for left, right in ((a, b), (a, b_f), (a_f, b)):
        pair = torch.from_numpy(left), torch.from_numpy(right)
        yield "torch", 1, lambda pair=pair: torch.mm(*pair, out=torch_out)
    if linear := _onednn_linear():
        x, w = torch.from_numpy(a), torch.from_numpy(np.ascontiguousarray(b.T))
        yield "oneDNN", 1, lambda: linear(x, w, None, "none", [], "")


def _onednn_linear() -> Callable[..., torch.Tensor] | None:
    """oneDNN's linear layer, a private operator of torch; None if this torch has none or it does not run here."""
    try:
        linear = torch.ops.mkldnn._linear_pointwise
        linear(torch.ones(2, 2), torch.ones(2, 2), None, "none", [], "")
    except (AttributeError, RuntimeError):
        return None
    return linear

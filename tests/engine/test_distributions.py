"""Losses' distributions against the classes of RLlib that they stand for."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch
from ray.rllib.core.distribution.torch.torch_distribution import (
    TorchCategorical,
    TorchDiagGaussian,
    TorchMultiCategorical,
    TorchSquashedGaussian,
)

from rlexp.engine.learning.distributions import Categorical, DiagGaussian, MultiCategorical, makers

MULTI = TorchMultiCategorical.get_partial_dist_cls(space=gym.spaces.MultiDiscrete([3, 2]), input_lens=[3, 2])


def _case(name: str) -> tuple[Any, int, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    if name == "categorical":
        return TorchCategorical, 5, torch.randint(5, (7,), generator=generator)
    if name == "gaussian":
        return TorchDiagGaussian, 6, torch.randn(7, 3, generator=generator)
    pairs = [torch.randint(size, (7,), generator=generator) for size in (3, 2)]
    return MULTI, 5, torch.stack(pairs, dim=-1).int()


@pytest.mark.parametrize("name", ["categorical", "gaussian", "multi"])
def test_numbers_and_gradients(name: str) -> None:
    stock, inputs, actions = _case(name)
    make = makers(stock)[0]
    assert make is not stock.from_logits
    generator = torch.Generator().manual_seed(2)
    before = torch.randn(7, inputs, generator=generator)
    results = []
    for distribution in (make, stock.from_logits):
        logits = torch.randn(7, inputs, generator=torch.Generator().manual_seed(3)).requires_grad_()
        now, then = distribution(logits), distribution(before)
        parts = [now.logp(actions), now.entropy(), then.kl(now), now.kl(then)]
        (parts[0].sum() + 2 * parts[1].sum() - 3 * parts[2].sum() + parts[3].sum()).backward()
        results.append([*(part.detach() for part in parts), logits.grad])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_masked_actions_have_finite_gradients() -> None:
    """A logit at the least float, as action masks set it, must not make NaN of the others' gradients."""
    logits = torch.tensor([[0.5, torch.finfo(torch.float32).min, -0.2]], requires_grad=True)
    before = torch.tensor([[0.1, torch.finfo(torch.float32).min, 0.3]])
    now, stock = Categorical(logits), TorchCategorical.from_logits(logits)
    stock_before = TorchCategorical.from_logits(before)
    loss = now.logp(torch.tensor([2])) + now.entropy() + Categorical(before).kl(now)
    torch.testing.assert_close(
        loss, stock.logp(torch.tensor([2])) + stock.entropy() + stock_before.kl(stock), atol=1e-6, rtol=1e-6
    )
    loss.sum().backward()
    assert torch.isfinite(logits.grad).all()  # type: ignore[arg-type]


class _Mine(TorchDiagGaussian):
    """A lab's own."""

    def logp(self, value: torch.Tensor) -> torch.Tensor:
        return super().logp(value) - 1.0


@pytest.mark.parametrize("stock", [TorchSquashedGaussian, _Mine])
def test_other_classes_stay_themselves(stock: Any) -> None:
    zeros = torch.zeros(2, 4)
    assert type(makers(stock)[0](zeros)) is stock
    # Beside a lab's own class, RLlib's stays RLlib's, so that the two can be compared.
    assert [type(make(zeros)) for make in makers(stock, TorchDiagGaussian)] == [stock, TorchDiagGaussian]
    assert type(makers(TorchDiagGaussian)[0](zeros)) is DiagGaussian
    again = TorchMultiCategorical.get_partial_dist_cls(space=None, input_lens=[3, 2])
    assert [type(make(torch.zeros(2, 5))) for make in makers(MULTI, again)] == [MultiCategorical] * 2

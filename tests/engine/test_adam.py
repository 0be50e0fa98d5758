"""The fused step against torch's own Adam."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import pytest
import torch

from rlexp.compat.torch import without_dynamo
from rlexp.engine.learning.adam import FusedAdam, fusible


def _parameters(seed: int = 0) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    shapes = [(4, 16), (16,), (16, 3), (), (3, 2, 2, 2)]
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


def _train(
    parameters: list[torch.nn.Parameter], step: Any, steps: int, seed: int, without: int | None = None
) -> None:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for index, parameter in enumerate(parameters):
            gradient = torch.randn(parameter.shape, generator=generator)
            parameter.grad = None if index == without else gradient
        step()


def _assert_equal(ours: list[torch.nn.Parameter], theirs: list[torch.nn.Parameter]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    "options", [{}, {"eps": 1e-5, "betas": (0.8, 0.95)}, {"weight_decay": 0.1, "maximize": True}]
)
@pytest.mark.parametrize("without", [None, 1])
def test_follows_torch(options: dict[str, Any], without: int | None) -> None:
    ours, theirs = _parameters(), _parameters()
    adam, stock = torch.optim.Adam(ours, lr=3e-3, **options), torch.optim.Adam(theirs, lr=3e-3, **options)
    assert fusible(adam)
    _train(ours, FusedAdam(adam).step, 100, seed=1, without=without)
    _train(theirs, stock.step, 100, seed=1, without=without)
    _assert_equal(ours, theirs)


def test_the_learning_rate_is_read_at_each_step() -> None:
    ours, theirs = _parameters(), _parameters()
    adam, stock = torch.optim.Adam(ours, lr=1e-3), torch.optim.Adam(theirs, lr=1e-3)
    fused = FusedAdam(adam)
    for rate in (1e-3, 5e-2, torch.tensor(1e-4)):
        adam.param_groups[0]["lr"] = stock.param_groups[0]["lr"] = rate
        _train(ours, fused.step, 5, seed=2)
        _train(theirs, stock.step, 5, seed=2)
    _assert_equal(ours, theirs)


def test_state_travels_both_ways() -> None:
    ours, theirs = _parameters(), _parameters()
    adam, stock = torch.optim.Adam(ours, lr=1e-2), torch.optim.Adam(theirs, lr=1e-2)
    fused = FusedAdam(adam)
    _train(ours, fused.step, 7, seed=3)
    _train(theirs, stock.step, 7, seed=3)
    ours_state, stock_state = copy.deepcopy(adam.state_dict()), copy.deepcopy(stock.state_dict())
    assert [s["step"].item() for s in ours_state["state"].values()] == [7.0] * len(ours)
    adam.load_state_dict(stock_state)
    stock.load_state_dict(ours_state)
    _train(ours, fused.step, 7, seed=4)
    _train(theirs, stock.step, 7, seed=4)
    _assert_equal(ours, theirs)
    assert adam.state[ours[0]]["step"].item() == 14.0


def test_cleared_state_starts_afresh() -> None:
    ours, theirs = _parameters(), _parameters()
    adam, stock = torch.optim.Adam(ours), torch.optim.Adam(theirs)
    fused = FusedAdam(adam)
    for parameters, step, state in ((ours, fused.step, adam.state), (theirs, stock.step, stock.state)):
        _train(parameters, step, 3, seed=5)
        state.clear()
        _train(parameters, step, 3, seed=6)
    _assert_equal(ours, theirs)
    assert adam.state[ours[0]]["step"].item() == 3.0


def test_torch_goes_on_where_the_fused_step_stopped() -> None:
    ours, theirs = _parameters(), _parameters()
    adam, stock = torch.optim.Adam(ours, lr=1e-2), torch.optim.Adam(theirs, lr=1e-2)
    fused = FusedAdam(adam)
    for step in (fused.step, adam.step, fused.step):
        _train(ours, step, 4, seed=10, without=2)
        _train(theirs, stock.step, 4, seed=10, without=2)
    _assert_equal(ours, theirs)
    assert adam.state[ours[0]]["step"].item() == 12.0
    assert adam.state[ours[2]]["step"].item() == 0.0


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.Adam(p, amsgrad=True),
        lambda p: torch.optim.AdamW(p, weight_decay=0.1),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    ],
)
def test_another_optimiser_steps_by_itself(make: Any) -> None:
    ours, theirs = _parameters(), _parameters()
    optimizer, stock = make(ours), make(theirs)
    assert not fusible(optimizer)
    _train(ours, FusedAdam(optimizer).step, 5, seed=7)
    _train(theirs, stock.step, 5, seed=7)
    _assert_equal(ours, theirs)


def test_a_step_hook_is_called() -> None:
    adam = torch.optim.Adam(_parameters())
    fused = FusedAdam(adam)
    calls: list[int] = []
    adam.register_step_post_hook(lambda *_: calls.append(1))
    _train(adam.param_groups[0]["params"], fused.step, 2, seed=8)
    assert calls == [1, 1]


def test_two_groups_keep_their_own_settings() -> None:
    ours, theirs = _parameters(), _parameters()

    def make(p: list[torch.nn.Parameter]) -> torch.optim.Adam:
        return torch.optim.Adam([{"params": p[:2], "lr": 1e-2}, {"params": p[2:], "lr": 1e-4}])

    adam, stock = make(ours), make(theirs)
    _train(ours, FusedAdam(adam).step, 10, seed=9)
    _train(theirs, stock.step, 10, seed=9)
    _assert_equal(ours, theirs)


def test_making_and_stepping_leave_the_compiler_unloaded() -> None:
    code = """
import sys, torch
from rlexp.compat.torch import without_dynamo
from rlexp.engine.learning.adam import FusedAdam
parameter = torch.nn.Parameter(torch.ones(3))
before = torch.optim.Optimizer.add_param_group
with without_dynamo():
    adam = torch.optim.Adam([parameter])
    adam.load_state_dict(adam.state_dict())
assert torch.optim.Optimizer.add_param_group is before
parameter.grad = torch.ones(3)
FusedAdam(adam).step()
assert parameter[0] < 1
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_methods_return_when_making_fails() -> None:
    before = torch.optim.Optimizer.add_param_group
    with pytest.raises(ValueError, match="empty"), without_dynamo():
        torch.optim.Adam([])
    assert torch.optim.Optimizer.add_param_group is before

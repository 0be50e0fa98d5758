"""V-trace against RLlib's, step by step, and against its definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.rllib.algorithms.impala.torch.vtrace_torch_v2 import make_time_major, vtrace_torch

from rlexp.engine.learning.vtrace import v_trace


def columns(steps: int, seed: int) -> dict[str, torch.Tensor]:
    """Random steps, some of which no state follows."""
    rng = np.random.default_rng(seed)
    drawn = {
        "log_ratios": rng.normal(size=steps),
        "rewards": rng.normal(size=steps),
        "values": rng.normal(size=steps),
        "discounts": 0.9 * (rng.random(steps) > 0.2),
    }
    return {name: torch.tensor(column, dtype=torch.float32) for name, column in drawn.items()}


@settings(max_examples=60, deadline=None)
@given(
    steps=st.integers(1, 40),
    length=st.integers(1, 45),
    seed=st.integers(0, 1000),
    clips=st.sampled_from([(1.0, 1.0), (0.5, 2.0), (None, None)]),
)
def test_as_rllib(steps: int, length: int, seed: int, clips: tuple[float | None, float | None]) -> None:
    given_ = columns(steps, seed)
    targets, advantages = v_trace(**given_, length=length, clip_rho=clips[0], clip_pg_rho=clips[1])
    side_by_side = {name: make_time_major(column, trajectory_len=length) for name, column in given_.items()}
    firsts = side_by_side["values"][0]
    expected = vtrace_torch(
        target_action_log_probs=side_by_side["log_ratios"],
        behaviour_action_log_probs=torch.zeros_like(side_by_side["log_ratios"]),
        discounts=side_by_side["discounts"],
        rewards=side_by_side["rewards"],
        values=side_by_side["values"],
        bootstrap_values=torch.cat([firsts[1:], firsts[:1]]),
        clip_rho_threshold=clips[0],
        clip_pg_rho_threshold=clips[1],
    )
    for ours, theirs in zip((targets, advantages), expected, strict=True):
        torch.testing.assert_close(ours, theirs.T.reshape(-1)[:steps], atol=1e-5, rtol=1e-5)


def test_on_policy_targets_are_discounted_returns() -> None:
    """With equal policies, V-trace is the return up to the stretch's end, bootstrapped there (section 4.1)."""
    rewards, values = torch.tensor([1.0, 2.0, 3.0, 0.0]), torch.tensor([5.0, 6.0, 7.0, 8.0])
    targets, advantages = v_trace(
        torch.zeros(4), rewards, values, torch.tensor([0.5, 0.5, 0.5, 0.0]), length=3
    )
    assert targets[:3].tolist() == pytest.approx([1 + 0.5 * (2 + 0.5 * (3 + 0.5 * 8)), 2 + 0.5 * 7, 3 + 4])
    assert advantages[:3].tolist() == pytest.approx([3.75 - 5 + 0.0, 5.5 - 6, 7.0 - 7])


def test_no_gradient_flows_through() -> None:
    values = torch.ones(3, requires_grad=True)
    targets, advantages = v_trace(torch.zeros(3), torch.ones(3), values, torch.ones(3), length=3)
    assert not targets.requires_grad
    assert not advantages.requires_grad

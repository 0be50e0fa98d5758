"""Episodes that are not learnt from: PPO's update is that of RLlib on the other ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from made_rollouts import LSTM, rollouts_for, stock_episodes
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core import ALL_MODULES, DEFAULT_MODULE_ID
from test_ppo_learner import _assert_same_weights, _learner, _update
from vtrace_learners import parameters

from rlexp.engine.learning.gae import ends_of
from rlexp.engine.rollout import EndedEpisode, Rollout
from rlexp.environment.tasks.outcome import SIGNALS, Outcome, outcomes_in

SAME = ("policy_loss", "vf_loss", "vf_loss_unclipped", "entropy", "mean_kl_loss", "total_loss")


def leave_out(rollouts: list[Rollout], share: float, seed: int = 0) -> list[bool]:
    """Marks episodes at random; says of each part, in RLlib's order, whether it is learnt from."""
    rng, parts = np.random.default_rng(seed), []
    for rollout in rollouts:
        rollout.learnt, ends = np.ones_like(rollout.valid), ends_of(rollout)
        for env in range(rollout.num_envs):
            first = 0
            for last in np.flatnonzero(ends[:, env]).tolist():
                parts.append(bool(rng.random() >= share))
                rollout.learnt[first : last + 1, env] = parts[-1]
                first = last + 1
    return parts


@pytest.mark.parametrize("model", [{}, LSTM], ids=["steps", "sequences"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_an_update_is_rllibs_on_the_other_episodes(model: dict[str, Any], share: float) -> None:
    ours, theirs = _learner(model=model), _learner(PPOTorchLearner, model=model)
    rollouts, module = rollouts_for(ours), ours.module[DEFAULT_MODULE_ID]
    parts = leave_out(rollouts, share)
    chunks = [c for c in stock_episodes(rollouts, module.observation_space, module.action_space) if len(c)]
    kept = [chunk for chunk, learnt in zip(chunks, parts, strict=True) if learnt]
    steps = sum(len(chunk) for chunk in kept)  # Now: RLlib's learner adds steps to them.
    assert 0 < len(kept) < len(chunks)
    mine = _update(ours, rollouts)
    stock = theirs.update(episodes=kept)[DEFAULT_MODULE_ID]
    for name in SAME:
        assert mine[name] == pytest.approx(float(stock[name].peek()), rel=1e-4, abs=1e-5), name
    _assert_same_weights(ours, theirs)
    assert mine["num_module_steps_trained"] == steps


def test_epochs_and_minibatches_of_a_few_steps() -> None:
    learner = _learner()
    rollouts = rollouts_for(learner)
    steps = int(sum((r.valid & r.learnt).sum() for r in rollouts)) if leave_out(rollouts, 0.9) else 0
    assert 0 < steps < 16
    result = _update(learner, rollouts, num_epochs=3, minibatch_size=16, shuffle_batch_per_epoch=True)
    assert np.isfinite(result["total_loss"]) and result["num_module_steps_trained"] == 16 * -(
        -3 * steps // 16
    )


@pytest.mark.parametrize("model", [{}, LSTM], ids=["steps", "sequences"])
def test_where_all_are_left_out_nothing_is_learnt_and_their_signals_are_told(
    model: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    learner = _learner(model=model, kl_target=1e-9)
    _update(learner, rollouts_for(learner))
    before = [parameter.detach().clone() for parameter in parameters(learner)]
    coefficient = float(learner.curr_kl_coeffs_per_module[DEFAULT_MODULE_ID])
    rollouts = rollouts_for(learner)
    leave_out(rollouts, 1.0)
    for rollout in rollouts:
        over = np.argwhere(rollout.terminated | rollout.truncated).tolist()
        rollout.ended = [EndedEpisode(t, n, Outcome(0, 0, None, 0.0, 0.0, 1)) for t, n in over]
    caplog.clear()
    result = learner.update(episodes=rollouts)
    assert all(torch.equal(a, b) for a, b in zip(before, parameters(learner), strict=True))
    assert float(learner.curr_kl_coeffs_per_module[DEFAULT_MODULE_ID]) == coefficient
    assert "non-finite" not in caplog.text
    told = outcomes_in({name: stat.peek() for name, stat in result[ALL_MODULES].items()})
    assert len(told) == sum(len(rollout.ended or ()) for rollout in rollouts) > 3
    assert all(set(o.signals) == set(SIGNALS) and o.signals["value_l1"] > 0 for o in told)
    assert _update(learner, rollouts_for(learner))["total_loss"] != 0
    assert any(not torch.equal(a, b) for a, b in zip(before, parameters(learner), strict=True))


def test_nobody_who_reads_no_signals_is_told_any() -> None:
    learner = _learner()
    result = learner.update(episodes=rollouts_for(learner))
    assert not outcomes_in(result[ALL_MODULES])

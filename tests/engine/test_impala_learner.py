"""The fast IMPALA learner against RLlib's, on the same experience and weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from made_rollouts import VECTOR, rollouts_for, stock_episodes
from ray.rllib.algorithms.impala import IMPALAConfig
from ray.rllib.algorithms.impala.torch.impala_torch_learner import IMPALATorchLearner
from ray.rllib.core import ALL_MODULES, COMPONENT_OPTIMIZER, COMPONENT_RL_MODULE
from ray.rllib.core.learner.learner import Learner
from vtrace_learners import (
    CASES,
    SPACES,
    assert_same_gradients,
    assert_same_metrics,
    assert_same_weights,
    learner_of,
    parameters,
    update,
)

from rlexp.engine.learning.impala import FastIMPALATorchLearner


def fast(**options: Any) -> Any:
    return learner_of(FastIMPALATorchLearner, IMPALAConfig, **options)


def stock(**options: Any) -> Any:
    return learner_of(IMPALATorchLearner, IMPALAConfig, **options)


@pytest.mark.parametrize("case", CASES)
def test_one_update(case: str) -> None:
    """Losses and their parts, gradients and weights after the step."""
    options = CASES[case]
    with fast(**options) as ours, stock(**options) as theirs:
        rollouts = rollouts_for(ours, options.get("actions", "discrete"))
        assert_same_metrics(update(ours, rollouts), update(theirs, rollouts))
        assert_same_gradients(ours, theirs)
        assert_same_weights(ours, theirs)


def test_counts_are_of_steps_that_were_taken() -> None:
    with fast(num_epochs=3) as learner:
        rollouts = rollouts_for(learner)
        steps = sum(len(rollout) for rollout in rollouts)
        result = update(learner, rollouts)
        assert result["num_module_steps_trained"] == 3 * steps
        assert learner.steps_trained == 3 * steps


def test_state_goes_to_rllib_and_back() -> None:
    parts = [COMPONENT_RL_MODULE, COMPONENT_OPTIMIZER]
    with fast() as ours, stock(seed=1) as theirs, fast(seed=2) as again:
        rollouts = rollouts_for(ours)
        update(ours, rollouts)
        theirs.set_state(ours.get_state(components=parts))
        assert_same_weights(ours, theirs, atol=0)
        update(ours, rollouts), update(theirs, rollouts)
        assert_same_weights(ours, theirs)
        again.set_state(theirs.get_state(components=parts))
        update(again, rollouts), update(theirs, rollouts)
        assert_same_weights(again, theirs)


def test_episodes_take_rllibs_own_way() -> None:
    with fast() as ours, stock() as theirs:
        rollouts = rollouts_for(ours)
        for learner in (ours, theirs):
            Learner.update(learner, episodes=stock_episodes(rollouts, VECTOR, SPACES["discrete"][0]))
        assert_same_weights(ours, theirs, atol=0)


def through_the_thread(learner: Any, rollouts: Any) -> dict[str, Any]:
    from ray.rllib.core.learner.training_data import TrainingData

    return learner.update(training_data=TrainingData(episodes=rollouts), timesteps={})


def test_the_learner_thread_makes_the_same_update(monkeypatch: pytest.MonkeyPatch) -> None:
    with fast() as threaded, fast() as ours:
        # The thread puts its weights into Ray's object store after each update.
        monkeypatch.setattr("ray.put", lambda value: value)
        rollouts = rollouts_for(ours)
        update(ours, rollouts, timesteps={})
        result = through_the_thread(threaded, rollouts)
        assert result[ALL_MODULES]["num_env_steps_trained"].peek() == sum(len(each) for each in rollouts)
        assert_same_weights(threaded, ours, atol=0)


def test_a_failure_in_the_thread_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """RLlib's own learner would wait for ever."""
    with fast() as learner:

        def fail(*_: Any, **__: Any) -> None:
            raise ValueError("no such action")

        monkeypatch.setattr(learner, "loss_of", fail)
        with pytest.raises(RuntimeError, match="no such action"):
            through_the_thread(learner, rollouts_for(learner))


class _OwnLoss(FastIMPALATorchLearner):
    """A lab's subclass of the learner, as RLlib documents it."""

    def compute_loss_for_module(self, **given: Any) -> torch.Tensor:
        return 0.5 * super().compute_loss_for_module(**given)


def test_an_overridden_loss_is_used() -> None:
    with learner_of(_OwnLoss, IMPALAConfig) as ours, fast() as plain:
        rollouts = rollouts_for(ours)
        result, expected = update(ours, rollouts), update(plain, rollouts)
        assert result["total_loss"] == pytest.approx(0.5 * expected["total_loss"], rel=1e-4)
        for a, b in zip(parameters(ours), parameters(plain), strict=True):
            torch.testing.assert_close(2 * a.grad, b.grad, atol=1e-5, rtol=1e-4)

"""What a checkpoint brings back: weights, optimisers, schedules, replay, temperature, counters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import CARTPOLE
from schedules import ENTROPY, LR, SCHEDULES, scheduled

Trainables = Callable[..., Any]


@pytest.fixture
def trainable() -> Iterator[Trainables]:
    """Builds trainables from overrides, and stops them."""
    from rlexp.run.building.prepare import prepare
    from rlexp.run.compose import compose
    from rlexp.run.trainable import RunTrainable

    made = []

    def build(*overrides: str) -> Any:
        made.append(RunTrainable(config={"prepared": prepare(compose(["callbacks=none", *overrides]))}))
        return made[-1]

    yield build
    for each in made:
        each.stop()


def learner(trainable: Any) -> Any:
    return trainable.algorithm.learner_group._learner


def plain(state: Any) -> Any:
    """A copy with tensors as arrays, so that nested states can be compared."""
    if isinstance(state, dict):
        return {k: plain(v) for k, v in state.items()}
    if isinstance(state, (list, tuple)):
        return [plain(v) for v in state]
    return state.detach().cpu().numpy().copy() if hasattr(state, "detach") else state


def copied(one: Any, tmp_path: Path, other: Any) -> None:
    """`other` takes up what `one` saves."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    one.save_checkpoint(str(folder))
    other.load_checkpoint(str(folder))


def test_the_whole_learner_is_back(trainable: Trainables, tmp_path: Path) -> None:
    choice = (
        *CARTPOLE,
        *SCHEDULES,
        "algorithm.use_kl_loss=true",
        "algorithm.kl_target=1e-6",
        "algorithm.lambda_=0.9",
    )
    one, other = trainable(*choice), trainable(*choice)
    for _ in range(3):
        record = one.step()
    fresh = plain(learner(other).module["default_policy"].state_dict())
    copied(one, tmp_path, other)

    module, again = (plain(learner(t).module["default_policy"].state_dict()) for t in (one, other))
    assert module.keys() == again.keys() and any((fresh[name] != module[name]).any() for name in module)
    for name in module:
        np.testing.assert_array_equal(module[name], again[name])
    acting, acting_again = (plain(t.algorithm.env_runner.module.state_dict()) for t in (one, other))
    for name in acting:
        np.testing.assert_array_equal(acting[name], acting_again[name])
        np.testing.assert_array_equal(acting[name], module[name])

    optimisers = [next(iter(learner(t)._named_optimizers.values())).state_dict() for t in (one, other)]
    moments, moments_again = (plain(o["state"]) for o in optimisers)
    assert moments and any(np.abs(m["exp_avg"]).max() > 0 for m in moments.values())
    np.testing.assert_equal(moments, moments_again)

    steps = record["env_steps"]
    rates = [o["param_groups"][0]["lr"] for o in optimisers]
    assert rates[0] == rates[1] == pytest.approx(scheduled(LR, steps)) != LR[0][1]
    entropy = learner(other).entropy_coeff_schedulers_per_module["default_policy"].get_current_value()
    assert float(entropy) == pytest.approx(scheduled(ENTROPY, steps)) != ENTROPY[0][1]
    coefficients = [float(learner(t).curr_kl_coeffs_per_module["default_policy"]) for t in (one, other)]
    assert coefficients[0] == coefficients[1] != one.algorithm.config.kl_coeff

    later, later_again = one.step(), other.step()
    assert later["iteration"] == later_again["iteration"] == 4
    assert later["env_steps"] == later_again["env_steps"]
    assert (
        later["learner/lr"] == later_again["learner/lr"] == pytest.approx(scheduled(LR, later["env_steps"]))
    )
    assert later_again["perf/wall_s"] > record["perf/wall_s"]


def test_another_learning_rate_is_in_force_at_once(trainable: Trainables, tmp_path: Path) -> None:
    one = trainable(*CARTPOLE, "algorithm.lr=1e-3")
    one.step()
    for number, lr in enumerate((5e-5, [[0, 1e-4], [10**6, 1e-4]])):
        (tmp_path / str(number)).mkdir()
        other = trainable(*CARTPOLE, f"algorithm.lr={lr}")
        copied(one, tmp_path / str(number), other)
        optimiser = next(iter(learner(other)._named_optimizers.values()))
        wanted = lr if isinstance(lr, float) else 1e-4
        assert optimiser.param_groups[0]["lr"] == pytest.approx(wanted)
        assert other.step()["learner/lr"] == pytest.approx(wanted)
        assert optimiser.param_groups[0]["lr"] == pytest.approx(wanted)


OFF_POLICY = (
    "tuned=none",
    "hardware=local",
    "hardware.num_envs_per_env_runner=1",
    "evaluation=none",
    "tracking=none",
    "model=mlp",
    "model.fcnet_hiddens=[8]",
    "stop.env_steps=10000000",
)


def test_dqns_epsilon_replay_and_target_go_on(trainable: Trainables, tmp_path: Path) -> None:
    choice = ("env=cartpole", "algorithm=dqn", *OFF_POLICY, "algorithm.target_network_update_freq=150")
    choice += ("reporting.min_sample_timesteps_per_iteration=100",)
    choice += ("algorithm.num_steps_sampled_before_learning_starts=50", "exploration=epsilon_greedy")
    choice += ("exploration.schedule=[[0, 1.0], [1000, 0.0]]",)
    one, other = trainable(*choice), trainable(*choice)
    for _ in range(3):
        record = one.step()
    copied(one, tmp_path, other)
    buffers = [t.algorithm.local_replay_buffer for t in (one, other)]
    assert buffers[0].get_num_timesteps() == buffers[1].get_num_timesteps() > 200
    moments = [dict(learner(t).last_update_ts_by_mid) for t in (one, other)]
    assert moments[0] == moments[1] and moments[0]["default_policy"] > 0
    target = [plain(learner(t).module["default_policy"].state_dict()) for t in (one, other)]
    assert any("target" in name for name in target[0])
    np.testing.assert_equal(*target)
    seen = [t.algorithm.env_runner.num_env_steps_sampled_lifetime for t in (one, other)]
    assert seen[0] == seen[1] == record["env_steps"]
    later, later_again = one.step(), other.step()
    assert later["env_steps"] == later_again["env_steps"] > record["env_steps"]
    epsilon = [
        float(t.algorithm.env_runner.module.epsilon_schedule.get_current_value()) for t in (one, other)
    ]
    assert epsilon[0] == epsilon[1] < 1 - record["env_steps"] / 1000 + 0.02


def test_sacs_temperature_goes_on(trainable: Trainables, tmp_path: Path) -> None:
    choice = ("env=pendulum", "algorithm=sac", *OFF_POLICY, "algorithm.train_batch_size_per_learner=16")
    choice += ("reporting.min_sample_timesteps_per_iteration=8",)
    choice += ("algorithm.num_steps_sampled_before_learning_starts=4",)
    one, other = trainable(*choice), trainable(*choice)
    first = float(learner(one).curr_log_alpha["default_policy"])
    for _ in range(2):
        one.step()
    alpha = float(learner(one).curr_log_alpha["default_policy"])
    assert alpha != first
    copied(one, tmp_path, other)
    again = learner(other).curr_log_alpha["default_policy"]
    assert float(again) == alpha and again.requires_grad
    other.step()
    assert float(learner(other).curr_log_alpha["default_policy"]) != alpha, "it must still be trained"

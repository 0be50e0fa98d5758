"""Where the fast path applies, and what is said where it does not."""

import pytest

import rlexp
from rlexp.base.errors import ConfigError


def prepared(*overrides):
    from rlexp.run.building.prepare import prepare

    common = ("hardware=local", "tracking=none", "evaluation=none")
    return prepare(rlexp.compose([*common, *overrides]))


def said(*overrides):
    return next(note for note in prepared(*overrides).notes if note.startswith("fast"))


@pytest.mark.parametrize(
    "run",
    [
        ("algorithm=ppo", "env=cartpole"),
        ("algorithm=ppo", "env=frozenlake"),
        ("algorithm=ppo", "env=minigrid"),
        ("algorithm=dqn", "env=cartpole"),
        ("algorithm=sac", "env=pendulum"),
    ],
)
def test_it_is_on_by_default_where_it_applies(run):
    made = prepared(*run)
    assert "fast: sampling and learning on arrays" in made.notes
    assert made.algorithm_config.env_runner_cls.__name__ == "FastEnvRunner"
    assert made.algorithm_config.learner_class.__module__.startswith("rlexp.engine.")


def test_never_leaves_rllibs_own():
    made = prepared("env=cartpole", "fast=never")
    assert made.algorithm_config.env_runner_cls.__name__ == "GuardedEnvRunner"
    assert made.algorithm_config.learner_class.__name__ == "MeasuredPPOTorchLearner"
    assert made.algorithm_config.learner_class.__base__.__module__.startswith("ray.rllib.")
    assert "fast=never" in made.notes[-1]


REASONS = [
    (("algorithm=tqc", "env=pendulum"), "TQC has no fast path"),
    (("env=cartpole", "algorithm.batch_mode=complete_episodes"), "batch_mode=complete_episodes"),
    (
        ("env=cartpole", "trusted=[rlexp,envs,callbacks,ray.rllib,reads_samples]", "callbacks=none")
        + ("+callbacks.mine={_target_: reads_samples.ReadsSamples}",),
        "ReadsSamples reads whole samples",
    ),
]


@pytest.mark.parametrize(("run", "reason"), REASONS)
def test_the_log_says_why_it_stays_stock(run, reason):
    text = said(*run)
    assert text.startswith("fast=auto: RLlib's own sampling and learning, because ") and reason in text


@pytest.mark.parametrize(("run", "reason"), REASONS[:1])
def test_always_refuses_instead(run, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        prepared(*run, "fast=always")
    assert caught.value.key == "fast" and caught.value.fix == "fast=auto"


def test_a_value_it_does_not_have():
    with pytest.raises(ConfigError, match="fast") as caught:
        rlexp.compose(["fast=on"])
    assert "auto" in str(caught.value)

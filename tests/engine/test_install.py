"""Where the fast path applies, and what is said where it does not."""

import pytest

import rlexp
from rlexp.base.errors import ConfigError


def prepared(*overrides):
    from rlexp.run.building.prepare import prepare

    # What learns from recorded data needs an evaluation, for its spaces.
    without = () if "data=recorded" in overrides else ("evaluation=none",)
    return prepare(rlexp.compose(["hardware=local", "tracking=none", *without, *overrides]))


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


@pytest.mark.parametrize("algorithm", ["bc", "marwil", "iql", "cql"])
@pytest.mark.parametrize(("fast", "package"), [("auto", "rlexp.engine."), ("never", "ray.rllib.")])
def test_learners_of_recorded_data_are_rllibs_but_for_the_gradient_step(algorithm, fast, package):
    env = "cartpole" if algorithm in ("bc", "marwil") else "pendulum"
    made = prepared(f"algorithm={algorithm}", f"env={env}", "data=recorded", "data.input_=x", f"fast={fast}")
    assert made.algorithm_config.learner_class.__module__.startswith(package)
    assert any("gradients by formula" in note for note in made.notes) is (fast == "auto")


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

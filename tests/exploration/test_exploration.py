"""Each exploration choice has its effect, or is refused where it would have none."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from rlexp.base.errors import ConfigError
from rlexp.config.callables.targets import build
from rlexp.exploration.default import Default
from rlexp.exploration.epsilon_greedy import EpsilonGreedy
from rlexp.exploration.off import Off

CHOICES = Path(__file__).parents[2] / "conf" / "exploration"
RLLIB = "ray.rllib.algorithms"
PPO, DQN, BC = f"{RLLIB}.ppo.PPOConfig", f"{RLLIB}.dqn.DQNConfig", f"{RLLIB}.bc.BCConfig"


def actions_of(config_class, strategy, steps=200):
    """The actions that training would sample, and the runner's module."""
    from rlexp.compat import rllib_without_ray
    from rlexp.config.algorithms import resolve

    rllib_without_ray.install()
    config = (
        resolve(config_class)().environment("CartPole-v1").env_runners(num_env_runners=0).debugging(seed=1)
    )
    strategy.configure(config)
    algorithm = config.build_algo()
    try:
        runner = algorithm.env_runner
        episodes = runner.sample(num_timesteps=steps)
        return episodes, runner.module
    finally:
        algorithm.stop()


def greedy_share(episodes, module):
    """The share of actions that are the module's most likely ones."""
    import torch

    observations = np.concatenate([e.get_observations()[: len(e)] for e in episodes])
    taken = np.concatenate([e.get_actions() for e in episodes])
    with torch.no_grad():
        out = module.forward_inference({"obs": torch.as_tensor(observations)})
    best = out["actions"] if "actions" in out else out["action_dist_inputs"].argmax(-1)
    return float(np.mean(np.asarray(best) == taken))


def test_default_samples_the_policy():
    assert 0.2 < greedy_share(*actions_of(PPO, Default())) < 0.9


@pytest.mark.parametrize("config_class", [PPO, DQN])
def test_off_takes_the_most_likely_action(config_class):
    assert greedy_share(*actions_of(config_class, Off())) == 1.0


def test_epsilon_one_is_random_and_zero_is_greedy():
    assert greedy_share(*actions_of(DQN, EpsilonGreedy(initial=1.0, final=1.0))) < 0.8
    assert greedy_share(*actions_of(DQN, EpsilonGreedy(initial=0.0, final=0.0))) == 1.0


def test_epsilon_falls_with_the_steps():
    _, module = actions_of(DQN, EpsilonGreedy(initial=1.0, final=0.0, steps=400), steps=200)
    assert module.epsilon_schedule.get_current_value() == pytest.approx(0.5, abs=0.02)


def test_epsilon_schedule_of_several_points():
    strategy = EpsilonGreedy(schedule=[[0, 0.8], [100, 0.4], [1000, 0.0]])
    _, module = actions_of(DQN, strategy, steps=101)
    assert module.epsilon_schedule.get_current_value() == pytest.approx(0.4, abs=0.01)


def test_epsilon_greedy_needs_action_values():
    EpsilonGreedy().check(DQN)
    with pytest.raises(ConfigError, match="PPO has no epsilon") as caught:
        EpsilonGreedy().check(PPO)
    assert "algorithm=dqn" in caught.value.fix


def test_off_needs_an_algorithm_that_explores():
    Off().check(PPO)
    with pytest.raises(ConfigError, match="recorded data"):
        Off().check(BC)


@pytest.mark.parametrize(
    "arguments",
    [
        {"initial": 1.5},
        {"final": -0.1},
        {"steps": 0},
        {"steps": None},
        {"schedule": []},
        {"schedule": [[0, 1.0]]},
        {"schedule": [[5, 1.0], [10, 0.1]]},
        {"schedule": [[0, 1.0], [10, 0.5], [10, 0.1]]},
        {"schedule": [[0, "high"], [10, 0.5]]},
    ],
)
def test_arguments_out_of_range(arguments):
    with pytest.raises(ConfigError) as caught:
        EpsilonGreedy(**arguments)
    assert caught.value.key.startswith("exploration") and caught.value.fix


@pytest.mark.parametrize("path", sorted(CHOICES.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_choice_builds(path):
    strategy = build(yaml.safe_load(path.read_text()), ["rlexp"])
    strategy.check(DQN)
    strategy.configure(_config())


def _config():
    from ray.rllib.algorithms.dqn import DQNConfig

    return DQNConfig()

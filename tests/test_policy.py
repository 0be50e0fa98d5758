"""A policy loaded from a checkpoint acts as the env runner that trained it would."""

import shutil
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from models.model_building import OFF_POLICY, ON_POLICY, Picture, configure

from rlexp.base.errors import CheckpointError, ConfigError
from rlexp.config.schema import ModelChoice
from rlexp.policy import from_checkpoint, load
from rlexp.storage.checkpoint.store import Checkpoint, CheckpointStore


class Witness(gym.Wrapper):
    """Notes what the environment showed and what it was told to do, each episode a list."""

    episodes: list[list[tuple[Any, Any, float]]] = []

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(Picture({}) if config["name"] == "picture" else gym.make(config["name"]))

    def reset(self, **options: Any) -> Any:
        self.shown, info = self.env.reset(**options)
        self.reward = 0.0
        Witness.episodes.append([])
        return self.shown, info

    def step(self, action: Any) -> Any:
        Witness.episodes[-1].append((self.shown, action, self.reward))
        self.shown, self.reward, *rest = self.env.step(action)
        return self.shown, self.reward, *rest


LSTM = {"use_lstm": True, "lstm_use_prev_action": True, "lstm_use_prev_reward": True}
CASES = {
    "ppo": ("ppo.PPO", "CartPole-v1", {}, ON_POLICY),
    "ppo_states": ("ppo.PPO", "FrozenLake-v1", {}, ON_POLICY),
    "ppo_picture": ("ppo.PPO", "picture", {}, ON_POLICY),
    "ppo_gaussian": ("ppo.PPO", "Pendulum-v1", {}, ON_POLICY),
    "ppo_lstm": ("ppo.PPO", "CartPole-v1", LSTM, ON_POLICY),
    "ppo_lstm_gaussian": ("ppo.PPO", "Pendulum-v1", LSTM, ON_POLICY),
    "sac": ("sac.SAC", "Pendulum-v1", {}, OFF_POLICY),
    "dqn": ("dqn.DQN", "CartPole-v1", {}, OFF_POLICY),
}


def trained(case: str) -> Any:
    name, env, settings, training = CASES[case]
    config = configure(name, Witness, ModelChoice(settings=settings), env_config={"name": env}, **training)
    algorithm = config.build_algo()
    algorithm.train()
    return algorithm


def save(algorithm: Any, folder: Any, **options: Any) -> Checkpoint:
    store = CheckpointStore(folder / "checkpoints", keep=3)
    return store.save(64, lambda path: algorithm.save_to_path((path / "algorithm").absolute()), **options)


@pytest.mark.slow
@pytest.mark.landing
@pytest.mark.parametrize("case", CASES)
def test_acts_as_the_env_runner(case, tmp_path):
    algorithm = trained(case)
    try:
        Witness.episodes = []
        algorithm.env_runner.sample(num_episodes=2, explore=False)
        save(algorithm, tmp_path)
    finally:
        algorithm.stop()
    policy = load(tmp_path)
    episodes = [episode for episode in Witness.episodes if episode]
    assert len(episodes) >= 2
    for episode in episodes:
        policy.reset()
        for shown, told, reward in episode:
            action = policy.act(shown, reward=reward)
            assert policy.action_space.contains(action)
            np.testing.assert_allclose(action, told, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def lstm_checkpoint(tmp_path_factory):
    algorithm = trained("ppo_lstm")
    folder = tmp_path_factory.mktemp("lstm")
    save(algorithm, folder, score=1.0)
    algorithm.stop()
    return folder


def logits(policy: Any, observation: Any) -> np.ndarray:
    """What the network said at the last action."""
    policy.act(observation)
    return np.asarray(policy._last[0][1]["action_dist_inputs"])


def test_recurrent_state_is_kept_until_reset(lstm_checkpoint):
    policy, observation = load(lstm_checkpoint), np.full(4, 0.5, np.float32)
    first, second = logits(policy, observation), logits(policy, observation)
    assert not np.allclose(first, second)
    policy.reset()
    np.testing.assert_allclose(logits(policy, observation), first, rtol=1e-6)


def test_batch_acts_as_one_by_one(lstm_checkpoint):
    rng = np.random.default_rng(0)
    observations = rng.normal(size=(6, 3, 4)).astype(np.float32)
    batch = load(lstm_checkpoint)
    together = np.stack([batch.act_batch(step) for step in observations])
    assert together.shape == (6, 3)
    for place in range(3):
        alone = load(lstm_checkpoint)
        assert [alone.act(step[place]) for step in observations] == list(together[:, place])


def test_one_place_of_a_batch_is_reset(lstm_checkpoint):
    policy, observations = load(lstm_checkpoint), np.full((2, 4), 0.5, np.float32)
    policy.act_batch(observations)
    first = [np.asarray(outputs["action_dist_inputs"]) for _, outputs in policy._last]
    policy.reset([1])
    policy.act_batch(observations)
    then = [np.asarray(outputs["action_dist_inputs"]) for _, outputs in policy._last]
    assert not np.allclose(first[0], then[0])
    np.testing.assert_allclose(first[1], then[1], rtol=1e-5)


def test_long_episodes_are_cut_without_a_difference(lstm_checkpoint, monkeypatch):
    observations = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    whole = load(lstm_checkpoint)
    expected = [logits(whole, o) for o in observations]
    monkeypatch.setattr("rlexp.policy._LONGEST_MEMORY", 7)
    monkeypatch.setattr("rlexp.policy._KEPT_MEMORY", 3)
    cut = load(lstm_checkpoint)
    np.testing.assert_allclose([logits(cut, o) for o in observations], expected, rtol=1e-5)
    assert len(cut._episodes[0]) <= 7


def test_explores_when_asked(lstm_checkpoint):
    policy = load(lstm_checkpoint, explore=True)
    actions = policy.act_batch(np.zeros((200, 4), np.float32))
    assert 0 < actions.mean() < 1
    assert load(lstm_checkpoint).act_batch(np.zeros((200, 4), np.float32)).std() == 0


def test_epsilon_is_that_of_the_checkpoint(tmp_path):
    algorithm = trained("dqn")
    checkpoint = save(algorithm, tmp_path)
    algorithm.stop()
    policy = from_checkpoint(checkpoint, explore=True)
    policy.act(policy.observation_space.sample())
    assert policy.module.epsilon_schedule.get_current_value() == pytest.approx(
        1 - 0.95 * 64 / 10_000, abs=1e-3
    )


def test_ray_is_not_started(lstm_checkpoint):
    import ray

    before = ray.is_initialized()  # by another test
    load(lstm_checkpoint).act(np.zeros(4, np.float32))
    assert ray.is_initialized() == before


def test_best_is_found(lstm_checkpoint):
    assert load(lstm_checkpoint, which="best").step == 64
    assert load(lstm_checkpoint / "checkpoints", which="best").step == 64


def test_best_of_a_single_checkpoint_is_refused(lstm_checkpoint):
    with pytest.raises(ConfigError, match="names one checkpoint"):
        load(lstm_checkpoint / "checkpoints" / "step_64", which="best")
    with pytest.raises(ConfigError, match="latest or best"):
        load(lstm_checkpoint, which="newest")


def test_missing_part_is_named(lstm_checkpoint, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(lstm_checkpoint / "checkpoints" / "step_64", copy)
    shutil.rmtree(copy / "algorithm" / "env_runner" / "env_to_module_connector")
    with pytest.raises(CheckpointError, match="env_to_module_connector"):
        from_checkpoint(Checkpoint(copy, 64, None, {}))


def test_wrong_number_of_rewards(lstm_checkpoint):
    with pytest.raises(ValueError, match="as many rewards"):
        load(lstm_checkpoint).act_batch(np.zeros((2, 4), np.float32), rewards=[0.0])

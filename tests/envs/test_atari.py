from __future__ import annotations

import numpy as np

from envs.atari import atari


def test_observation_is_the_last_frames_scaled() -> None:
    env = atari("ALE/Breakout-v5", noop_max=0)
    observation, _ = env.reset(seed=0)
    assert observation.shape == (84, 84, 4) and observation.dtype == np.float32
    assert 0.1 < observation.max() <= 1.0
    env.action_space.seed(0)
    before = observation
    observation, *_ = env.step(1)
    np.testing.assert_array_equal(observation[..., :3], before[..., 1:])
    assert env.action_space.n == 4  # type: ignore[attr-defined]


def test_rewards_are_clipped_and_lives_end_episodes_when_asked() -> None:
    def until_done(**kwargs: bool) -> tuple[set[float], int]:
        env = atari("ALE/Seaquest-v5", noop_max=0, scale=False, **kwargs)
        env.action_space.seed(3)
        observation, _ = env.reset(seed=1)
        assert observation.dtype == np.uint8
        rewards, steps, done = set(), 0, False
        while not done and steps < 1500:
            _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
            rewards.add(float(reward))
            steps, done = steps + 1, terminated or truncated
        return rewards, steps

    clipped, whole_game = until_done()
    raw, one_life = until_done(clip_reward=False, terminal_on_life_loss=True)
    assert clipped == {0.0, 1.0} and max(raw) >= 20.0
    assert one_life < whole_game

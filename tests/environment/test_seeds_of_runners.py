"""No two environments of a run begin with the same seed."""

from rlexp.engine.runners.guarded_runner import GuardedEnvRunner


def first_observations(worker_index, envs=3):
    from ray.rllib.algorithms.ppo import PPOConfig

    from rlexp.compat import rllib_without_ray

    rllib_without_ray.install()
    config = PPOConfig().environment("CartPole-v1").debugging(seed=7)
    config.env_runners(num_envs_per_env_runner=envs, num_env_runners=2)
    runner = GuardedEnvRunner(config=config, worker_index=worker_index)
    try:
        observations, _ = runner.env.reset(seed=runner._seed)
        return {tuple(row.tolist()) for row in observations}
    finally:
        runner.stop()


def test_environments_of_neighbouring_runners_begin_differently():
    assert len(first_observations(1) | first_observations(2)) == 6

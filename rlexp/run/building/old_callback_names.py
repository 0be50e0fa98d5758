"""What callbacks of RLlib's old API stack reach for, and where it is now."""

from __future__ import annotations

_LOG = (
    "self.log_metric(metrics_logger, name, value) of a RunCallback, or metrics_logger.log_value(name, value)"
)
_SINGLE = "a SingleAgentEpisode is one agent's; of several, episode.agent_ids"
_RUNNERS = "algorithm.env_runner_group"
_EACH = f"{_RUNNERS}.foreach_env_runner(function)"
_MODULE = "algorithm.get_module(), or the hook's argument rl_module"

ATTRIBUTES: dict[str, str] = {
    # Episodes.
    "get_agents": _SINGLE,
    "agent_rewards": "episode.get_return(), or episode.get_rewards()",
    "total_reward": "episode.get_return()",
    "length": "len(episode)",
    "episode_id": "episode.id_",
    "env_id": "the hook's argument env_index",
    "custom_metrics": _LOG,
    "hist_data": _LOG,
    "media": _LOG,
    "user_data": "episode.custom_data",
    "last_info_for": "episode.get_infos(-1)",
    "_last_infos": "episode.get_infos(-1)",
    "last_observation_for": "episode.get_observations(-1)",
    "last_raw_obs_for": "episode.get_observations(-1)",
    "last_action_for": "episode.get_actions(-1)",
    "prev_action_for": "episode.get_actions(-2)",
    "last_reward_for": "episode.get_rewards(-1)",
    "prev_reward_for": "episode.get_rewards(-2)",
    "last_extra_action_outs_for": "episode.get_extra_model_outputs(key, -1)",
    "last_pi_info_for": "episode.get_extra_model_outputs(key, -1)",
    "soft_reset": "nothing: RLlib resets after each episode",
    "policy_for": "episode.module_for(agent_id) of a MultiAgentEpisode",
    # Algorithms, env runners and their group.
    "workers": _RUNNERS,
    "evaluation_workers": "algorithm.eval_env_runner_group",
    "foreach_worker": _EACH,
    "foreach_worker_with_id": f"{_EACH}, and env_runner.worker_index in it",
    "foreach_worker_with_index": f"{_EACH}, and env_runner.worker_index in it",
    "foreach_env": "env_runner.env.unwrapped.envs, a list",
    "foreach_env_with_context": "env_runner.env.unwrapped.envs, a list",
    "foreach_policy": _MODULE,
    "foreach_policy_to_train": _MODULE,
    "local_worker": "algorithm.env_runner",
    "remote_workers": "algorithm.env_runner_group.foreach_env_runner(function, local_env_runner=False)",
    "get_policy": _MODULE,
    "policy_map": _MODULE,
    "policy_config": "env_runner.config, or algorithm.config",
    "global_vars": "algorithm.metrics.peek(('env_runners', 'num_env_steps_sampled_lifetime'))",
    "compute_single_action": _MODULE + ", and forward_inference({'obs': batch})",
    "compute_actions": _MODULE + ", and forward_inference({'obs': batch})",
    "set_task": "rlexp's curriculum (docs/curriculum.md), which also reaches restarted env runners",
    # Vector environments.
    "get_sub_environments": "env.unwrapped.envs",
    "get_unwrapped": "env.unwrapped.envs",
    "vector_env": "env.unwrapped",
}
"""Attributes that are gone, and what to write instead."""

_RUNNER_RESULTS = 'result["env_runners"]'

KEYS: dict[str, str] = {
    # Of `result` in `on_train_result`.
    "episode_reward_mean": f'{_RUNNER_RESULTS}["episode_return_mean"]',
    "episode_reward_max": f'{_RUNNER_RESULTS}["episode_return_max"]',
    "episode_reward_min": f'{_RUNNER_RESULTS}["episode_return_min"]',
    "episode_len_mean": f'{_RUNNER_RESULTS}["episode_len_mean"]',
    "episodes_this_iter": f'{_RUNNER_RESULTS}["num_episodes"]',
    "episodes_total": f'{_RUNNER_RESULTS}["num_episodes_lifetime"]',
    "timesteps_total": f'{_RUNNER_RESULTS}["num_env_steps_sampled_lifetime"]',
    "sampler_results": _RUNNER_RESULTS,
    "hist_stats": "metrics_logger, which logs each value",
    "custom_metrics": _LOG,
    "policy_reward_mean": f'{_RUNNER_RESULTS}["module_episode_returns_mean"]',
    # Of the hooks' `**kwargs`.
    "worker": "the hook's argument env_runner",
    "base_env": "the hook's argument env",
    "policies": "the hook's argument rl_module",
    "sub_environment": "the hook's argument env, whose env.unwrapped.envs are the sub-environments",
}
"""Keys that are gone, and what to write instead."""

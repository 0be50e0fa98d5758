"""Which parts of RLlib's result are its own bookkeeping, so that all the rest counts as a custom metric."""

from __future__ import annotations

import re

from rlexp.base.headline_metrics import EVAL_SKIPPED, METRICS


def _in_table(part: str) -> set[str]:
    """The entries of a part of RLlib's result (`env_runners/`; empty: the result itself) that metrics are read from."""
    paths = [path for metric in METRICS for path in metric.source if path.startswith(part)]
    return {path.removeprefix(part).partition("/")[0] for path in paths}


ENV_RUNNER_KEYS = frozenset(
    {
        "episode_len_min",
        "episode_len_max",
        "episode_duration_sec_mean",
        "agent_episode_return_mean",
        "agent_episode_returns_mean",
        "module_episode_return_mean",
        "module_episode_returns_mean",
        "agent_steps",
        "env_reset_timer",
        "env_step_timer",
        "env_runner_state_server_pull",
        "rlmodule_inference_timer",
        "env_to_module_connector",
        "env_to_module_sum_episodes_length_in",
        "env_to_module_sum_episodes_length_out",
        "module_to_env_connector",
        "connector_pipeline_timer",
        "timers",
        "sample",
        "time_between_sampling",
        "weights_seq_no",
        *_in_table("env_runners/"),
        *_in_table("evaluation/env_runners/"),
    }
)
"""What RLlib's environment runners log by themselves, and what has a headline name of its own."""

TOP_LEVEL_KEYS = frozenset(
    {
        *_in_table(""),
        "actual_training_ratio",
        "aggregator_actors",
        "config",
        "date",
        "differentiable_learners",
        "done",
        "env_runner_group",
        "hostname",
        "iterations_since_restore",
        "learner_group",
        "learners",
        "node_ip",
        "offline_eval_runners",
        "perf",
        "pid",
        "replay_buffer",
        "should_checkpoint",
        "time_this_iter_s",
        "time_total_s",
        "time_since_restore",
        "timestamp",
        "trial_id",
    }
)
"""What RLlib and Ray's `Trainable` put beside the components' results."""

EVALUATION_KEYS = frozenset(
    {
        *_in_table("evaluation/"),
        "num_healthy_workers",
        "num_remote_worker_restarts",
        "num_env_runners_dropped_lifetime",
        "actor_manager_num_outstanding_async_reqs",
        EVAL_SKIPPED,
        "off_policy_estimator",
        "offline_eval_runners",
    }
)

COUNTER = re.compile(
    r"(mean_)?num_(agent|env|module|episode|episodes|weight|training|learner|env_runners|healthy|remote)(_|$)"
    r"|dataset_num_iters_"
)
"""RLlib's counters; their names are many and regular."""

LEARNER_NOISE = re.compile(
    r"num_|weights_seq_no$|module_train_batch_size_mean$|diff_num_grad_updates|last_target_update_ts$"
    r"|vf_loss_unclipped$|mean_num_|log_alpha_value$|.*_throughput$|.*_timer$|WORLD_MODEL_learned_initial_h$"
)
"""Learner values that say nothing about learning, or repeat another one."""

LEARNER_NAMES = {
    "default_optimizer_learning_rate": "lr",
    "gradients_default_optimizer_global_norm": "grad_norm",
}
"""RLlib's names that have a shorter usual one; other `..._learning_rate` become `..._lr`."""


def is_env_runner_key(key: str) -> bool:
    """Whether an entry of `result["env_runners"]` is RLlib's own."""
    return key in ENV_RUNNER_KEYS or key.endswith("_throughput") or COUNTER.match(key) is not None


def is_top_level_key(key: str) -> bool:
    """Whether an entry of the result itself is RLlib's own."""
    return key in TOP_LEVEL_KEYS or key.endswith("_throughput") or COUNTER.match(key) is not None


def is_evaluation_key(key: str) -> bool:
    """Whether an entry of `result["evaluation"]` is RLlib's own."""
    return key in EVALUATION_KEYS or is_top_level_key(key)


def learner_name(key: str) -> str:
    """The name after `learner/` of a learner's value."""
    if key in LEARNER_NAMES:
        return LEARNER_NAMES[key]
    return re.sub(r"_learning_rate$", "_lr", key)

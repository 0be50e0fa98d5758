"""The nearest right names to a wrong one, names from other libraries and from older RLlib included."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

THRESHOLD = 0.6
"""Least similarity, from 0 to 1, of a name worth suggesting."""

SURE = 0.9
"""Least similarity of a name that means the same."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    # RLlib before the new API stack.
    "num_workers": ("hardware.num_env_runners",),
    "num_rollout_workers": ("hardware.num_env_runners",),
    "num_envs_per_worker": ("hardware.num_envs_per_env_runner",),
    "create_env_on_driver": ("hardware.create_env_on_local_worker",),
    "num_cpus_per_worker": ("hardware.num_cpus_per_env_runner",),
    "num_gpus_per_worker": ("hardware.num_gpus_per_env_runner",),
    "custom_resources_per_worker": ("hardware.custom_resources_per_env_runner",),
    "num_cpus_for_driver": ("hardware.num_cpus_for_main_process",),
    "ignore_worker_failures": ("hardware.ignore_env_runner_failures",),
    "recreate_failed_workers": ("hardware.restart_failed_env_runners",),
    "num_sgd_iter": ("algorithm.num_epochs",),
    "sgd_minibatch_size": ("algorithm.minibatch_size",),
    "train_batch_size": ("algorithm.train_batch_size_per_learner",),
    "shuffle_sequences": ("algorithm.shuffle_batch_per_epoch",),
    "lr_schedule": ("algorithm.lr",),
    "entropy_coeff_schedule": ("algorithm.entropy_coeff",),
    "buffer_size": ("algorithm.replay_buffer_config.capacity",),
    "horizon": ("env.max_episode_steps",),
    "evaluation_num_episodes": ("evaluation.evaluation_duration",),
    "metrics_smoothing_episodes": ("reporting.metrics_num_episodes_for_smoothing",),
    "min_iter_time_s": ("reporting.min_time_s_per_iteration",),
    "seed": ("seed",),
    "env_config": ("env.config",),
    "evaluation_num_workers": ("evaluation.evaluation_num_env_runners",),
    "min_time_s_per_reporting": ("reporting.min_time_s_per_iteration",),
    "min_train_timesteps_per_reporting": ("reporting.min_train_timesteps_per_iteration",),
    "min_sample_timesteps_per_reporting": ("reporting.min_sample_timesteps_per_iteration",),
    "timesteps_per_iteration": ("reporting.min_sample_timesteps_per_iteration",),
    "checkpoint_freq": ("checkpoint.every",),
    "keep_checkpoints_num": ("checkpoint.keep",),
    "timesteps_total": ("stop.env_steps",),
    "training_iteration": ("stop.iterations",),
    "time_total_s": ("stop.wall_s",),
    # Stable-Baselines3, CleanRL and everyday words.
    "learning_rate": ("algorithm.lr",),
    "step_size": ("algorithm.lr",),
    "actor_learning_rate": ("algorithm.actor_lr", "algorithm.lr"),
    "critic_learning_rate": ("algorithm.critic_lr", "algorithm.lr"),
    "policy_lr": ("algorithm.actor_lr", "algorithm.lr"),
    "q_lr": ("algorithm.critic_lr", "algorithm.lr"),
    "discount": ("algorithm.gamma",),
    "discount_factor": ("algorithm.gamma",),
    "gae_lambda": ("algorithm.lambda_",),
    "lam": ("algorithm.lambda_",),
    "clip_range": ("algorithm.clip_param",),
    "clip_coef": ("algorithm.clip_param",),
    "clip_eps": ("algorithm.clip_param",),
    "clip_epsilon": ("algorithm.clip_param",),
    "ent_coef": ("algorithm.entropy_coeff", "algorithm.initial_alpha"),
    "entropy_coef": ("algorithm.entropy_coeff",),
    "vf_coef": ("algorithm.vf_loss_coeff",),
    "value_coef": ("algorithm.vf_loss_coeff",),
    "n_epochs": ("algorithm.num_epochs",),
    "epochs": ("algorithm.num_epochs",),
    "update_epochs": ("algorithm.num_epochs",),
    "k_epochs": ("algorithm.num_epochs",),
    "batch_size": ("algorithm.minibatch_size", "algorithm.train_batch_size_per_learner"),
    "mini_batch_size": ("algorithm.minibatch_size",),
    "learning_starts": ("algorithm.num_steps_sampled_before_learning_starts",),
    "target_update_interval": ("algorithm.target_network_update_freq",),
    "target_network_frequency": ("algorithm.target_network_update_freq",),
    "hidden_sizes": ("model.fcnet_hiddens",),
    "hidden_layers": ("model.fcnet_hiddens",),
    "activation": ("model.fcnet_activation",),
    "activation_fn": ("model.fcnet_activation",),
    "lstm_hidden_size": ("model.lstm_cell_size",),
    "share_layers": ("model.vf_share_layers",),
    "num_envs": ("hardware.num_envs_per_env_runner",),
    "n_envs": ("hardware.num_envs_per_env_runner",),
    "workers": ("hardware.num_env_runners",),
    "gpus": ("hardware.num_gpus_per_learner",),
    "threads": ("hardware.torch_threads",),
    "env_id": ("env.id",),
    "env_name": ("env.id",),
    "gym_id": ("env.id",),
    "env_kwargs": ("env.config",),
    "timesteps": ("stop.env_steps",),
    "total_timesteps": ("stop.env_steps",),
    "n_timesteps": ("stop.env_steps",),
    "max_steps": ("stop.env_steps",),
    "steps": ("stop.env_steps",),
    "total_steps": ("stop.env_steps",),
    "iterations": ("stop.iterations",),
    "max_iterations": ("stop.iterations",),
    "max_time": ("stop.wall_s",),
    "n_eval_episodes": ("evaluation.evaluation_duration",),
    "eval_episodes": ("evaluation.evaluation_duration",),
    "checkpoint_frequency": ("checkpoint.every",),
    "random_seed": ("seed",),
    "exp_name": ("name",),
    "run_name": ("name",),
    "algo": ("algorithm",),
    "agent": ("algorithm",),
    "environment": ("env",),
    "output_dir": ("runs_dir",),
    "log_dir": ("runs_dir",),
}
"""Names that are not ours, each with the dotted names to write here, best first: what takes the same value.

Names whose values mean something else here, or that nothing takes the place of, are answered in `rlexp.config.classic`.
"""


def nearest(word: str, candidates: Iterable[str], n: int = 3) -> list[str]:
    """The at most `n` of `candidates` nearest to `word`, best first.

    Names one typing error away come first, then those that a name known from elsewhere stands for, then names
    alike as a whole or in their last dotted part. Case and the difference between `-` and `_` do not count.
    Candidates may be dotted (`algorithm.lr`) or bare (`lr`).
    """
    names = list(dict.fromkeys(candidates))
    found = _by_alias(word, names)
    scored = [(_similarity(_fold(word), _fold(name)), name) for name in names]
    alike = sorted((pair for pair in scored if pair[0] >= THRESHOLD), key=lambda pair: -pair[0])
    # A name that is a typing error away is a better answer than a synonym.
    typos = [name for score, name in alike if score >= 0.94]
    return list(dict.fromkeys([*typos, *found, *(name for _, name in alike)]))[:n]


def is_mistyped(word: str, name: str) -> bool:
    """Whether `word` can only be `name` with a typing error or two, or in another group: then it means the same."""
    (group, _, key), (other, _, name_key) = _fold(word).rpartition("."), _fold(name).rpartition(".")
    if not group or group == other or key == name_key:
        return _ratio(key, name_key) >= SURE
    # Two parts that are both merely alike may be two other words.
    return _ratio(key, name_key) >= SURE and _ratio(group, other) >= SURE


def _fold(name: str) -> str:
    return name.lower().replace("-", "_")


def _by_alias(word: str, names: list[str]) -> list[str]:
    """The candidates that a known foreign name stands for."""
    last = _fold(word).rpartition(".")[2]
    wanted = ALIASES.get(last, ())
    like = [
        name
        for target in wanted
        for name in names
        if name == target or target.endswith(f".{name}") or name.endswith(f".{target}")
    ]
    return sorted(like, key=lambda name: name not in wanted)


def _similarity(word: str, name: str) -> float:
    """How alike two folded names are, from 0 to 1, as wholes and in their last dotted parts."""
    (group, _, key), (other, _, name_key) = word.rpartition("."), name.rpartition(".")
    last = _ratio(key, name_key)
    if group and group == other:  # What they share says nothing about what differs.
        return last
    full = _ratio(word, name)
    return 0.75 * max(full, last) + 0.25 * min(full, last)


def _ratio(a: str, b: str) -> float:
    """Difflib's ratio, but nearly 1 for words one typing error apart: in short words it would be low."""
    if a == b:
        return 1.0
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    if one_edit_apart(a, b):
        return 0.95 + 0.04 * matcher.ratio()
    # The quick ratios are upper bounds, found in a tenth of the time.
    near = matcher.real_quick_ratio() >= THRESHOLD and matcher.quick_ratio() >= THRESHOLD
    return matcher.ratio() if near else 0.0


def one_edit_apart(a: str, b: str) -> bool:
    """Whether one insertion, deletion, replacement or swap of neighbours turns `a` into `b`."""
    if a == b or abs(len(a) - len(b)) > 1 or min(len(a), len(b)) < 2:
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    rest_a, rest_b = a[start:], b[start:]
    if len(a) != len(b):
        longer, shorter = (rest_a, rest_b) if len(a) > len(b) else (rest_b, rest_a)
        return longer[1:] == shorter
    if rest_a[1:] == rest_b[1:]:
        return True
    return rest_a[:2] == rest_b[:2][::-1] and rest_a[2:] == rest_b[2:]

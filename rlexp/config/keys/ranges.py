"""Numbers and names that a key may have, where its type alone would let nonsense through."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.callables.annotations import is_number
from rlexp.config.keys.examples import example_of, lookup


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`; `above` leaves `low` itself out, `below` leaves out `high`."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False
    integer: bool = False
    nullable: bool = True

    def __contains__(self, value: float) -> bool:
        over = value > self.low if self.above else value >= self.low
        under = value < self.high if self.below else value <= self.high
        return over and under and math.isfinite(value)

    def __str__(self) -> str:
        """The range in words, e.g. `from 0 to 1` or `above 0`."""
        low = f"above {self.low:g}" if self.above else f"at least {self.low:g}"
        high = f"below {self.high:,g}" if self.below else f"at most {self.high:g}"
        if self.high == SEEDS:
            high = f"below {SEEDS:,}"
        if self.low == -math.inf:
            return high
        if self.high == math.inf:
            return low
        return f"{low} and {high}"


SEEDS = 2**32
"""Seeds are below this: numpy takes no more."""

FRACTION = Range(0, 1)
NOT_NEGATIVE = Range(0)
POSITIVE = Range(0, above=True)
LONG_S = Range(0, 1e9, above=True)
LONG_OR_NONE_S = Range(0, 1e9)
"""Waiting times in seconds: thirty years are enough, and what waits takes no more."""
COUNT = Range(1, integer=True)
COUNT_OR_NONE = Range(0, integer=True)

RANGES: Mapping[str, Range] = {
    "algorithm.gamma": Range(0, 1, nullable=False),
    "algorithm.lambda_": FRACTION,
    "algorithm.lr": Range(0, nullable=False),
    "algorithm.*_lr": NOT_NEGATIVE,
    "algorithm.lr_*": NOT_NEGATIVE,
    "algorithm.grad_clip": POSITIVE,
    "algorithm.*_grad_clip_by_*": POSITIVE,
    "algorithm.clip_param": POSITIVE,
    "algorithm.vf_clip_param": POSITIVE,
    "algorithm.kl_coeff": NOT_NEGATIVE,
    "algorithm.kl_target": POSITIVE,
    "algorithm.entropy_coeff": NOT_NEGATIVE,
    "algorithm.vf_loss_coeff": NOT_NEGATIVE,
    "algorithm.num_epochs": Range(1, integer=True, nullable=False),
    "algorithm.minibatch_size": COUNT,
    "algorithm.train_batch_size_per_learner": COUNT,
    "algorithm.tau": FRACTION,
    "algorithm.initial_alpha": POSITIVE,
    "algorithm.epsilon": FRACTION,
    "algorithm.adam_epsilon": POSITIVE,
    "algorithm.n_step": COUNT,
    "algorithm.num_atoms": COUNT,
    "algorithm.sigma0": NOT_NEGATIVE,
    "algorithm.training_intensity": POSITIVE,
    "algorithm.target_network_update_freq": NOT_NEGATIVE,
    "algorithm.num_steps_sampled_before_learning_starts": COUNT_OR_NONE,
    "algorithm.replay_buffer_config.capacity": COUNT,
    "algorithm.replay_buffer_config.alpha": NOT_NEGATIVE,
    "algorithm.replay_buffer_config.beta": NOT_NEGATIVE,
    "algorithm.rollout_fragment_length": COUNT,
    "algorithm.vtrace_clip_*": POSITIVE,
    "algorithm.circular_buffer_*": COUNT,
    "algorithm.broadcast_interval": COUNT,
    "algorithm.simple_queue_size": COUNT,
    "algorithm.num_gpu_loader_threads": COUNT,
    "algorithm.burn_in_len": COUNT_OR_NONE,
    "algorithm.beta": NOT_NEGATIVE,
    "algorithm.expectile": Range(0, 1, above=True, below=True),
    "algorithm.temperature": POSITIVE,
    "algorithm.bc_iters": COUNT_OR_NONE,
    "algorithm.min_q_weight": NOT_NEGATIVE,
    "algorithm.num_actions": COUNT,
    "algorithm.n_quantiles": COUNT,
    "algorithm.n_critics": COUNT,
    "algorithm.top_quantiles_to_drop_per_net": COUNT_OR_NONE,
    "algorithm.moving_average_sqd_adv_norm_update_rate": FRACTION,
    "algorithm.training_ratio": POSITIVE,
    "algorithm.batch_size_B": COUNT,
    "algorithm.batch_length_T": COUNT,
    "algorithm.horizon_H": COUNT,
    "algorithm.gae_lambda": FRACTION,
    "algorithm.entropy_scale": NOT_NEGATIVE,
    "algorithm.return_normalization_decay": FRACTION,
    "model.*fcnet_hiddens": COUNT,
    "model.fusionnet_hiddens": COUNT,
    "model.lstm_cell_size": COUNT,
    "model.max_seq_len": COUNT,
    "model.log_std_clip_param": POSITIVE,
    "env.max_episode_steps": COUNT,
    "env.max_consecutive_failures": COUNT,
    "env.clip_rewards": POSITIVE,
    "hardware.num_env_runners": COUNT_OR_NONE,
    "hardware.num_envs_per_env_runner": COUNT,
    "hardware.num_cpus_*": NOT_NEGATIVE,
    "hardware.num_gpus_*": NOT_NEGATIVE,
    "hardware.num_learners": COUNT_OR_NONE,
    "hardware.num_aggregator_actors_per_learner": COUNT_OR_NONE,
    "hardware.max_requests_in_flight_*": COUNT,
    "hardware.local_gpu_idx": COUNT_OR_NONE,
    "hardware.sample_timeout_s": LONG_S,
    "hardware.torch_threads": Range(1, 4096, integer=True),
    "hardware.custom_resources_*.*": NOT_NEGATIVE,
    "hardware.max_num_env_runner_restarts": COUNT_OR_NONE,
    "hardware.delay_between_env_runner_restarts_s": LONG_OR_NONE_S,
    "hardware.num_consecutive_env_runner_failures_tolerance": COUNT_OR_NONE,
    "hardware.env_runner_health_probe_timeout_s": LONG_OR_NONE_S,
    "hardware.env_runner_restore_timeout_s": LONG_OR_NONE_S,
    "evaluation.evaluation_interval": COUNT,
    "evaluation.evaluation_interval_env_steps": COUNT,
    "evaluation.evaluation_duration": COUNT,
    "evaluation.evaluation_num_env_runners": COUNT_OR_NONE,
    "evaluation.evaluation_sample_timeout_s": LONG_S,
    "evaluation.evaluation_error_after_n_consecutive_skips": COUNT,
    "evaluation.evaluation_unhealthy_workers_timeout_s": LONG_OR_NONE_S,
    "evaluation.evaluation_auto_duration_*": COUNT,
    "evaluation.num_envs": COUNT,
    "evaluation.max_episode_steps": COUNT,
    "evaluation.seed": Range(0, SEEDS, below=True, integer=True),
    "data.input_read_batch_size": COUNT,
    "data.dataset_num_iters_per_learner": COUNT,
    "reporting.metrics_num_episodes_for_smoothing": COUNT,
    "reporting.min_time_s_*": LONG_OR_NONE_S,
    "reporting.min_*": NOT_NEGATIVE,
    "stop.env_steps": COUNT,
    "stop.iterations": COUNT,
    "stop.wall_s": POSITIVE,
    "stop.all_of.env_steps": COUNT,
    "stop.all_of.iterations": COUNT,
    "stop.all_of.wall_s": POSITIVE,
    "stop.plateau.patience": COUNT,
    "stop.plateau.min_delta": NOT_NEGATIVE,
    "callbacks.progress.every_s": Range(0, 1e9, above=True, nullable=False),
    "callbacks.progress.refresh_per_s": Range(0, 1e9, above=True, nullable=False),
    "callbacks.video.every": Range(1, integer=True, nullable=False),
    "callbacks.video.fps": Range(1, integer=True, nullable=False),
    "callbacks.video.max_steps": Range(1, integer=True, nullable=False),
    "tracking.wandb.init_timeout_s": Range(0, 1e9, above=True, nullable=False),
    "tracking.wandb.finish_timeout_s": Range(0, 1e9, nullable=False),
    "tracking.tensorboard.flush_s": Range(0, above=True, nullable=False),
    "checkpoint.every": COUNT,
    "checkpoint.every_env_steps": COUNT,
    "checkpoint.keep": COUNT,
    "seed": Range(0, SEEDS, below=True, integer=True),
}
"""Dotted keys (a `*` stands for any text) and the numbers they may have; of a schedule, its values."""

_TORCH_ACTIVATIONS = (
    "ReLU",
    "Tanh",
    "GELU",
    "ELU",
    "SiLU",
    "SELU",
    "CELU",
    "LeakyReLU",
    "Mish",
    "Softplus",
    "Softsign",
) + ("Sigmoid", "LogSigmoid", "Hardswish", "Hardtanh", "Hardsigmoid", "ReLU6", "Tanhshrink", "Identity")

NAMES: Mapping[str, tuple[str, ...]] = {
    "algorithm.batch_mode": ("truncate_episodes", "complete_episodes"),
    "algorithm.grad_clip_by": ("value", "norm", "global_norm"),
    "algorithm.td_error_loss_fn": ("huber", "mse"),
    "algorithm.model_size": ("nano", "micro", "mini", "XXS", "XS", "S", "M", "L", "XL"),
    "model.observation": ("any", "vector", "image"),
    "model.*_activation": ("tanh", "relu", "swish", "silu", "elu", "softmax", "linear", *_TORCH_ACTIVATIONS),
    "hardware.gym_env_vectorize_mode": ("sync", "async", "vector_entry_point"),
    "hardware.placement_strategy": ("PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"),
    "hardware.torch_compile_learner_what_to_compile": ("complete_update", "forward_train"),
    "evaluation.evaluation_duration_unit": ("episodes", "timesteps"),
    "stop.plateau.mode": ("max", "min"),
    "checkpoint.mode": ("max", "min"),
    "callbacks.video.format": ("mp4", "gif"),
    "tracking.wandb.mode": ("auto", "online", "offline", "disabled"),
    "fast": ("auto", "always", "never"),
    "log_level": ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
}
"""Dotted keys that take one of a few names."""

_AUTO = {"algorithm.rollout_fragment_length", "evaluation.evaluation_duration"}
"""Counts that may also be the word `auto`."""


def problems(plain: Mapping[str, Any]) -> list[ConfigError]:
    """What is out of range in a plain config; keys that are unknown or of a wrong type are left to others."""
    found = (problem_of(key, value) for key, value in _leaves(plain))
    return [problem for problem in found if problem is not None]


def problem_of(key: str, value: Any) -> ConfigError | None:
    """What is out of range in the value of one key; None when nothing is."""
    return _number_problem(key, value) or _name_problem(key, value)


def _leaves(plain: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in plain.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _numbers(value: Any) -> list[float]:
    """The numbers of a value: itself, the members of a list, or the values of a schedule."""
    if is_number(value):
        return [value]
    if not isinstance(value, (list, tuple)):
        return []
    members = [m[1] if isinstance(m, (list, tuple)) and len(m) == 2 else m for m in value]
    return [member for member in members if is_number(member)]


def _number_problem(key: str, value: Any) -> ConfigError | None:
    allowed: Range | None = lookup(RANGES, key)
    if allowed is None:
        return None
    if value is None and not allowed.nullable:
        return ConfigError(f"{key} must be a number {allowed}, not null", key=key, fix=_write(key, allowed))
    if isinstance(value, str) and key in _AUTO and value != "auto":
        return ConfigError(
            f"{key} must be a number {allowed} or auto, not {value!r}", key=key, fix=f"{key}=auto"
        )
    wrong = [number for number in _numbers(value) if number not in allowed]
    if wrong and not math.isfinite(wrong[0]):
        message = f"{key} must be a finite number {allowed}, not {wrong[0]:g}"
        return ConfigError(message, key=key, fix=_write(key, allowed))
    if wrong:
        return ConfigError(f"{key} must be {allowed}, not {wrong[0]:g}", key=key, fix=_write(key, allowed))
    return None


def _write(key: str, allowed: Range) -> str:
    """An assignment with a value inside the range."""
    if (known := example_of(key)) is not None:
        return known
    if allowed.high == 1 and not allowed.integer:
        return f"{key}=0.9"
    return f"{key}={1 if allowed.integer or allowed.low >= 1 else 0.01}"


def _name_problem(key: str, value: Any) -> ConfigError | None:
    names: tuple[str, ...] | None = lookup(NAMES, key)
    if names is None or not isinstance(value, str) or value in names:
        return None
    close = nearest(value, names)
    # A long list helps nobody who has the right name before their eyes.
    listed = f": must be one of {', '.join(names)}" if len(names) <= 10 or not close else " is not known"
    return ConfigError(
        f"{key}={value}{listed}",
        key=key,
        suggestions=close,
        fix=f"{key}={close[0]}" if close else example_of(key) or f"{key}={names[0]}",
    )

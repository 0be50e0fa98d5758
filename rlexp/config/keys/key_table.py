"""The table of config keys: a row for each of which more is known than its type. A new key with a range is one row.

Fields and their types stand in `rlexp.config.schema`, those of RLlib's builders in RLlib's signatures. Keywords that
single algorithms ignore stand in their rows of `rlexp.config.algorithms.table`, names from elsewhere in
`rlexp.config.classic` and `rlexp.base.suggest.ALIASES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from rlexp.config.callables.annotations import NUMBER_OR_SCHEDULE
from rlexp.config.keys.cross_key_rules import (
    at_most_the_batch,
    bare_path_as_target,
    best_by,
    direction_of,
    iteration_steps_by_kind,
    not_beside_a_module,
    off_as_text,
    only_with_a_module,
    only_with_evaluation,
)
from rlexp.config.keys.key_row import (
    COUNT,
    COUNT_OR_NONE,
    FRACTION,
    LONG_OR_NONE_S,
    LONG_S,
    NOT_NEGATIVE,
    POSITIVE,
    SEEDS,
    Key,
    Range,
)

_TORCH_ACTIVATIONS = (
    *(
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
        "Sigmoid",
    ),
    *("LogSigmoid", "Hardswish", "Hardtanh", "Hardsigmoid", "ReLU6", "Tanhshrink", "Identity"),
)
_MODES = ("auto", "max", "min")
_ACTIVATIONS = ("tanh", "relu", "swish", "silu", "elu", "softmax", "linear", *_TORCH_ACTIVATIONS)

_NEW = "start a new run with checkpoint.from=PATH"
_MEANING = f"the observations would change their meaning; {_NEW}"
_FOLDER = "a resumed run keeps its folder"

_OLD = "is read by RLlib's old API stack alone"
_REJECTED = "is rejected on the new API stack"
_RENAMED = "is an old name"
_SAMPLED = "would be ignored"
"""Of keywords of a buffer's constructor that every sample overrides."""
_OWN_CLASS = "a config_class of your own"

KEYS: tuple[Key, ...] = (
    # algorithm
    Key(
        "algorithm.config_class",
        example="ray.rllib.algorithms.ppo.PPOConfig",
        frozen="another algorithm has other state; start a new run",
    ),
    Key("algorithm.gamma", Range(0, 1, nullable=False), example="0.99"),
    Key("algorithm.lambda_", FRACTION),
    Key("algorithm.lr", Range(0, nullable=False), example="0.0003"),
    Key("algorithm.*_lr", NOT_NEGATIVE, example="0.0003"),
    Key("algorithm.lr_*", NOT_NEGATIVE),
    Key("algorithm.grad_clip", POSITIVE, annotation="Optional[float]"),
    Key("algorithm.*_grad_clip_by_*", POSITIVE),
    Key("algorithm.clip_param", POSITIVE),
    Key("algorithm.vf_clip_param", POSITIVE),
    Key(
        "algorithm.kl_coeff", NOT_NEGATIVE, frozen="it has been adapted since the run began; start a new run"
    ),
    Key("algorithm.kl_target", POSITIVE),
    Key("algorithm.entropy_coeff", NOT_NEGATIVE, annotation=f"Optional[{NUMBER_OR_SCHEDULE}]"),
    Key("algorithm.vf_loss_coeff", NOT_NEGATIVE),
    Key("algorithm.num_epochs", Range(1, integer=True, nullable=False), example="10"),
    Key("algorithm.minibatch_size", COUNT, example="256", rule=at_most_the_batch),
    Key("algorithm.train_batch_size_per_learner", COUNT, example="2048"),
    Key("algorithm.tau", FRACTION),
    Key(
        "algorithm.initial_alpha",
        POSITIVE,
        frozen="the temperature has been trained since the run began; start a new run",
    ),
    Key("algorithm.epsilon", FRACTION),
    Key("algorithm.adam_epsilon", POSITIVE),
    Key("algorithm.n_step", COUNT),
    Key("algorithm.num_atoms", COUNT),
    Key("algorithm.sigma0", NOT_NEGATIVE),
    Key("algorithm.training_intensity", POSITIVE),
    Key("algorithm.target_network_update_freq", NOT_NEGATIVE),
    Key("algorithm.num_steps_sampled_before_learning_starts", COUNT_OR_NONE),
    Key("algorithm.replay_buffer_config.capacity", COUNT, example="100000"),
    Key("algorithm.replay_buffer_config.alpha", NOT_NEGATIVE),
    Key("algorithm.replay_buffer_config.beta", NOT_NEGATIVE),
    Key(
        "algorithm.replay_buffer_config.batch_size_B",
        ignored=(_SAMPLED, "algorithm.train_batch_size_per_learner"),
    ),
    Key("algorithm.replay_buffer_config.batch_length_T", ignored=(_SAMPLED, "algorithm.n_step")),
    Key(
        "algorithm.replay_buffer_config.metrics_num_episodes_for_smoothing",
        ignored=(_SAMPLED, "reporting.metrics_num_episodes_for_smoothing"),
    ),
    Key("algorithm.rollout_fragment_length", COUNT, auto=True),
    Key("algorithm.vtrace_clip_*", POSITIVE),
    Key("algorithm.circular_buffer_*", COUNT),
    Key("algorithm.broadcast_interval", COUNT),
    Key("algorithm.simple_queue_size", COUNT),
    Key("algorithm.num_gpu_loader_threads", COUNT),
    Key("algorithm.burn_in_len", COUNT_OR_NONE),
    Key("algorithm.beta", NOT_NEGATIVE),
    Key("algorithm.expectile", Range(0, 1, above=True, below=True)),
    Key("algorithm.temperature", POSITIVE),
    Key("algorithm.bc_iters", COUNT_OR_NONE),
    Key("algorithm.min_q_weight", NOT_NEGATIVE),
    Key("algorithm.num_actions", COUNT),
    Key("algorithm.n_quantiles", COUNT),
    Key("algorithm.n_critics", COUNT),
    Key("algorithm.top_quantiles_to_drop_per_net", COUNT_OR_NONE),
    Key("algorithm.moving_average_sqd_adv_norm_update_rate", FRACTION),
    Key("algorithm.training_ratio", POSITIVE),
    Key("algorithm.batch_size_B", COUNT),
    Key("algorithm.batch_length_T", COUNT),
    Key("algorithm.horizon_H", COUNT),
    Key("algorithm.gae_lambda", FRACTION),
    Key("algorithm.entropy_scale", NOT_NEGATIVE),
    Key("algorithm.return_normalization_decay", FRACTION),
    Key("algorithm.batch_mode", names=("truncate_episodes", "complete_episodes")),
    Key("algorithm.grad_clip_by", names=("value", "norm", "global_norm")),
    Key("algorithm.td_error_loss_fn", names=("huber", "mse")),
    Key("algorithm.model_size", names=("nano", "micro", "mini", "XXS", "XS", "S", "M", "L", "XL")),
    Key("algorithm.offline_sampling", annotation="Optional[bool]"),
    # env
    Key("env.max_episode_steps", COUNT, example="500"),
    Key("env.max_consecutive_failures", COUNT),
    Key(
        "env.clip_rewards",
        POSITIVE,
        ignored=(
            _OLD,
            "env.wrappers=[{_target_: gymnasium.wrappers.ClipReward, min_reward: -1.0, max_reward: 1.0}]",
        ),
    ),
    Key("env.id", example="CartPole-v1", frozen=f"the weights belong to this environment; {_NEW}"),
    Key("env.config", example="{<argument>: <value>}", own_code=True, frozen=_MEANING),
    Key(
        "env.wrappers",
        example="[{_target_: gymnasium.wrappers.TimeLimit, max_episode_steps: 200}]",
        frozen=_MEANING,
    ),
    Key(
        "env.observation_filter",
        frozen="the network has learnt from observations of the other kind; start a new run",
    ),
    Key("env.check", automatic=off_as_text),
    # model
    Key("model", frozen="the saved network has this shape; start a new run"),
    Key("model.*", rule=not_beside_a_module),
    Key("model.*fcnet_hiddens", COUNT, example="[64, 64]"),
    Key("model.fusionnet_hiddens", COUNT, example="[64, 64]"),
    Key("model.lstm_cell_size", COUNT, example="128"),
    Key("model.max_seq_len", COUNT),
    Key("model.log_std_clip_param", POSITIVE),
    Key("model.observation", names=("any", "vector", "image")),
    Key("model.*_activation", names=_ACTIVATIONS),
    Key("model.module_class", example="envs.my_models.MyModule"),
    Key("model.module_config", rule=only_with_a_module, own_code=True),
    # hardware
    Key("hardware.num_env_runners", COUNT_OR_NONE),
    Key("hardware.num_envs_per_env_runner", COUNT),
    Key("hardware.num_cpus_*", NOT_NEGATIVE),
    Key("hardware.num_gpus_*", NOT_NEGATIVE),
    Key("hardware.num_learners", COUNT_OR_NONE),
    Key("hardware.num_aggregator_actors_per_learner", COUNT_OR_NONE),
    Key("hardware.max_requests_in_flight_*", COUNT),
    Key("hardware.local_gpu_idx", COUNT_OR_NONE),
    Key("hardware.sample_timeout_s", LONG_S),
    Key("hardware.torch_threads", Range(1, 4096, integer=True)),
    Key("hardware.kernels", names=("auto", "numpy", "onednn", "torch"), example="numpy"),
    Key("hardware.custom_resources_*.*", NOT_NEGATIVE),
    Key("hardware.max_num_env_runner_restarts", COUNT_OR_NONE),
    Key("hardware.delay_between_env_runner_restarts_s", LONG_OR_NONE_S),
    Key("hardware.num_consecutive_env_runner_failures_tolerance", COUNT_OR_NONE),
    Key("hardware.env_runner_health_probe_timeout_s", LONG_OR_NONE_S),
    Key("hardware.env_runner_restore_timeout_s", LONG_OR_NONE_S),
    Key("hardware.gym_env_vectorize_mode", names=("sync", "async", "vector_entry_point")),
    Key("hardware.placement_strategy", names=("PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD")),
    Key("hardware.torch_compile_learner_what_to_compile", names=("complete_update", "forward_train")),
    Key("hardware.env_vars", example='{OMP_NUM_THREADS: "1"}'),
    Key("hardware.num_cpus_per_env_runner", annotation="Optional[Union[int, float]]"),
    Key("hardware.num_cpus_for_main_process", annotation="Optional[Union[int, float]]"),
    # evaluation
    Key("evaluation.evaluation_interval", COUNT),
    Key("evaluation.evaluation_interval_env_steps", COUNT, rule=only_with_evaluation),
    Key("evaluation.evaluation_duration", COUNT, auto=True, example="10"),
    Key("evaluation.evaluation_num_env_runners", COUNT_OR_NONE),
    Key("evaluation.evaluation_sample_timeout_s", LONG_S),
    Key("evaluation.evaluation_error_after_n_consecutive_skips", COUNT),
    Key("evaluation.evaluation_unhealthy_workers_timeout_s", LONG_OR_NONE_S),
    Key("evaluation.evaluation_auto_duration_*", COUNT),
    Key("evaluation.num_envs", COUNT),
    Key("evaluation.max_episode_steps", COUNT),
    Key("evaluation.seed", Range(0, SEEDS, below=True, integer=True)),
    Key("evaluation.evaluation_duration_unit", names=("episodes", "timesteps")),
    Key("evaluation.env_config", example="{<argument>: <value>}", own_code=True),
    # data
    Key("data.input_read_batch_size", COUNT),
    Key("data.dataset_num_iters_per_learner", COUNT),
    Key("data.input_", example="path/to/recordings"),
    # reporting
    Key("reporting.metrics_num_episodes_for_smoothing", COUNT),
    Key("reporting.min_time_s_*", LONG_OR_NONE_S),
    Key("reporting.min_*", NOT_NEGATIVE),
    Key("reporting.min_sample_timesteps_per_iteration", automatic=iteration_steps_by_kind),
    # callbacks
    Key("callbacks.progress.every_s", Range(0, 1e9, above=True, nullable=False)),
    Key("callbacks.progress.refresh_per_s", Range(0, 1e9, above=True, nullable=False)),
    Key("callbacks.video.every", Range(1, integer=True, nullable=False)),
    Key("callbacks.video.fps", Range(1, integer=True, nullable=False)),
    Key("callbacks.video.max_steps", Range(1, integer=True, nullable=False)),
    Key("callbacks.video.format", names=("mp4", "gif")),
    # tracking
    Key("tracking.wandb.init_timeout_s", Range(0, 1e9, above=True, nullable=False)),
    Key("tracking.wandb.finish_timeout_s", Range(0, 1e9, nullable=False)),
    Key("tracking.tensorboard.flush_s", Range(0, above=True, nullable=False)),
    Key("tracking.wandb.mode", names=("auto", "online", "offline", "disabled")),
    # metrics
    Key("metrics.*", example="{info: success, reduce: last}"),
    # stop
    Key("stop.env_steps", COUNT, example="100000"),
    Key("stop.iterations", COUNT, example="100"),
    Key("stop.wall_s", POSITIVE, example="600"),
    Key("stop.all_of.env_steps", COUNT),
    Key("stop.all_of.iterations", COUNT),
    Key("stop.all_of.wall_s", POSITIVE),
    Key("stop.plateau.patience", COUNT),
    Key("stop.plateau.min_delta", NOT_NEGATIVE),
    Key("stop.plateau.mode", names=_MODES, automatic=direction_of("stop.plateau.metric")),
    Key("stop.metric", example="{eval/return_mean: 450}", own_code=True),
    Key("stop.all_of", example="{env_steps: 50000, metric: {eval/return_mean: 450}}"),
    Key("stop.function", example="envs.my_stops.solved", automatic=bare_path_as_target),
    Key("stop.plateau", example="{metric: eval/return_mean, patience: 10}"),
    # checkpoint
    Key("checkpoint.every", COUNT, example="10"),
    Key("checkpoint.every_env_steps", COUNT),
    Key("checkpoint.keep", COUNT, example="3"),
    Key("checkpoint.mode", names=_MODES, automatic=direction_of("checkpoint.best_by")),
    Key("checkpoint.from", frozen=f"a resumed run goes on from its own checkpoint; {_NEW}"),
    Key("checkpoint.best_by", automatic=best_by),
    # of the run itself
    Key(
        "seed",
        Range(0, SEEDS, below=True, integer=True),
        example="0",
        frozen="the run has begun with this seed; start a new run",
    ),
    Key("fast", names=("auto", "always", "never"), example="never"),
    Key("log_level", names=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), example="WARNING"),
    Key("trusted", example="[rlexp, envs, callbacks, ray.rllib, gymnasium, <your package>]"),
    Key("name", example="my_run", frozen=_FOLDER),
    Key("runs_dir", frozen=_FOLDER),
    # Keywords of RLlib 2.60's builders that a run does not take: ignored, rejected late, or not the run's to set.
    Key(
        "algorithm.train_batch_size",
        ignored=("is split over learners", "algorithm.train_batch_size_per_learner"),
    ),
    Key("algorithm.model", ignored=(_OLD, "keys of the model group")),
    Key("algorithm.optimizer", ignored=(_OLD, "algorithm.lr and algorithm.grad_clip")),
    Key("algorithm.learner_class", ignored=("is chosen by the algorithm", _OWN_CLASS)),
    Key("algorithm.learner_connector", ignored=("is code", _OWN_CLASS)),
    Key(
        "algorithm.add_default_connectors_to_learner_pipeline",
        ignored=("must stay on: learners need their batches built", "remove it"),
    ),
    Key("algorithm.num_sgd_iter", ignored=(_RENAMED, "algorithm.num_epochs")),
    Key("algorithm.learner_config_dict", ignored=("is read by custom learners alone", _OWN_CLASS)),
    Key(
        "algorithm.max_requests_in_flight_per_sampler_worker",
        ignored=(_RENAMED, "hardware.max_requests_in_flight_per_env_runner"),
    ),
    Key(
        "algorithm.num_aggregator_actors_per_learner",
        ignored=("belongs to hardware", "hardware.num_aggregator_actors_per_learner"),
    ),
    Key(
        "algorithm.max_requests_in_flight_per_aggregator_actor",
        ignored=("belongs to hardware", "hardware.max_requests_in_flight_per_aggregator_actor"),
    ),
    Key("algorithm.lr_schedule", ignored=(_REJECTED, "algorithm.lr=[[0,1e-3],[100000,1e-4]]")),
    Key(
        "algorithm.entropy_coeff_schedule",
        ignored=(_REJECTED, "algorithm.entropy_coeff=[[0,0.01],[100000,0.0]]"),
    ),
    Key("algorithm.vf_share_layers", ignored=(_RENAMED, "model.vf_share_layers")),
    Key(
        "hardware.restart_failed_sub_environments",
        ignored=("is done by the guard of each environment", "remove it"),
    ),
    Key(
        "env.action_mask_key",
        ignored=("nothing reads it on the new API stack", "model=custom with a module that masks"),
    ),
    Key("env.disable_env_checking", ignored=("only multi-agent runners read it", "remove it")),
)
"""Of two patterns that a key matches, the first counts."""

_PATTERNS = [row for row in KEYS if "*" in row.name]
_COLUMNS = [field.name for field in fields(Key) if field.name != "name"]


@lru_cache(maxsize=4096)
def known_of(key: str) -> Key:
    """What the table says of a dotted key: each column by the key's own row, or else by the first pattern with it."""
    rows = [row for row in KEYS if row.name == key] + [row for row in _PATTERNS if fnmatchcase(key, row.name)]
    columns: dict[str, Any] = {}
    for name in _COLUMNS:
        known = [value for row in rows if (value := getattr(row, name))]
        columns |= {name: known[0]} if known else {}
    return Key(key, **columns)


FROZEN: Mapping[str, str] = {row.name: row.frozen for row in KEYS if row.frozen is not None}
"""Keys that a resume cannot change, each with the reason and what to do instead."""

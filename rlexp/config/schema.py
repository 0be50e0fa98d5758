"""The typed, plain configuration of one run: what `compose` returns and `build` reads.

Each class is one config group. Its fields are the project's own settings; every other key of the group must be a
keyword of the RLlib builders in `BUILDERS` (their signatures are the schema, see
`rlexp.config.algorithms.builder_signatures`) and lands in `settings` under RLlib's own name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Target = dict[str, Any]
"""`{_target_: import.path, **arguments}`: a callable named in YAML, built by `rlexp.config.callables.targets`."""


@dataclass(frozen=True)
class Builder:
    """An RLlib builder method whose keywords a group accepts, but for those that the table of keys ignores.

    Attributes:
        method: name of the method on `AlgorithmConfig`, e.g. `env_runners`.
        only: the accepted keywords; empty means all of them.
    """

    method: str
    only: tuple[str, ...] = ()


@dataclass
class AlgorithmChoice:
    """What learns: an RLlib config class and the keywords of its `training()`."""

    BUILDERS: ClassVar[tuple[Builder, ...]] = (
        Builder("training"),
        Builder("env_runners", only=("rollout_fragment_length", "batch_mode")),
    )
    config_class: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class ModelChoice:
    """The policy's network: RLlib's default model, or any RLModule by import path.

    `size` says how large what is left None becomes. `settings` holds fields of RLlib's `DefaultModelConfig`; they are
    refused beside a `module_class`, which reads `module_config` alone.
    """

    observation: str = "any"
    size: Literal["normal", "tiny"] = "normal"
    module_class: str | None = None
    module_config: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class EnvChoice:
    """Where it learns: an id or import path, its arguments and its wrappers, innermost first.

    `vector_entry_point` is the import path of what makes its own vector form, from `num_envs` and the same arguments.
    """

    BUILDERS: ClassVar[tuple[Builder, ...]] = (
        Builder(
            "environment",
            only=(
                "clip_rewards",
                "normalize_actions",
                "clip_actions",
                "disable_env_checking",
                "action_mask_key",
            ),
        ),
    )
    id: str
    config: dict[str, Any] = field(default_factory=dict)
    wrappers: list[Target] = field(default_factory=list)
    max_episode_steps: int | None = None
    vector_entry_point: str | None = None
    requires: dict[str, str] = field(default_factory=dict)
    max_consecutive_failures: int = 10
    check_finite: bool = True
    check: Literal["strict", "warn", "off"] = "warn"
    observation_filter: Literal["NoFilter", "MeanStdFilter"] = "NoFilter"
    tasks: dict[str, Any] = field(default_factory=dict)
    apply_task: str = "set_task"
    target_tasks: list[Any] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class HardwareChoice:
    """What it runs on; with `auto`, keys left None are chosen from the machine and the environment's speed."""

    BUILDERS: ClassVar[tuple[Builder, ...]] = (
        Builder(
            "env_runners",
            only=(
                "num_env_runners",
                "num_envs_per_env_runner",
                "gym_env_vectorize_mode",
                "create_local_env_runner",
                "create_env_on_local_worker",
                "num_cpus_per_env_runner",
                "num_gpus_per_env_runner",
                "custom_resources_per_env_runner",
                "validate_env_runners_after_construction",
                "sample_timeout_s",
                "max_requests_in_flight_per_env_runner",
            ),
        ),
        Builder(
            "learners",
            only=(
                "num_learners",
                "num_cpus_per_learner",
                "num_gpus_per_learner",
                "custom_resources_per_learner",
                "num_aggregator_actors_per_learner",
                "max_requests_in_flight_per_aggregator_actor",
                "local_gpu_idx",
                "max_requests_in_flight_per_learner",
            ),
        ),
        Builder(
            "resources",
            only=("num_cpus_for_main_process", "custom_resources_for_main_process", "placement_strategy"),
        ),
        Builder("fault_tolerance"),
        Builder(
            "framework",
            only=(
                "torch_compile_learner",
                "torch_compile_learner_what_to_compile",
                "torch_compile_learner_dynamo_mode",
                "torch_compile_learner_dynamo_backend",
                "torch_ddp_kwargs",
                "torch_skip_nan_gradients",
            ),
        ),
    )
    auto: bool = False
    address: str = "local"
    torch_threads: int | None = None
    kernels: Literal["auto", "numpy", "onednn", "torch"] = "auto"
    env_vars: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class EvaluationChoice:
    """Evaluation every `evaluation_interval` iterations, on environments and a seed of its own.

    With `evaluation_interval_env_steps`, env steps count in place of iterations.
    """

    BUILDERS: ClassVar[tuple[Builder, ...]] = (
        Builder(
            "evaluation",
            only=(
                "evaluation_interval",
                "evaluation_duration",
                "evaluation_duration_unit",
                "evaluation_auto_duration_min_env_steps_per_sample",
                "evaluation_auto_duration_max_env_steps_per_sample",
                "evaluation_sample_timeout_s",
                "evaluation_parallel_to_training",
                "evaluation_error_after_n_consecutive_skips",
                "evaluation_unhealthy_workers_timeout_s",
                "evaluation_force_reset_envs_before_iteration",
                "evaluation_num_env_runners",
            ),
        ),
    )
    evaluation_interval_env_steps: int | None = None
    explore: bool = False
    seed: int | None = None
    num_envs: int = 1
    max_episode_steps: int | Literal["auto"] | None = "auto"
    env_config: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class DataChoice:
    """Recorded experiences for the offline algorithms; unpickled only where `trust` says so."""

    BUILDERS: ClassVar[tuple[Builder, ...]] = (
        Builder(
            "offline_data",
            only=(
                "input_",
                "input_read_method",
                "input_read_method_kwargs",
                "input_read_episodes",
                "input_read_sample_batches",
                "input_read_batch_size",
                "materialize_data",
                "materialize_mapped_data",
                "dataset_num_iters_per_learner",
                "map_batches_kwargs",
                "iter_batches_kwargs",
            ),
        ),
    )
    trust: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class CurriculumChoice:
    """Which tasks the environment is given: a teacher chooses them from a space; without one it keeps its own."""

    teacher: Target | None = None
    tasks: dict[str, Any] | None = None
    apply: str = "set_task"
    targets: list[Any] | None = None
    measure: str = "success"
    task_fn: str | None = None
    observe_task: bool = False
    stop_when_complete: bool = False


@dataclass
class ReportingChoice:
    """How much makes one iteration, and over how many episodes a mean runs."""

    BUILDERS: ClassVar[tuple[Builder, ...]] = (
        Builder(
            "reporting",
            only=(
                "metrics_num_episodes_for_smoothing",
                "min_time_s_per_iteration",
                "min_train_timesteps_per_iteration",
                "min_sample_timesteps_per_iteration",
                "log_gradients",
            ),
        ),
    )
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class Plateau:
    """Stop when `metric` has not risen by `min_delta` for `patience` iterations that report it."""

    metric: str
    patience: int
    min_delta: float = 0.0
    mode: str = "auto"


@dataclass
class AllOf:
    """Stop when all of these hold at once, metrics by their last values; None is not asked for."""

    env_steps: int | None = None
    iterations: int | None = None
    wall_s: float | None = None
    metric: dict[str, float | str] | None = field(default_factory=dict)


@dataclass
class Stop:
    """The run ends as soon as any of these holds; None never does.

    `metric` maps a metric's name to a number it must reach, or to a bound as text (`"<=0.1"`). `function` is called
    with each iteration's record, and with its arguments; it ends the run by returning true, or a text that says why.
    """

    env_steps: int | None = None
    iterations: int | None = None
    wall_s: float | None = None
    metric: dict[str, float | str] | None = field(default_factory=dict)
    plateau: Plateau | None = None
    all_of: AllOf | None = None
    function: Target | None = None


@dataclass
class CheckpointChoice:
    """When checkpoints are written and which are kept; `from` starts from another run's weights."""

    every: int | None = 10
    every_env_steps: int | None = None
    keep: int = 3
    best_by: str | None = "auto"
    mode: str = "auto"
    replay: bool = True
    from_: str | None = None
    trust: bool = False


@dataclass
class RunConfig:
    """All of one run's config: resolved, typed and free of OmegaConf."""

    algorithm: AlgorithmChoice
    model: ModelChoice
    env: EnvChoice
    hardware: HardwareChoice
    exploration: Target
    evaluation: EvaluationChoice
    callbacks: dict[str, Target]
    tracking: dict[str, Target]
    metrics: dict[str, Target]
    data: DataChoice
    reporting: ReportingChoice
    stop: Stop
    checkpoint: CheckpointChoice
    curriculum: CurriculumChoice = field(default_factory=CurriculumChoice)
    seed: int = 0
    name: str | None = None
    runs_dir: str = "runs"
    overwrite: bool = False
    fast: str = "auto"
    log_level: str = "WARNING"
    trusted: list[str] = field(default_factory=list)
    choices: dict[str, str | list[str]] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)

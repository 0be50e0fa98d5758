"""A `RunConfig` to RLlib's `AlgorithmConfig`: the one place that speaks RLlib's builders.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.base.seeds import seed_for_rllibs_evaluation
from rlexp.config.algorithms import builder_signatures
from rlexp.config.callables.targets import build as build_target
from rlexp.config.callables.targets import locate
from rlexp.config.schema import HardwareChoice, RunConfig
from rlexp.curriculum.build import target_payload
from rlexp.engine.callbacks.corrected_metrics import Bookkeeping
from rlexp.engine.callbacks.episode_metrics import metrics_callback
from rlexp.engine.callbacks.failure_counter import FailureCounter
from rlexp.engine.callbacks.task_outcomes import OutcomeCollector
from rlexp.engine.curriculum_connector import with_curriculum, with_targets
from rlexp.engine.runners.runner_class import env_runner_class
from rlexp.environment.make import rllib_environment
from rlexp.models.module_spec import rl_module_settings
from rlexp.models.observation_filter import MEAN_STD, FilterForEvaluation, add_filter
from rlexp.run.building import rllib_fixes
from rlexp.run.building.multi_agent import with_shared_policy
from rlexp.run.building.old_callback_hooks import named_hooks
from rlexp.run.building.prelearner_without_pickle import read_plainly

if TYPE_CHECKING:
    import gymnasium
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig


def build(
    config: RunConfig, spaces: tuple[gymnasium.Space, gymnasium.Space], *, agents: bool = False
) -> AlgorithmConfig:
    """Builds RLlib's config for a checked run.

    Args:
        config: resolved; `hardware=auto` has already chosen.
        spaces: one environment's observation and action space; of each agent where there are several.
        agents: whether there are several agents, for all of whom one policy acts.

    Raises:
        ConfigError: RLlib itself refuses the combination.
    """
    kind = locate(config.algorithm.config_class, config.trusted)
    algorithm: AlgorithmConfig = with_shared_policy(kind) if agents else kind()
    rllib_fixes.put_right(algorithm)
    # Nobody reads RLlib's figures of the machine, and the thread that takes them holds up a run's end by half a second.
    algorithm.debugging(seed=config.seed, log_level=config.log_level, log_sys_usage=False)
    algorithm.framework("torch")
    algorithm.environment(**rllib_environment(config))
    for choice in (config.algorithm, config.hardware, config.data, config.reporting):
        apply(algorithm, choice, config)
    if config.data.settings.get("input_") and not config.data.trust:
        read_plainly(algorithm)
    _check_iterations_end(algorithm)
    rllib_fixes.refuse(algorithm)
    in_evaluation = _model(algorithm, config, spaces)
    in_evaluation |= _curriculum(algorithm, config, in_evaluation)
    _callbacks(algorithm, config)
    _evaluation(algorithm, config, in_evaluation)
    strategy = build_target(config.exploration, config.trusted)
    strategy.check(config.algorithm.config_class)
    strategy.configure(algorithm)
    algorithm.env_runners(env_runner_cls=env_runner_class(algorithm))
    _validate(algorithm)
    return algorithm


def apply(algorithm: AlgorithmConfig, choice: Any, config: RunConfig) -> None:
    """Hands each setting of a group to the first of its builders that knows it.

    Null is a value like any other (no gradient clipping, no evaluation); for hardware it leaves RLlib's own, but
    for the time without a limit.
    """
    config_class, trusted = config.algorithm.config_class, tuple(config.trusted)
    left = dict(choice.settings)
    if isinstance(choice, HardwareChoice):
        left = {k: v for k, v in left.items() if v is not None or k == "sample_timeout_s"}
    for builder in choice.BUILDERS:
        known = builder.only or builder_signatures.keywords(config_class, builder.method, trusted)
        mine = {name: _value(name, left.pop(name)) for name in list(left) if name in known}
        if mine:
            getattr(algorithm, builder.method)(**mine)
    assert not left, f"settings that no builder takes: {sorted(left)}"


def _value(name: str, value: Any) -> Any:
    # YAML has no tuples, and RLlib's replay buffers take a range of n in no other form.
    return tuple(value) if name == "n_step" and isinstance(value, list) else value


def _check_iterations_end(algorithm: AlgorithmConfig) -> None:
    """An iteration that waits for sampled steps never ends where nothing is sampled."""
    if not algorithm.is_online and algorithm.min_sample_timesteps_per_iteration:
        key = "reporting.min_sample_timesteps_per_iteration"
        steps = algorithm.min_sample_timesteps_per_iteration
        raise ConfigError(
            f"{key}={steps}: no iteration would ever end, since nothing is sampled where data is recorded",
            key=key,
            fix=f"{key}=0 reporting.min_train_timesteps_per_iteration={steps}",
        )


def _model(algorithm: AlgorithmConfig, config: RunConfig, spaces: tuple[Any, Any]) -> dict[str, Any]:
    """Sets the module and its connectors; returns what is different in evaluation."""
    settings = rl_module_settings(config.model, config.trusted, *spaces, config.algorithm.config_class)
    connector = settings.pop("env_to_module_connector", None)
    if connector is not None and algorithm.is_multi_agent:
        raise ConfigError(
            f"model: with several agents, observations reach networks as they are, and {spaces[0]} would have to be "
            "changed first (or the last action and reward joined to it)",
            key="model",
            fix="an observation of floats in the environment, and a model without lstm_use_prev_action and _reward",
        )
    algorithm.rl_module(**settings)
    if config.env.observation_filter == MEAN_STD:
        return add_filter(algorithm, spaces[0], connector)
    if connector is not None:
        algorithm.env_runners(env_to_module_connector=connector)
    return {}


def _curriculum(
    algorithm: AlgorithmConfig, config: RunConfig, in_evaluation: dict[str, Any]
) -> dict[str, Any]:
    """Puts the curriculum's connector before all others; returns what is different in evaluation."""
    if config.curriculum.teacher is None:
        return {}
    key = "_env_to_module_connector"
    then = getattr(algorithm, key)
    algorithm.env_runners(env_to_module_connector=partial(with_curriculum, then=then))
    targets = target_payload(config.curriculum, config.seed)
    return {key: partial(with_targets, then=in_evaluation.get(key, then), targets=targets)}


def _callbacks(algorithm: AlgorithmConfig, config: RunConfig) -> None:
    classes: list[Any] = [FailureCounter, Bookkeeping]
    if config.env.observation_filter == MEAN_STD:
        classes.append(FilterForEvaluation)
    if config.curriculum.teacher is not None:
        classes.append(OutcomeCollector)
    if config.metrics:
        classes.append(metrics_callback(config.metrics, partial(build_target, trusted=config.trusted)))
    classes += [
        callback_factory(f"callbacks.{name}", spec, config.trusted) for name, spec in config.callbacks.items()
    ]
    algorithm.callbacks(callbacks_class=classes)


def callback_factory(key: str, spec: dict[str, Any], trusted: list[str]) -> Any:
    """What RLlib calls without arguments, in every process, to make a callback with the YAML's arguments."""
    arguments = {k: v for k, v in spec.items() if k != "_target_"}
    return partial(named_hooks, locate(spec["_target_"], trusted), key, **arguments)


def _evaluation(algorithm: AlgorithmConfig, config: RunConfig, settings: dict[str, Any]) -> None:
    choice = config.evaluation
    apply(algorithm, choice, config)
    if choice.settings.get("evaluation_interval") is None:
        return
    environment = rllib_environment(config, evaluation=True)
    algorithm.evaluation(
        evaluation_config={
            "explore": choice.explore,
            "seed": seed_for_rllibs_evaluation(config.seed, choice.seed),
            "num_envs_per_env_runner": choice.num_envs,
            "env_config": environment["env_config"],
            **settings,
        }
    )


def _validate(algorithm: AlgorithmConfig) -> None:
    try:
        algorithm.copy(copy_frozen=False).validate()
    except (ValueError, NotImplementedError, ImportError) as error:
        raise ConfigError(f"RLlib refuses this combination: {error}") from error

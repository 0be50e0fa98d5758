"""Keys that depend on others: what `auto` stands for, and values that are fine alone and wrong together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.headline_metrics import mode_of, return_metric
from rlexp.config.callables.annotations import is_number
from rlexp.config.callables.targets import TARGET, trusted_in
from rlexp.config.keys.key_row import MANDATORY, Lookup

AUTO = "auto"


def best_by(value: Any, value_of: Lookup) -> Any:
    """Evaluation's return where there is an evaluation, else training's."""
    if value != AUTO:
        return value
    return return_metric(bool(value_of("evaluation.evaluation_interval")))


def direction_of(metric_key: str) -> Callable[[Any, Lookup], Any]:
    """From a mode to max or min: `auto` is what is better of the metric that another key names."""

    def direction(value: Any, value_of: Lookup) -> Any:
        return mode_of(str(value_of(metric_key))) if value == AUTO else value

    return direction


def iteration_steps_by_kind(value: Any, value_of: Lookup) -> Any:
    """Env steps of an iteration by the kind of algorithm; one that is missing or unknown is refused elsewhere."""
    if value != AUTO:
        return value
    from rlexp.config.algorithms import ITERATION_STEPS, kind_of

    path = value_of("algorithm.config_class")
    kind = kind_of(path, trusted_in(value_of("trusted"))) if isinstance(path, str) else "on_policy"
    return ITERATION_STEPS[kind]


def bare_path_as_target(value: Any, value_of: Lookup) -> Any:
    """A bare import path becomes a target without arguments."""
    return {TARGET: value} if isinstance(value, str) and value != MANDATORY else value


def off_as_text(value: Any, value_of: Lookup) -> Any:
    """YAML reads a plain `off` as false."""
    return "off" if value is False else value


def at_most_the_batch(key: str, value: Any, value_of: Lookup) -> ConfigError | None:
    """A minibatch is part of the batch of a learner."""
    batch = value_of("algorithm.train_batch_size_per_learner")
    if not (is_number(batch) and is_number(value) and value > batch > 0):
        return None
    message = f"{key} is {value}, more than algorithm.train_batch_size_per_learner, {batch}"
    return ConfigError(message, key=key, fix=f"{key}={batch}")


def only_with_evaluation(key: str, value: Any, value_of: Lookup) -> ConfigError | None:
    """Env steps between evaluations, where there is no evaluation."""
    if value is None or value_of("evaluation.evaluation_interval") is not None:
        return None
    message = f"{key}={value} has no effect: evaluation is off (evaluation.evaluation_interval is null)"
    return ConfigError(message, key=key, fix=f"evaluation=default {key}={value}")


def only_with_a_module(key: str, value: Any, value_of: Lookup) -> ConfigError | None:
    """Nothing but a module of the lab's own reads `module_config`."""
    if not value or value_of("model.module_class") is not None:
        return None
    message = f"{key} has no effect without model.module_class"
    return ConfigError(message, key=key, fix="model=custom model.module_class=<import path>")


def not_beside_a_module(key: str, value: Any, value_of: Lookup) -> ConfigError | None:
    """A module of the lab's own reads `module_config` alone, and no field of RLlib's default model."""
    from rlexp.config.algorithms.builder_signatures import model_fields

    custom, name = value_of("model.module_class"), key.partition(".")[2]
    if value is None or custom is None or name not in model_fields():
        return None
    message = f"{key} has no effect beside model.module_class, which reads module_config alone"
    return ConfigError(message, key=key, fix=f"model.module_config.{name}=... if {custom} knows that key")

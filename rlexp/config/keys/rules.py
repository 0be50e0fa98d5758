"""Values that are fine alone and wrong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.config.callables.annotations import is_number
from rlexp.config.keys.builder_signatures import model_fields


def contradictions(plain: Mapping[str, Any]) -> list[ConfigError]:
    """Keys of a plain config that exclude or outgrow each other."""
    algorithm, model = plain.get("algorithm"), plain.get("model")
    found = list(_batch_sizes(algorithm)) if isinstance(algorithm, Mapping) else []
    found += _evaluation(plain.get("evaluation"))
    return found + (list(_model(model)) if isinstance(model, Mapping) else [])


def _batch_sizes(algorithm: Mapping[str, Any]) -> Iterator[ConfigError]:
    whole, part = algorithm.get("train_batch_size_per_learner"), algorithm.get("minibatch_size")
    if is_number(whole) and is_number(part) and part > whole > 0:  # type: ignore[operator]
        yield ConfigError(
            f"algorithm.minibatch_size is {part}, more than algorithm.train_batch_size_per_learner, {whole}",
            key="algorithm.minibatch_size",
            fix=f"algorithm.minibatch_size={whole}",
        )


def _evaluation(evaluation: Any) -> Iterator[ConfigError]:
    """Env steps between evaluations, where there is none."""
    if not isinstance(evaluation, Mapping) or evaluation.get("evaluation_interval") is not None:
        return
    if (steps := evaluation.get("evaluation_interval_env_steps")) is not None:
        key = "evaluation.evaluation_interval_env_steps"
        message = f"{key}={steps} has no effect: evaluation is off (evaluation.evaluation_interval is null)"
        yield ConfigError(message, key=key, fix=f"evaluation=default {key}={steps}")


def _model(model: Mapping[str, Any]) -> Iterator[ConfigError]:
    """A module of one's own reads `module_config` alone, and nothing else reads that."""
    custom = model.get("module_class")
    if custom is None and model.get("module_config"):
        message = "model.module_config has no effect without model.module_class"
        yield ConfigError(
            message, key="model.module_config", fix="model=custom model.module_class=<import path>"
        )
    for name in model_fields() if custom is not None else ():
        if model.get(name) is not None:
            yield ConfigError(
                f"model.{name} has no effect beside model.module_class, which reads module_config alone",
                key=f"model.{name}",
                fix=f"model.module_config.{name}=... if {custom} knows that key",
            )

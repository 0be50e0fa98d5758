"""`auto` made definite, where nothing but the config is needed for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlexp.config.callables.targets import DEFAULT_TRUSTED, TARGET

AUTO = "auto"
LENGTH = "min_sample_timesteps_per_iteration"


def with_automatic(plain: dict[str, Any]) -> dict[str, Any]:
    """A plain config in which `checkpoint.best_by` and an iteration's length are no longer `auto`.

    A stop function's bare import path becomes a target without arguments.
    """
    return {**plain, **_best_by(plain), **_iteration_length(plain), **_stop_function(plain), **_check(plain)}


def _stop_function(plain: Mapping[str, Any]) -> dict[str, Any]:
    stop = plain.get("stop")
    if not isinstance(stop, dict) or not isinstance(stop.get("function"), str):
        return {}
    return {"stop": {**stop, "function": {TARGET: stop["function"]}}}


def _check(plain: Mapping[str, Any]) -> dict[str, Any]:
    """YAML reads a plain `off` as false."""
    env = plain.get("env")
    return {"env": {**env, "check": "off"}} if isinstance(env, dict) and env.get("check") is False else {}


def _best_by(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluation's return where there is one, else training's."""
    checkpoint, evaluation = plain.get("checkpoint"), plain.get("evaluation")
    if not isinstance(checkpoint, dict) or checkpoint.get("best_by") != AUTO:
        return {}
    evaluated = isinstance(evaluation, dict) and evaluation.get("evaluation_interval")
    return {"checkpoint": {**checkpoint, "best_by": f"{'eval' if evaluated else 'train'}/return_mean"}}


def _iteration_length(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Env steps by the kind of algorithm; one that is missing or unknown is for others to tell of."""
    reporting, algorithm = plain.get("reporting"), plain.get("algorithm")
    if not isinstance(reporting, dict) or reporting.get(LENGTH) != AUTO:
        return {}
    from rlexp.config.algorithms import ITERATION_STEPS, kind_of

    listed = plain.get("trusted")
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    path = algorithm.get("config_class") if isinstance(algorithm, dict) else None
    kind = kind_of(path, tuple(names) or DEFAULT_TRUSTED) if isinstance(path, str) else "on_policy"
    return {"reporting": {**reporting, LENGTH: ITERATION_STEPS[kind]}}

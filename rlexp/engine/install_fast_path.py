"""Puts the fast path into a finished `AlgorithmConfig`, or says why it stays stock."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import FastParts
from rlexp.engine.dense.kernels import KEY as KERNELS
from rlexp.engine.dense.kernels import set_kernels
from rlexp.engine.fast_path_refusals import (
    Spaces,
    fast_parts,
    learners_by_formula,
    measured_learners,
    why_not,
)

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

KEY = "fast"


def install(config: AlgorithmConfig, wanted: str, spaces: Spaces, kernels: str = "auto") -> str:
    """Changes `config` so that it samples and learns on arrays, where that applies.

    Args:
        config: built and checked, but for the env runner class.
        wanted: `auto`, `always` or `never`.
        spaces: one environment's observation and action space.
        kernels: as `hardware.kernels` has it; RLlib's own path has torch's.

    Returns:
        What was chosen and why, a sentence for the log.

    Raises:
        ConfigError: `always`, and it does not apply; or kernels that this machine has not.
    """
    if wanted == "never":
        _replace_learner(config, measured_learners())
        return f"fast=never: RLlib's own sampling and learning{_without(kernels)}"
    reason = why_not(config, spaces)
    parts = fast_parts(config)
    if reason is None and parts is not None:
        _install(config, parts)
        set_kernels(config, kernels)
        return "fast: sampling and learning on arrays"
    if wanted == "always":
        raise ConfigError(f"{KEY}=always: {reason}", key=KEY, fix=f"{KEY}=auto")
    if _replace_learner(config, learners_by_formula()):
        set_kernels(config, kernels)
        return (
            "fast=auto: RLlib's own way with recorded data; gradients by formula where the networks have them"
        )
    _replace_learner(config, measured_learners())
    return f"fast=auto: RLlib's own sampling and learning{_without(kernels)}, because {reason}"


def _without(kernels: str) -> str:
    """What to say of kernels that were asked for and are not used."""
    return "" if kernels == "auto" else f" (by torch, so {KERNELS}={kernels} changes nothing)"


def _install(config: AlgorithmConfig, parts: FastParts) -> None:
    config.env_runners(env_runner_cls=_load("rlexp.engine.runners.fast_runner.FastEnvRunner"))
    config.learners(learner_class=_load(parts.learner))
    if parts.algorithm:
        config.algo_class = _load(parts.algorithm)


def _replace_learner(config: AlgorithmConfig, others: dict[str, str]) -> bool:
    """Puts in the learner that stands for RLlib's, if there is one; a learner class of somebody's own stays.

    Args:
        config: with a learner class.
        others: learners by the import path of the one that they stand for.
    """
    learner = f"{config.learner_class.__module__}.{config.learner_class.__name__}"
    other = others.get(learner)
    if other is not None:
        config.learners(learner_class=_load(other))
    return other is not None


def _load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)

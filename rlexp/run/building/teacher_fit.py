"""Whether the learner can do what the curriculum's teacher asks of it.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.algorithms.builder_signatures import algorithm_name
from rlexp.config.callables.targets import TARGET
from rlexp.config.schema import RunConfig
from rlexp.curriculum.build import TEACHER, teacher_of
from rlexp.curriculum.teacher import excludes_episodes, needed_signals
from rlexp.curriculum.teachers.plr import MAX_MC, SIGNAL
from rlexp.engine.fast_path_refusals import Spaces, fast_parts, why_not
from rlexp.engine.runners.fast_runner import FastEnvRunner
from rlexp.environment.tasks.outcome import SIGNALS

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig


def check_teacher_fits(config: RunConfig, built: AlgorithmConfig, spaces: Spaces) -> None:
    """Refuses a teacher that needs signals, or episodes left out, of a learner that knows of neither.

    Args:
        config: the run.
        built: RLlib's config, with or without the fast path as the run will have it.
        spaces: one environment's observation and action space.

    Raises:
        ConfigError: what the teacher needs, why the run cannot give it, and what could.
    """
    if config.curriculum.teacher is None:
        return
    teacher = teacher_of(config.curriculum, config.trusted, seed=config.seed)
    signals, excludes = needed_signals(teacher), excludes_episodes(teacher)
    if signals or excludes:
        asks = [f"reads the signal {' and '.join(signals)} of each episode"] if signals else []
        asks += ["has episodes that the policy does not learn from"] if excludes else []
        _check_learner(config, built, spaces, " and ".join(asks))
    unknown = [name for name in signals if name not in SIGNALS]
    if unknown:
        known = [name for name in SIGNALS if name != "value_mean"] + [MAX_MC]
        raise ConfigError(
            f"{TEACHER}: no run tells a signal {unknown[0]}; there are {', '.join(known)}",
            key=TEACHER,
            suggestions=nearest(unknown[0], known),
            fix=f"{SIGNAL}={(nearest(unknown[0], known) or known)[0]}",
        )


def _check_learner(config: RunConfig, built: AlgorithmConfig, spaces: Spaces, asks: str) -> None:
    kind, fast = fast_parts(built), issubclass(built.env_runner_cls, FastEnvRunner)
    if kind is not None and kind.judges_episodes and fast:
        return
    assert config.curriculum.teacher is not None
    tries_candidates = "train_candidates" in config.curriculum.teacher
    other = f"{TEACHER}.train_candidates=true" if tries_candidates else "curriculum=learnability"
    if kind is None or not kind.judges_episodes:
        name = algorithm_name(config.algorithm.config_class)
        reason, fix = f"{name} has no advantages over whole rollouts", f"algorithm=ppo or {other}"
    elif (slow := why_not(built, spaces)) is not None:
        reason, fix = f"only the fast path does that, which this run cannot take: {slow}", other
    else:
        reason, fix = f"only the fast path does that, and fast={config.fast}", "fast=auto"
    raise ConfigError(
        f"{TEACHER}: {config.curriculum.teacher[TARGET]} {asks}; {reason}", key=TEACHER, fix=fix
    )

"""Refuses what compares scores of different environments: a reward of one says nothing beside a reward of another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rlexp.base.errors import ConfigError
from rlexp.config.environment_name import environment_name
from rlexp.config.schema import RunConfig
from rlexp.sweep.settings import SweepSettings
from rlexp.sweep.trials.composed_points import ComposedPoint
from rlexp.sweep.trials.trial_task import SCHEDULER


def name_of(config: RunConfig) -> str:
    """The environment of a trial, as `rlexp evaluate sweeps/x --env NAME` takes it."""
    return environment_name(config.choices.get("env"), config.env.id)


def refuse_several_environments(settings: SweepSettings, points: Iterable[ComposedPoint]) -> None:
    """Refuses several environments where a search that learns, or a scheduler, goes by scores.

    Args:
        settings: the sweep's settings.
        points: of all of its trials, or of the ends of its space.

    Raises:
        ConfigError: the points have different environments.
    """
    scheduler = settings.scheduler.get("name", "none")
    if settings.search != "optuna" and scheduler == "none":
        return
    names = list(dict.fromkeys(name_of(at.config) for at in points))
    if len(names) < 2:
        return
    if scheduler != "none":
        key, does = f"{SCHEDULER}.name={scheduler}", "compares trials by their scores"
    else:
        key, does = "sweep.search=optuna", "chooses each point by the scores of those before"
    raise ConfigError(
        f"{key} {does}, and those of different environments ({_some(names)}) cannot be compared",
        key="env",
        fix="a sweep for each environment; or sweep=grid or sweep=random, which compare none while they run",
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

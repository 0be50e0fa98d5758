"""The trials' environments, tried before the first trial starts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from rlexp.base.errors import ConfigError
from rlexp.config.schema import RunConfig
from rlexp.hardware.ray_session.session import apply_environment
from rlexp.run.building.env_check import fitted
from rlexp.sweep.trials.composed_points import ComposedPoint, with_trial
from rlexp.sweep.trials.trial import Trial


def try_environments(trials: Sequence[Trial | ComposedPoint]) -> None:
    """Makes each environment once for every algorithm and model that is to learn it.

    Raises:
        ConfigError: one cannot be made, or an algorithm or a model cannot take its spaces; says in which trial.
    """
    tried: set[str] = set()
    for trial in trials:
        config = trial.config
        kind = repr(
            (
                config.algorithm.config_class,
                config.env,
                config.curriculum,
                config.model,
                config.hardware.env_vars,
            )
        )
        if kind in tried:
            continue
        tried.add(kind)
        try:
            with _environment_of(config):
                fitted(config)
        except ConfigError as error:
            raise with_trial(trial.overrides, error) from error


@contextlib.contextmanager
def _environment_of(config: RunConfig) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in config.hardware.env_vars}
    apply_environment(config)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

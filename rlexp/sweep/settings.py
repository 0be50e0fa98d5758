"""The group `sweep`: how a space is searched, which is no part of any one run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.base.headline_metrics import mode_of
from rlexp.base.run_names import check_name
from rlexp.base.suggest import nearest
from rlexp.base.yaml.plain_values import not_numbers, refuse_unusable
from rlexp.config.callables.annotations import describe, matches
from rlexp.config.composition.hydra_app import compose_forced, readable_errors
from rlexp.config.composition.override_syntax import parse
from rlexp.config.composition.overrides import as_value, unknown_choice
from rlexp.config.keys.key_row import SEEDS
from rlexp.storage.buckets.local_copies import check_place
from rlexp.sweep.schedulers import scheduler_choices
from rlexp.sweep.space.search_space import MOST_TRIALS

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

    from rlexp.compat.hydra import Hydra

GROUP = "sweep"
SEARCHES = ("grid", "random", "optuna")
MODES, AUTO = ("max", "min"), "auto"
AGGREGATES = ("mean", "iqm")


@dataclass(frozen=True)
class SweepSettings:
    """What a person chooses in `conf/sweep/*.yaml`; see there."""

    search: str = "grid"
    trials: int | None = None
    space: dict[str, Any] = field(default_factory=dict)
    scheduler: dict[str, Any] = field(default_factory=lambda: {"name": "none"})
    seed: int = 0
    seeds: int = 1
    aggregate: str = "mean"
    metric: str = "auto"
    mode: str = "max"
    max_failures: int = 0
    fail_fast: bool = False
    concurrency: int | None = None
    wall_s: float | None = None
    plan: bool = False
    name: str | None = None
    dir: str = "sweeps"


def is_setting(text: str) -> bool:
    """Whether an override is of the sweep and not of its runs."""
    key = text.lstrip("+~").partition("=")[0]
    return key == GROUP or key.startswith(f"{GROUP}.")


def read_settings(overrides: Sequence[str], app: Hydra) -> SweepSettings:
    """The sweep's settings from those overrides that are its own.

    Raises:
        ConfigError: an unknown choice or key, a wrong type or value.
    """
    choice = "grid"
    forced: list[Override] = []
    for text in overrides:
        override = parse(text, app)
        if override.is_sweep_override():
            raise ConfigError(f"{text}: a sweep has one value of it", key=override.key_or_group)
        if override.key_or_group == GROUP:
            choice = str(override.value())
        else:
            forced.append(as_value(override))
    known = list(app.config_loader.get_group_options(GROUP))
    if choice not in known:
        raise unknown_choice(GROUP, choice, known)
    name = f"{GROUP}/{choice}"
    with readable_errors(app, name):
        plain = compose_forced(app, forced, config_name=name).plain[GROUP]
    if plain.get("search") == "grid" and not any(
        override.key_or_group == "sweep.trials" for override in forced
    ):
        plain["trials"] = None  # A file's number of draws is of no use to the grid asked for in its place.
    settings = to_settings(plain)
    if settings.name is not None:
        check_name("sweep.name", settings.name)
    return settings


def to_settings(plain: dict[str, Any]) -> SweepSettings:
    """The settings, checked; `mode: auto` becomes what the table of metrics says of the metric.

    Raises:
        ConfigError: an unknown key, a wrong type or value.
    """
    refuse_unusable({GROUP: plain})
    if problems := not_numbers({GROUP: plain}):
        raise problems[0]
    fields = {f.name: str(f.type) for f in dataclasses.fields(SweepSettings)}
    for name, value in plain.items():
        key = f"{GROUP}.{name}"
        if name not in fields:
            close = nearest(name, list(fields))
            fix = f"{GROUP}.{close[0]}={value}" if close else f"rlexp list {GROUP}"
            raise ConfigError(
                f"unknown key {key}", key=key, suggestions=[f"{GROUP}.{c}" for c in close], fix=fix
            )
        if not matches(fields[name], value):
            raise ConfigError(f"{key} must be {describe(fields[name])}, not {value!r}", key=key)
    settings = SweepSettings(**plain)
    if settings.mode == AUTO:
        settings = dataclasses.replace(settings, mode=mode_of(settings.metric))
    _one_of("search", settings.search, SEARCHES)
    _one_of("mode", settings.mode, (*MODES, AUTO))
    _one_of("aggregate", settings.aggregate, AGGREGATES)
    check_place("sweep.dir", settings.dir)
    scheduler = scheduler_choices.scheduler_of(settings.scheduler)
    if scheduler is not None and scheduler.pauses and settings.concurrency is not None:
        raise ConfigError(
            f"sweep.concurrency={settings.concurrency}: {scheduler.name} pauses trials to wait for others, so that all "
            "must have begun; as many run at a time as there is room for",
            key="sweep.concurrency",
            fix="sweep.concurrency=null",
        )
    if settings.search != "grid" and (settings.trials is None or settings.trials < 1):
        message = f"sweep.trials={settings.trials}: a search needs a number of draws"
        raise ConfigError(message, key="sweep.trials", fix="sweep.trials=20")
    if settings.search == "grid" and settings.trials is not None:
        message = "sweep.trials: a grid has as many trials as combinations"
        raise ConfigError(message, key="sweep.trials", fix="sweep=random")
    if settings.max_failures < 0:
        message = f"sweep.max_failures must be at least 0, not {settings.max_failures}"
        raise ConfigError(message, key="sweep.max_failures", fix="sweep.max_failures=1")
    if settings.concurrency is not None and settings.concurrency < 1:
        message = (
            f"sweep.concurrency must be at least 1, or null for as many as fit, not {settings.concurrency}"
        )
        raise ConfigError(message, key="sweep.concurrency", fix="sweep.concurrency=1")
    if settings.wall_s is not None and not (settings.wall_s > 0 and math.isfinite(settings.wall_s)):
        message = f"sweep.wall_s must be a finite number above 0, not {settings.wall_s:g}"
        raise ConfigError(message, key="sweep.wall_s", fix="sweep.wall_s=3600")
    if not 0 <= settings.seed < SEEDS:
        message = f"sweep.seed must be at least 0 and below {SEEDS:,}, not {settings.seed}"
        raise ConfigError(message, key="sweep.seed", fix="sweep.seed=0")
    if max(settings.trials or 0, settings.seeds, (settings.trials or 0) * settings.seeds) > MOST_TRIALS:
        request = f"sweep.trials={settings.trials} with sweep.seeds={settings.seeds}"
        message = f"{request}: a sweep has at most {MOST_TRIALS:,} trials"
        raise ConfigError(message, key="sweep.trials", fix="sweep.trials=100")
    _check_seeds(settings, scheduler)
    if settings.search == "optuna" and scheduler is not None and scheduler.pauses:
        message = (
            f"{scheduler.name} wants all trials begun before any ends, and sweep.search=optuna chooses each by the "
            "scores of those before"
        )
        raise ConfigError(message, key="sweep.search", fix="sweep.search=random")
    return settings


def _check_seeds(settings: SweepSettings, scheduler: scheduler_choices.SchedulerSettings) -> None:
    if settings.seeds < 1:
        message = f"sweep.seeds must be at least 1, not {settings.seeds}"
        raise ConfigError(message, key="sweep.seeds", fix="sweep.seeds=3")
    if settings.seeds > 1 and scheduler is not None and not scheduler.groups_seeds:
        able = [name for name, kind in scheduler_choices.SCHEDULERS.items() if kind.groups_seeds]
        raise ConfigError(
            f"sweep.seeds={settings.seeds}: {scheduler.name} cannot take the seeds of a point as one "
            f"({', '.join(able)} can)",
            key="sweep.seeds",
            fix="sweep=asha, or sweep.seeds=1",
        )


def _one_of(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        key = f"{GROUP}.{name}"
        near = nearest(value, known)
        raise ConfigError(
            f"{key} must be one of {', '.join(known)}, not {value}",
            key=key,
            suggestions=near,
            fix=f"{key}={known[0]}",
        )

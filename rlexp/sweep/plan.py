"""From overrides to the trials of a sweep, each composed and checked before the first one starts."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rlexp.config.checks import check, check_start
from rlexp.config.foreign import refuse_foreign
from rlexp.config.hydra_app import Composer, hydra_app, readable_errors
from rlexp.config.overrides import force, parse
from rlexp.config.rerun import is_saved_run
from rlexp.config.schema import RunConfig
from rlexp.errors import ConfigError
from rlexp.hardware.machine import Machine, look
from rlexp.metrics.catalogue import known
from rlexp.sweep import scheduling
from rlexp.sweep.resources import check_room
from rlexp.sweep.settings import SweepChoice, is_setting, settings
from rlexp.sweep.space import Point, Space, space_of

_UNFIT = re.compile(r"[^\w.=+-]+")
_LONGEST = 80


@dataclass(frozen=True)
class Trial:
    """One run to be.

    Attributes:
        name: of its folder: its number, and what it has of its own.
        overrides: it alone of all, the sweep's fixed ones included.
        varied: the keys that the sweep varies, with this trial's values as written.
        config: composed and checked.
    """

    name: str
    overrides: tuple[str, ...]
    varied: Point
    config: RunConfig


@dataclass(frozen=True)
class Plan:
    """A sweep before it starts.

    Attributes:
        settings: as chosen.
        trials: in the order in which they run.
        space: that they are drawn from.
    """

    settings: SweepChoice
    trials: tuple[Trial, ...]
    space: Space = Space(())


def plan(overrides: Sequence[str], *, config_name: str = "config", config_dir: str | None = None) -> Plan:
    """The trials of `rlexp -m overrides`.

    Raises:
        ConfigError: the space is empty or wrong, or a trial is refused; says which.
    """
    if config_dir and is_saved_run(config_dir, config_name):
        raise ConfigError(f"-m needs choices to combine, and {config_dir} is one run", fix="leave -m out")
    own = [text for text in overrides if is_setting(text)]
    with hydra_app(config_dir) as app, readable_errors(app, config_name):
        chosen = settings(own, app)
        written = [text for text in overrides if not is_setting(text)]
        written += [f"{key}={value}" for key, value in chosen.space.items()]
        _refuse_places(written)
        forced = [parse(text, app) for text in force(written, app, config_name=config_name, sweep=True)]
        varied = [override for override in forced if override.is_sweep_override()]
        fixed = [str(override.input_line) for override in forced if not override.is_sweep_override()]
        space = space_of(varied)
        heads = {o.key_or_group: str(o.input_line).partition("=")[0] for o in varied}
        points = list(
            itertools.islice(space.draws(chosen.seed), chosen.trials)
            if chosen.search == "random"
            else space.grid()
        )
        composer, machine = Composer(app, config_name), look()
        composed = [
            _compose(composer, fixed, [f"{heads[k]}={v}" for k, v in point.items()], config_dir, machine)
            for point in points
        ]
    for plain, config in composed:
        _check_metric(chosen.metric, config, plain)
    names = _names(points)
    scheduler = scheduling.chosen(chosen.scheduler)
    budget = scheduling.check_budget(scheduler, [config.stop.env_steps for _, config in composed])
    scheduling.perturbed(scheduler, space)
    if scheduler is not None:
        scheduler.build(chosen.mode, budget, space)
    return Plan(
        chosen,
        tuple(
            Trial(name, tuple(plain), point, config)
            for name, point, (plain, config) in zip(names, points, composed, strict=True)
        ),
        space,
    )


def _check_metric(metric: str, config: RunConfig, plain: Sequence[str]) -> None:
    """Names that a callback or a teacher may log are known only once a trial runs."""
    if metric != "auto" and not metric.startswith(
        ("custom/", "eval/custom/", "curriculum/", "eval/success/")
    ):
        try:
            known(config).check(metric, "sweep.metric")
        except ConfigError as error:
            raise at(plain, error) from error


def _refuse_places(written: Sequence[str]) -> None:
    for text in written:
        key = text.lstrip("+").partition("=")[0]
        if key in ("name", "runs_dir", "overwrite"):
            raise ConfigError(
                f"{text}: a sweep names its trials, which lie in its own folder",
                key=key,
                fix="sweep.name=<name>, sweep.dir=<folder>",
            )


def _compose(
    composer: Composer,
    fixed: Sequence[str],
    varied: Sequence[str],
    config_dir: str | None,
    machine: Machine,
) -> tuple[list[str], RunConfig]:
    plain = [text.lstrip("+") for text in (*fixed, *varied)]
    choices = [text for text in varied if not text.startswith("++")]
    try:
        composed = composer.compose([*fixed, *choices], [text for text in varied if text.startswith("++")])
        if config_dir:
            refuse_foreign(composed.plain, plain, origin=f"--config-dir {config_dir}")
        config = check(composed)
        check_start(config)
        check_room(config, machine)
    except ConfigError as error:
        raise at(plain, error) from error
    return plain, config


def at(overrides: Sequence[str], error: ConfigError) -> ConfigError:
    """The error of one trial, naming it by its overrides."""
    first, _, rest = str(error).partition("\n")
    told = ConfigError(f"{first} (in {' '.join(overrides)})\n{rest}".rstrip(), key=error.key)
    told.suggestions, told.fix = error.suggestions, error.fix
    return told


def _names(points: Sequence[Point]) -> list[str]:
    """`007-lr=0.001-seed=2`: sorted as they are planned, and telling what differs."""
    width = max(3, len(str(len(points) - 1)))
    lasts = Counter(key.rpartition(".")[2] for key in (points[0] if points else ()))
    names = []
    for number, point in enumerate(points):
        parts = [
            f"{key.rpartition('.')[2] if lasts[key.rpartition('.')[2]] == 1 else key}={value}"
            for key, value in point.items()
        ]
        label = _UNFIT.sub("_", "-".join(parts))[:_LONGEST].rstrip("-_.")
        names.append("-".join(filter(None, (f"{number:0{width}d}", label))))
    return names

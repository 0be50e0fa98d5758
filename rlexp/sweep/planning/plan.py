"""From overrides to the trials of a sweep, each composed and checked before the first one starts."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlexp.base.errors import ConfigError
from rlexp.config.composition.hydra_app import Composer, hydra_app, readable_errors
from rlexp.config.composition.override_syntax import parse_all
from rlexp.config.composition.overrides import force
from rlexp.config.convert import to_plain
from rlexp.config.iterations import batch_steps, most_env_steps
from rlexp.config.rerun import is_saved_run
from rlexp.config.schema import RunConfig
from rlexp.sweep.planning.one_environment import refuse_several_environments
from rlexp.sweep.schedulers import scheduler_choices
from rlexp.sweep.search.adaptive import Adaptive
from rlexp.sweep.search.optuna_search import require_optuna
from rlexp.sweep.settings import SweepSettings, is_setting, read_settings
from rlexp.sweep.space.overlaps import refuse_overlaps, without_named
from rlexp.sweep.space.search_space import Point, Space
from rlexp.sweep.space.space_of_overrides import refuse_many, space_of
from rlexp.sweep.trials.composed_points import ComposedPoint, PointComposer
from rlexp.sweep.trials.trial import SEED, Trial, seed_trials, with_names
from rlexp.sweep.trials.trial_task import SCHEDULER

ComposeProgress = Callable[[int, int], None]
"""Called with the number of points composed so far and the number of all."""


@dataclass(frozen=True)
class Plan:
    """The plan of a sweep, before it starts.

    Attributes:
        settings: as chosen.
        trials: in the order in which they run, the seeds of a point one after another.
        space: that they are drawn from.
        adaptive: where the points are chosen on the way: there are no trials yet.
        ends: of an adaptive sweep's space; each is composed and checked.
        left_out: a line for each point that was left out, because its config is an earlier one's.
    """

    settings: SweepSettings
    trials: tuple[Trial, ...]
    space: Space = Space(())
    adaptive: Adaptive | None = None
    ends: tuple[ComposedPoint, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """The number of trials that there will be."""
        return len(self.trials) if self.adaptive is None else self.adaptive.count


def plan(
    overrides: Sequence[str],
    *,
    config_name: str = "config",
    config_dir: str | None = None,
    progress: ComposeProgress = lambda composed, of: None,
    begun: Callable[[SweepSettings, RunConfig], None] = lambda settings, first: None,
) -> Plan:
    """Plans the trials of `rlexp -m overrides`.

    Args:
        overrides: as after `rlexp -m`.
        config_name: the primary config.
        config_dir: a further folder of configs.
        progress: called after each point.
        begun: called when the first point is composed and checked.

    Raises:
        ConfigError: the space is empty or wrong, or a trial is refused; says which.
    """
    if config_dir and is_saved_run(config_dir, config_name):
        raise ConfigError(f"-m needs choices to combine, and {config_dir} is one run", fix="leave -m out")
    own = [text for text in overrides if is_setting(text)]
    with hydra_app(config_dir) as app, readable_errors(app, config_name):
        settings = read_settings(own, app)
        written = [text for text in overrides if not is_setting(text)]
        written += without_named(settings.space, written)
        _refuse_places(written)
        forced = force(parse_all(written, app), app, config_name=config_name, sweep=True)
        refuse_overlaps(forced)
        varied = [override for override in forced if override.is_sweep_override()]
        fixed = [str(override.input_line) for override in forced if not override.is_sweep_override()]
        space = space_of(varied)
        heads = {o.key_or_group: str(o.input_line).partition("=")[0] for o in varied}
        _check_seeds(settings, list(heads))
        points = PointComposer(
            Composer(app, config_name),
            fixed,
            heads,
            config_dir=config_dir,
            metric=settings.metric,
            begun=lambda first: begun(settings, first),
        )
        if settings.search == "optuna":
            return _adaptive(settings, points, space)
        candidates = _compose_points(points, space, settings, progress)
    candidates, left_out = (
        _unique_points(candidates) if not scheduler_choices.clones(settings.scheduler) else (candidates, [])
    )
    trials = [
        trial
        for point, at in candidates
        for trial in seed_trials(point, at.overrides, at.config, settings.seeds)
    ]
    _check_scheduler(settings, space, [at for _, at in candidates])
    return Plan(settings, with_names(trials), space, left_out=tuple(left_out))


def _compose_points(
    points: PointComposer, space: Space, settings: SweepSettings, progress: ComposeProgress
) -> list[tuple[Point, ComposedPoint]]:
    """Composes all points of a grid, or as many draws as are asked for."""
    draws = settings.search == "random"
    count = (settings.trials or 0) if draws else space.combinations
    refuse_many(" x ".join(key for d in space.dimensions for key in d.keys), None, count * settings.seeds)
    composed: list[tuple[Point, ComposedPoint]] = []
    for point in itertools.islice(space.draws(settings.seed) if draws else space.grid(), count):
        composed.append((point, points.compose(point)))
        progress(len(composed), count)
    return composed


def _unique_points(
    candidates: Sequence[tuple[Point, ComposedPoint]],
) -> tuple[list[tuple[Point, ComposedPoint]], list[str]]:
    """Leaves out points that compose to an earlier one's config; with a line on each of these."""
    seen: dict[str, Point] = {}
    unique, left_out = [], []
    for point, at in candidates:
        config = json.dumps(to_plain(at.config), sort_keys=True, default=str)
        first = seen.setdefault(config, point)
        if first is point:
            unique.append((point, at))
        else:
            same = "it is there already" if point == first else f"it is the same run as {_point_text(first)}"
            left_out.append(f"{_point_text(point)} is left out: {same}")
    return unique, left_out


def _point_text(point: Point) -> str:
    return " ".join(f"{key}={value}" for key, value in point.items())


def _adaptive(settings: SweepSettings, points: PointComposer, space: Space) -> Plan:
    require_optuna()
    if not space.dimensions:
        fix = "'algorithm.lr=tag(log,interval(1e-5,1e-2))'"
        raise ConfigError("there is nothing to search: no key has several values", fix=fix)
    adaptive, ends = Adaptive.build(points, space, trials=settings.trials or 0, seeds=settings.seeds)
    refuse_several_environments(settings, ends)
    _check_scheduler(settings, space, ends)
    return Plan(settings, (), space, adaptive, tuple(ends))


def _check_scheduler(settings: SweepSettings, space: Space, points: Sequence[ComposedPoint]) -> None:
    refuse_several_environments(settings, points)
    scheduler = scheduler_choices.scheduler_of(settings.scheduler)
    budget = scheduler_choices.check_budget(scheduler, [at.config.stop.env_steps for at in points])
    scheduler_choices.perturbed(scheduler, space)
    if scheduler is not None:
        scheduler.build(settings.mode, budget, space)
        configs = [at.config for at in points]
        check_comparable(scheduler.name, scheduler.milestones(budget), budget or 0, configs)


def _check_seeds(settings: SweepSettings, keys: Sequence[str]) -> None:
    if settings.seeds > 1 and SEED in keys:
        raise ConfigError(
            f"sweep.seeds={settings.seeds} gives every point seeds of its own, and seed is varied too",
            key=SEED,
            fix=f"sweep.seeds={settings.seeds} without seed=..., or seed=... with sweep.seeds=1",
        )


def _refuse_places(written: Sequence[str]) -> None:
    for text in written:
        key = text.lstrip("+").partition("=")[0]
        if key in ("name", "runs_dir", "overwrite"):
            raise ConfigError(
                f"{text}: a sweep names its trials, which lie in its own folder",
                key=key,
                fix="sweep.name=<name>, sweep.dir=<folder>",
            )


BATCH = "algorithm.train_batch_size_per_learner"


def check_comparable(name: str, milestones: Sequence[int], budget: int, configs: Sequence[RunConfig]) -> None:
    """Refuses a scheduler that could judge nothing: a trial would end no later than its first comparison.

    Trials evaluate and report at `milestones`, where their iterations can end there; a batch is not divided.

    Args:
        name: of the scheduler.
        milestones: env steps, rising.
        budget: env steps of every trial.
        configs: of the trials.

    Raises:
        ConfigError: with values that would do.
    """
    for config in configs:
        batch, end = batch_steps(config) or 1, min(budget, most_env_steps(config))
        first = math.ceil(milestones[0] / batch) * batch if milestones else budget
        if first < end:
            continue
        if batch > 1 and batch >= budget:
            why, key = f"an iteration is a batch of {batch:,} env steps", BATCH
            fix = f"{BATCH}={max(1, budget // 10)} (and a minibatch_size no greater), or stop.env_steps={10 * batch}"
        elif end < budget:
            why, key = (
                f"stop.iterations={config.stop.iterations} ends trials after {end:,}",
                "stop.iterations",
            )
            fix = "stop.iterations=null"
        else:
            why, key = f"the first comparison is at {first:,}", SCHEDULER
            fix = f"stop.env_steps={10 * first}"
        raise ConfigError(
            f"sweep={name} would compare no trial before its end: they have {budget:,} env steps, and {why}",
            key=key,
            fix=fix,
        )

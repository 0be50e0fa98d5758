"""From overrides to the trials of a sweep, each composed and checked before the first one starts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlexp.base.errors import ConfigError
from rlexp.config.composition.hydra_app import Composer, hydra_app, readable_errors
from rlexp.config.composition.override_syntax import parse
from rlexp.config.composition.overrides import force
from rlexp.config.convert import to_plain
from rlexp.config.rerun import is_saved_run
from rlexp.config.schema import RunConfig
from rlexp.sweep.planning.alignment import check_comparable
from rlexp.sweep.planning.one_environment import refuse_several_environments
from rlexp.sweep.planning.overlaps import refuse_overlaps, without_named
from rlexp.sweep.planning.points import AtPoint, Points
from rlexp.sweep.planning.space import Point, Space
from rlexp.sweep.planning.space_of_overrides import refuse_many, space_of
from rlexp.sweep.planning.trial import SEED, Trial, named, seeds_of
from rlexp.sweep.schedulers import choices
from rlexp.sweep.search.adaptive import Adaptive
from rlexp.sweep.search.optuna_search import require_optuna
from rlexp.sweep.settings import SweepChoice, is_setting, settings

Progress = Callable[[int, int], None]
"""Is told how many points are composed, of how many."""


@dataclass(frozen=True)
class Plan:
    """A sweep before it starts.

    Attributes:
        settings: as chosen.
        trials: in the order in which they run, the seeds of a point one after another.
        space: that they are drawn from.
        adaptive: where the points are chosen on the way: there are no trials yet.
        ends: of an adaptive sweep's space; each is composed and checked.
        left_out: a line for each point that was left out, because its config is an earlier one's.
    """

    settings: SweepChoice
    trials: tuple[Trial, ...]
    space: Space = Space(())
    adaptive: Adaptive | None = None
    ends: tuple[AtPoint, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Trials that there will be."""
        return len(self.trials) if self.adaptive is None else self.adaptive.count


def plan(
    overrides: Sequence[str],
    *,
    config_name: str = "config",
    config_dir: str | None = None,
    progress: Progress = lambda composed, of: None,
    begun: Callable[[SweepChoice, RunConfig], None] = lambda chosen, first: None,
) -> Plan:
    """The trials of `rlexp -m overrides`.

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
        chosen = settings(own, app)
        written = [text for text in overrides if not is_setting(text)]
        written += without_named(chosen.space, written)
        _refuse_places(written)
        forced = [parse(text, app) for text in force(written, app, config_name=config_name, sweep=True)]
        refuse_overlaps(forced)
        varied = [override for override in forced if override.is_sweep_override()]
        fixed = [str(override.input_line) for override in forced if not override.is_sweep_override()]
        space = space_of(varied)
        heads = {o.key_or_group: str(o.input_line).partition("=")[0] for o in varied}
        _check_seeds(chosen, list(heads))
        points = Points(
            Composer(app, config_name),
            fixed,
            heads,
            config_dir=config_dir,
            metric=chosen.metric,
            begun=lambda first: begun(chosen, first),
        )
        if chosen.search == "optuna":
            return _adaptive(chosen, points, space)
        found = _composed(points, space, chosen, progress)
    found, left_out = _different(found) if not choices.clones(chosen.scheduler) else (found, [])
    trials = [
        trial for point, at in found for trial in seeds_of(point, at.overrides, at.config, chosen.seeds)
    ]
    _check_scheduler(chosen, space, [at for _, at in found])
    return Plan(chosen, named(trials), space, left_out=tuple(left_out))


def _composed(
    points: Points, space: Space, chosen: SweepChoice, progress: Progress
) -> list[tuple[Point, AtPoint]]:
    """All points of a grid, or as many draws as are asked for."""
    draws = chosen.search == "random"
    count = (chosen.trials or 0) if draws else space.combinations
    refuse_many(" x ".join(key for d in space.dimensions for key in d.keys), None, count * chosen.seeds)
    found: list[tuple[Point, AtPoint]] = []
    for point in itertools.islice(space.draws(chosen.seed) if draws else space.grid(), count):
        found.append((point, points.at(point)))
        progress(len(found), count)
    return found


def _different(found: Sequence[tuple[Point, AtPoint]]) -> tuple[list[tuple[Point, AtPoint]], list[str]]:
    """The points but for those that compose to an earlier one's config; and a line on each of these."""
    seen: dict[str, Point] = {}
    kept, left_out = [], []
    for point, at in found:
        config = json.dumps(to_plain(at.config), sort_keys=True, default=str)
        first = seen.setdefault(config, point)
        if first is point:
            kept.append((point, at))
        else:
            same = "it is there already" if point == first else f"it is the same run as {_told(first)}"
            left_out.append(f"{_told(point)} is left out: {same}")
    return kept, left_out


def _told(point: Point) -> str:
    return " ".join(f"{key}={value}" for key, value in point.items())


def _adaptive(chosen: SweepChoice, points: Points, space: Space) -> Plan:
    require_optuna()
    if not space.dimensions:
        fix = "'algorithm.lr=tag(log,interval(1e-5,1e-2))'"
        raise ConfigError("there is nothing to search: no key has several values", fix=fix)
    adaptive, ends = Adaptive.build(points, space, trials=chosen.trials or 0, seeds=chosen.seeds)
    refuse_several_environments(chosen, ends)
    _check_scheduler(chosen, space, ends)
    return Plan(chosen, (), space, adaptive, tuple(ends))


def _check_scheduler(chosen: SweepChoice, space: Space, points: Sequence[AtPoint]) -> None:
    refuse_several_environments(chosen, points)
    scheduler = choices.chosen(chosen.scheduler)
    budget = choices.check_budget(scheduler, [at.config.stop.env_steps for at in points])
    choices.perturbed(scheduler, space)
    if scheduler is not None:
        scheduler.build(chosen.mode, budget, space)
        configs = [at.config for at in points]
        check_comparable(scheduler.name, scheduler.milestones(budget), budget or 0, configs)


def _check_seeds(chosen: SweepChoice, keys: Sequence[str]) -> None:
    if chosen.seeds > 1 and SEED in keys:
        raise ConfigError(
            f"sweep.seeds={chosen.seeds} gives every point seeds of its own, and seed is varied too",
            key=SEED,
            fix=f"sweep.seeds={chosen.seeds} without seed=..., or seed=... with sweep.seeds=1",
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

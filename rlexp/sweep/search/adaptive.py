"""A space whose points are chosen while the sweep runs: checked at its ends and frozen before the first trial.

What a point chooses of the config's groups is composed for every combination; the other keys' values go on top of that.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.config import saved_config
from rlexp.config.composition.composed import Composed
from rlexp.config.composition.hydra_app import with_values
from rlexp.config.schema import RunConfig
from rlexp.config.trust.trusted_modules import trusting_own
from rlexp.run.checks import check
from rlexp.sweep.space.search_space import Point, SearchDimension, Space
from rlexp.sweep.trials.composed_points import ComposedPoint, PointComposer, with_trial
from rlexp.sweep.trials.trial import Trial, seed_trials, with_names

MAX_COMBINATIONS = 200
"""Combinations of choices that are composed and frozen: a megabyte or two, a minute or two."""


@dataclass(frozen=True)
class Base:
    """One combination of choices of groups.

    Attributes:
        choices: the keys of groups that the space varies, with this one's choices.
        overrides: the sweep's fixed ones and these, as on the command line.
        composed: with the first values of all other keys.
    """

    choices: Point
    overrides: tuple[str, ...]
    composed: Composed


@dataclass(frozen=True)
class Adaptive:
    """What is frozen of a sweep whose points are not known yet.

    Attributes:
        space: to search.
        heads: by key what stands before the `=` of an override, as `PointComposer` has it.
        bases: one for each combination of choices.
        count: trials that the sweep will have, all seeds counted.
        seeds: of each point.
    """

    space: Space
    heads: Mapping[str, str]
    bases: tuple[Base, ...]
    count: int
    seeds: int

    @classmethod
    def build(
        cls, points: PointComposer, space: Space, *, trials: int, seeds: int
    ) -> tuple[Adaptive, list[ComposedPoint]]:
        """Composes every combination of choices, with each other key at each end in turn.

        Args:
            points: composes them.
            space: to search.
            trials: points that will be chosen.
            seeds: of each.

        Returns:
            What is to be frozen, and all those ends.

        Raises:
            ConfigError: one is refused, says which; or there are more than `MAX_COMBINATIONS` combinations.
        """
        groups = [d for d in space.dimensions if _is_group_choice(d, points.heads)]
        values = [d for d in space.dimensions if not _is_group_choice(d, points.heads)]
        number = Space(tuple(groups)).combinations
        if number > MAX_COMBINATIONS:
            raise ConfigError(
                f"the choices of groups make {number} combinations, each of which is composed before the first trial; "
                f"at most {MAX_COMBINATIONS} can be",
                key=groups[-1].keys[0],
                fix="fewer choices, or sweep=random",
            )
        bases, all_ends = [], []
        for rows in itertools.product(*(dimension.values() for dimension in groups)):
            chosen = {key: value for row in rows for key, value in row.items()}
            base, ends = _base(points, chosen, values)
            bases.append(base)
            all_ends += ends
        return cls(space, points.heads, tuple(bases), trials * seeds, seeds), all_ends

    def trials_at(self, point: Point, number: int) -> tuple[Trial, ...]:
        """A point's trials, one for each seed.

        Args:
            point: of the space.
            number: of the point; the first is 0.

        Raises:
            ConfigError: the point is refused, although the ends were not; says why.
        """
        base = next(b for b in self.bases if all(point[key] == value for key, value in b.choices.items()))
        values = [f"{self.heads[key]}={value}" for key, value in point.items() if key not in base.choices]
        overrides = (*base.overrides, *(text.lstrip("+") for text in values))
        try:
            config = check(with_values_on_top(base.composed, values))
        except ConfigError as error:
            raise with_trial(overrides, error) from error
        trials = seed_trials(point, overrides, config, self.seeds)
        return with_names(trials, first=number * self.seeds, count=self.count)

    def first(self, overrides: Sequence[str] = ()) -> RunConfig:
        """The config at the first ends of all keys, with `overrides` on top."""
        base = self.bases[0].composed
        if not overrides:
            return check(trusting(base))
        changed = saved_config.trusting(
            saved_config.with_overrides(base.plain, overrides), overrides, own=True
        )
        return check(Composed(changed, base.choices))

    def to_json(self) -> dict[str, Any]:
        """As values of JSON."""
        return {
            "heads": dict(self.heads),
            "bases": [dataclasses.asdict(base) for base in self.bases],
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], space: Space, *, trials: int, seeds: int) -> Adaptive:
        """The inverse of `to_json`.

        Args:
            plain: read back.
            space: as it was.
            trials: points that will be chosen.
            seeds: of each.

        Raises:
            ConfigError: it is damaged.
        """
        try:
            bases = tuple(
                Base(dict(b["choices"]), tuple(b["overrides"]), Composed(**b["composed"]))
                for b in plain["bases"]
            )
            return cls(space, dict(plain["heads"]), bases, trials * seeds, seeds)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"the frozen space of the sweep is damaged: {error!r}") from error


def with_values_on_top(composed: Composed, values: Sequence[str]) -> Composed:
    """What was composed, with values on top; all of it has been accepted, as the space was."""
    return trusting(Composed(with_values(composed.plain, values), composed.choices))


def trusting(composed: Composed) -> Composed:
    """What was composed and accepted, with all trusted that it names."""
    return Composed(trusting_own(composed.plain), composed.choices)


def _is_group_choice(dimension: SearchDimension, heads: Mapping[str, str]) -> bool:
    """Whether any of its keys is a choice of a group."""
    return any(not heads[key].startswith("++") for key in dimension.keys)


def _base(
    points: PointComposer, chosen: Point, values: Sequence[SearchDimension]
) -> tuple[Base, list[ComposedPoint]]:
    """One combination; at the first ends of all, and at every other end of each."""
    first = {key: value for dimension in values for key, value in dimension.ends()[0].items()}
    first_point = points.compose({**chosen, **first})
    base = Base(chosen, points.written(chosen), first_point.composed)
    ends = [first_point]
    for dimension in values:
        for end in dimension.ends()[1:]:
            composed = points.compose({**chosen, **first, **end})
            _check_independent(points, base, composed, {**first, **end})
            ends.append(composed)
    return base, ends


def _check_independent(points: PointComposer, base: Base, composed: ComposedPoint, values: Point) -> None:
    """Whether a value on top of what was composed is the same as composing it."""
    texts = [f"{points.heads[key]}={value}" for key, value in values.items()]
    if with_values(base.composed.plain, texts) != composed.composed.plain:
        keys = ", ".join(values)
        raise ConfigError(
            f"of {keys}, one changes other keys while the config is composed, which sweep.search=optuna cannot follow "
            f"(in {' '.join(composed.overrides)})",
            fix="sweep=random",
        )

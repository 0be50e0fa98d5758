"""Optuna's tree-structured Parzen estimator (Bergstra et al. 2011) over a space, through Tune's searcher."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.seeds import search_seed
from rlexp.sweep.space.search_space import Interval, Listed, Point, SearchDimension, Space

SCORE = "score"


class PointSearch:
    """Points of a space, each chosen by the scores of those before.

    Optuna sees a list as a choice among its rows, so that keys that are zipped stay together, whole numbers and
    powers of two as integers, and any other interval as the share of its scale.
    """

    def __init__(
        self, space: Space, *, mode: str, seed: int, seen: Sequence[tuple[Point, float | None]] = ()
    ) -> None:
        """Begins a search, or goes on with one.

        Args:
            space: to search.
            mode: `max` or `min` of the score.
            seed: of what is drawn.
            seen: points that an earlier process tried, and their scores; None where a trial failed.

        Raises:
            ConfigError: Optuna is not installed.
        """
        require_optuna()
        import optuna
        from ray.tune.search.optuna import OptunaSearch

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._dimensions = {str(index): dimension for index, dimension in enumerate(space.dimensions)}
        self._search = OptunaSearch(
            {name: _distribution(dimension) for name, dimension in self._dimensions.items()},
            metric=SCORE,
            mode=mode,
            sampler=optuna.samplers.TPESampler(seed=search_seed(seed, len(seen))),
        )
        for point, score in seen:
            self.add(point, score)

    def add(self, point: Point, score: float | None) -> None:
        """A point that this search has not suggested; its score, or None where it has none."""
        value, failed = (score, False) if _is_finite(score) else (0.0, True)
        self._search.add_evaluated_point(self._parameters(point), value, error=failed)

    def suggest(self, trial: str) -> Point:
        """The point to try next; the same one for the same name of a trial."""
        parameters = self._search.suggest(trial)
        assert parameters is not None
        return {
            k: v for name, dim in self._dimensions.items() for k, v in _point(dim, parameters[name]).items()
        }

    def observe(self, trial: str, score: float | None) -> None:
        """What became of it: its score; None, or one that is not finite, where it has none."""
        if _is_finite(score):
            self._search.on_trial_complete(trial, {SCORE: score})
        else:
            self._search.on_trial_complete(trial, error=True)

    def _parameters(self, point: Point) -> dict[str, Any]:
        return {name: _parameter(dimension, point) for name, dimension in self._dimensions.items()}


def require_optuna() -> None:
    """Raises ConfigError where Optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"sweep.search=optuna needs {error.name}, which is not installed",
            key="sweep.search",
            fix="pip install 'rlexp[optuna]'",
        ) from None


def _is_finite(score: float | None) -> bool:
    return score is not None and math.isfinite(score)


def _distribution(dimension: SearchDimension) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Listed):
        return CategoricalDistribution(range(len(dimension.points)))
    assert isinstance(dimension, Interval)
    if dimension.integer_range:
        first, end = dimension.integer_range
        return IntDistribution(first, end - 1)
    return FloatDistribution(0.0, 1.0)


def _point(dimension: SearchDimension, parameter: Any) -> Point:
    if isinstance(dimension, Listed):
        return dimension.values()[parameter]
    assert isinstance(dimension, Interval)
    return dimension.from_integer(parameter) if dimension.integer_range else dimension.at(parameter)


def _parameter(dimension: SearchDimension, point: Point) -> Any:
    """The inverse of `_point`."""
    if isinstance(dimension, Listed):
        return dimension.row(point)
    assert isinstance(dimension, Interval)
    text = point[dimension.key]
    return dimension.to_integer(text) if dimension.integer_range else dimension.share(text)

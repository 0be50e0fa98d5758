"""Tasks where the score changes most, found by a Gaussian mixture over tasks and their learning progress."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from rlexp.base.errors import ConfigError
from rlexp.base.moved_names import renamed_fields
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY, integer, number
from rlexp.curriculum.teachers.parts.unit_box import Floats, UnitBox
from rlexp.environment.tasks.directive import Directive, Draw, Everywhere, Mixed
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress, measured
from rlexp.environment.tasks.space import TaskSpace

AT_ONCE = 512
"""Episodes whose distances to each other are held in memory together."""


@renamed_fields(upto="cdf")
@dataclass(frozen=True)
class Gaussians:
    """Draws from a mixture of K Gaussians over points of the unit cube, clipped to it.

    Attributes:
        cdf: [K] cumulative probabilities, the last one 1.
        means: [K, D].
        roots: [K, D, D] lower Cholesky factors of the covariances.
    """

    box: UnitBox
    cdf: Floats
    means: Floats
    roots: Floats

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """One task."""
        which = min(int(np.searchsorted(self.cdf, rng.random(), side="right")), len(self.cdf) - 1)
        noise = rng.standard_normal(self.means.shape[1])
        return Draw(self.box.task(self.means[which] + self.roots[which] @ noise))


class ALPGMM:
    """Draws tasks near which the absolute learning progress (ALP) is high.

    An episode's ALP is |its score - the score of the nearest earlier task|, of the latest where several are as
    near. After every `fit_every` episodes, mixtures of `components` Gaussians are fitted to (task, ALP) of the
    last `fit_every` and the one of least AIC is kept. A task comes from one of its Gaussians, chosen in
    proportion to its mean ALP, or, with probability `uniform` and before the first fit, from the full space; as
    long as nothing makes progress, also from there. Every episode is a measurement whatever directive it was
    drawn by; a score that is NaN is none.

    Source: Portelas et al. 2019, "Teacher algorithms for curriculum learning of deep RL in continuously
    parameterized environments", section 3 and algorithm 1.

    Args:
        space: of numbers.
        seed: of the fits' initial guesses.
        fit_every: episodes between two fits, and their window.
        components: [fewest, most] Gaussians, both tried.
        uniform: share of draws from the full space.
        score_range: [low, high] scores; the fit sees (score - low) / (high - low).
        history: earlier episodes that are searched for the nearest task.

    Raises:
        ConfigError: an argument or the space does not fit, or scikit-learn or scipy is not installed.
    """

    complete, wanders = False, True

    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        fit_every: int = 250,
        components: Sequence[int] = (2, 10),
        uniform: float = 0.2,
        score_range: Sequence[float] = (0.0, 1.0),
        history: int = 10_000,
    ) -> None:
        self._box, self._rng = UnitBox(space, "ALP-GMM"), np.random.default_rng(seed)
        self._fewest, self._most = _pair("components", components, "[2, 10]")
        self._fewest, self._most = (
            integer("components", self._fewest, 2),
            integer("components", self._most, 10),
        )
        self._fit_every = integer("fit_every", fit_every, 250, low=max(2, self._most))
        self._uniform = number("uniform", uniform, 0.2, 0.0, 1.0)
        self._low, self._high = _pair("score_range", score_range, "[0, 1]")
        self._history = integer("history", history, 10_000)
        _libraries()
        width = len(self._box.names)
        self._tasks, self._scores = np.zeros((0, width)), np.zeros(0)
        self._window = np.zeros((0, width + 1))
        self._fresh, self._alp = 0, 0.0
        self._cdf, self._means, self._roots = np.zeros(0), np.zeros((0, width)), np.zeros((0, width, width))

    def directive(self) -> Directive:
        """The mixture and the full space."""
        everywhere = Everywhere(self._box.space)
        if not len(self._cdf):
            return everywhere
        mixture = Gaussians(self._box, self._cdf, self._means, self._roots)
        return Mixed.of((mixture, 1.0 - self._uniform), (everywhere, self._uniform))

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Measures learning progress, and fits when it is time; whether there is another mixture."""
        ours = measured(outcomes)
        for start in range(0, len(ours), AT_ONCE):
            self._measure(ours[start : start + AT_ONCE])
        return self._fresh >= self._fit_every and self._fit()

    def _measure(self, outcomes: Sequence[Outcome]) -> None:
        tasks = self._box.points(outcomes)
        scores = (np.array([o.score for o in outcomes]) - self._low) / (self._high - self._low)
        alp = self._progress(tasks, scores)
        self._window = np.concatenate([self._window, np.column_stack([tasks, alp])])[-self._fit_every :]
        self._tasks = np.concatenate([self._tasks, tasks])[-self._history :]
        self._scores = np.concatenate([self._scores, scores])[-self._history :]
        self._fresh += len(outcomes)

    def _progress(self, tasks: Floats, scores: Floats) -> Floats:
        """[N] ALP: against the history, and against those that ended earlier among the N."""
        before = np.full(len(tasks), np.inf)
        nearest = scores.copy()  # the very first episode has made no progress
        if len(self._tasks):
            known, known_scores = self._tasks, self._scores
            if self._box.discrete:
                latest = _last_of_equals(known)
                known, known_scores = known[latest], known_scores[latest]
            tree, _ = _libraries()
            before, where = tree(known).query(tasks)
            nearest = known_scores[where]
        apart = np.sqrt(((tasks[:, None] - tasks[None]) ** 2).sum(-1))
        apart[np.triu_indices(len(tasks))] = np.inf
        latest_first = apart[:, ::-1]
        where = len(tasks) - 1 - latest_first.argmin(1)
        distance = apart[np.arange(len(tasks)), where]
        inside = np.isfinite(distance) & (distance <= before)
        return np.abs(scores - np.where(inside, scores[where], nearest))

    def _fit(self) -> bool:
        """Fits anew; whether there is a mixture now, or was one before."""
        self._fresh, had = 0, len(self._cdf) > 0
        self._alp = float(self._window[:, -1].mean())
        width = len(self._box.names)
        self._cdf, self._means, self._roots = np.zeros(0), np.zeros((0, width)), np.zeros((0, width, width))
        if not self._window[:, -1].any():
            return had
        best = self._best_mixture()
        weights = np.maximum(best.means_[:, -1], 0.0)
        if weights.sum() > 0.0:
            self._cdf = np.cumsum(weights) / weights.sum()
            self._cdf[-1] = 1.0
            self._means = best.means_[:, :-1].copy()
            self._roots = np.linalg.cholesky(best.covariances_[:, :-1, :-1])
        return had or len(self._cdf) > 0

    def _best_mixture(self) -> Any:
        """The mixture of least AIC."""
        _, mixture = _libraries()
        seed, fits = int(self._rng.integers(2**31)), []
        # More Gaussians than different points would be fitted to nothing.
        most = min(self._most, len(np.unique(self._window, axis=0)))
        # Fits this small lose more to a second thread than they gain, and on one they give the same everywhere.
        with threadpool_limits(1), warnings.catch_warnings():
            # A guess that has not settled after 100 steps competes by its AIC like any other.
            warnings.simplefilter("ignore")
            for count in range(min(self._fewest, most), most + 1):
                fits.append(mixture(count, init_params="k-means++", random_state=seed).fit(self._window))
            return min(fits, key=lambda fit: fit.aic(self._window))

    def metrics(self) -> dict[str, float]:
        """Mean ALP at the last fit, and its number of Gaussians (0: uniform)."""
        return {"alp": self._alp, "gaussians": float(len(self._cdf))}

    def state_dict(self) -> dict[str, Any]:
        """The history, the window, the mixture and the random state."""
        arrays = {name: getattr(self, f"_{name}").copy() for name in _ARRAYS}
        return {
            **arrays,
            "upto": self._cdf.copy(),
            "fresh": self._fresh,
            "alp": self._alp,
            "rng": self._rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with that history and mixture."""
        for name in _ARRAYS:
            setattr(self, f"_{name}", np.array(state[name]))
        self._cdf = np.array(state["upto"])
        self._fresh, self._alp = int(state["fresh"]), float(state["alp"])
        self._rng.bit_generator.state = state["rng"]


_ARRAYS = ("tasks", "scores", "window", "means", "roots")


def _last_of_equals(rows: Floats) -> Any:
    """Indices of the last of each group of equal rows."""
    backwards = np.ascontiguousarray(rows[::-1])
    whole_rows = backwards.view(np.dtype((np.void, backwards.dtype.itemsize * backwards.shape[1]))).ravel()
    return len(rows) - 1 - np.unique(whole_rows, return_index=True)[1]


def _pair(name: str, value: Any, default: str) -> tuple[Any, Any]:
    key = f"{KEY}.{name}"
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ConfigError(f"{key} must be [low, high], not {value!r}", key=key, fix=f"{key}={default}")
    low, high = (number(name, bound, 0.0) for bound in value)
    if low > high or (low == high and name == "score_range"):
        raise ConfigError(
            f"{key}: the first must lie below the second: {value!r}", key=key, fix=f"{key}={default}"
        )
    return low, high


def _libraries() -> tuple[Any, Any]:
    """SciPy's cKDTree and scikit-learn's GaussianMixture."""
    try:
        from scipy.spatial import cKDTree
        from sklearn.mixture import GaussianMixture
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{KEY}: ALP-GMM needs {error.name}, which is not installed",
            key=KEY,
            fix="pip install 'rlexp[curriculum]'",
        ) from None
    return cKDTree, GaussianMixture

"""Which parameter matters: the share of variance, what chance reaches, and where a value lies on its axis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rlexp.report.analysis.parameter_effects import FEWEST, MOST_LEVELS, effects_of, scores_of, scores_title
from rlexp.report.analysis.parameters import Parameter
from rlexp.report.analysis.permutation_baseline import importance
from rlexp.report.drawing.parameter_charts import MOST_LINES, _shown, _ticks


def parameter(values: list[object], log: bool = False) -> Parameter:
    numeric = all(isinstance(value, (int, float)) for value in values)
    return Parameter("p", values, numeric, log)


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(2, 6))
def test_the_share_of_variance_is_epsilon_squared_of_scipys_f(seed: int, levels: int, each: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(levels), each)
    scores = rng.normal(size=len(groups)) + groups * rng.uniform(0, 2)
    f = stats.f_oneway(*(scores[groups == level] for level in range(levels))).statistic
    between, within = levels - 1, len(groups) - levels
    expected = between * (f - 1) / (between * f + within)
    assert importance(groups, scores) == pytest.approx(max(0.0, expected))


def test_what_decides_all_has_all_and_what_decides_nothing_stays_below_chance() -> None:
    rng, above = np.random.default_rng(0), 0
    for _ in range(100):
        lr, noise = np.tile([0.1, 1.0], 12), rng.permutation(np.repeat(["a", "b", "c"], 8))
        scores = 10 * lr + 0.5 * rng.normal(size=24)
        first, second = effects_of([parameter([str(n) for n in noise]), parameter(list(lr))], scores)
        assert first.parameter.numeric and first.importance > 0.95 > first.chance
        above += second.importance > second.chance
    assert above <= 12  # 5 of 100 are to be expected


def test_each_value_has_the_mean_of_its_runs() -> None:
    scores = np.array([1.0, 3.0, 10.0, 12.0, np.nan])
    (effect,) = effects_of([parameter(["a", "a", "b", "b", "c"])], scores)
    told = [(level.label, len(level.scores), level.estimate.value) for level in effect.levels]
    assert told == [("a", 2, 2.0), ("b", 2, 11.0)]
    assert effect.to_json()["values"][1]["low"] == 10.0


def test_many_numbers_are_taken_together_in_stretches_of_equally_many_runs() -> None:
    values = list(np.random.default_rng(0).permutation(np.geomspace(1e-5, 1e-2, 40)))
    (effect,) = effects_of([parameter(values, log=True)], np.log(values))
    assert [len(level.scores) for level in effect.levels] == [40 // MOST_LEVELS] * MOST_LEVELS
    means = [level.estimate.value for level in effect.levels]
    assert means == sorted(means) and effect.importance > 0.9


@pytest.mark.parametrize(
    "scores", [[1.0] * 9, [1.0, 2.0, 3.0, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan]]
)
def test_nothing_is_said_of_equal_scores_or_of_too_few(scores: list[float]) -> None:
    assert np.isfinite(scores).sum() < FEWEST or len(set(scores)) == 1
    assert effects_of([parameter(["a", "b", "c"] * 3)], np.array(scores)) == []


def test_a_value_of_every_run_of_its_own_explains_nothing() -> None:
    assert effects_of([parameter(["a", "b", "c", "d"])], np.arange(4.0)) == []


def test_places_on_an_axis() -> None:
    assert parameter([1e-4, 1e-2, 1e-3], log=True).places == pytest.approx([0.0, 1.0, 0.5])
    assert parameter([2, 6, 4]).places == pytest.approx([0.0, 1.0, 0.5])
    words = parameter(["mlp", "cnn", "lstm"])
    assert words.places == pytest.approx([0.0, 0.5, 1.0])
    assert _ticks(words) == [(0.0, "mlp"), (0.5, "cnn"), (1.0, "lstm")]
    assert [label for _, label in _ticks(parameter(list(range(1, 102))))] == ["1", "26", "51", "76", "101"]


def test_of_many_runs_the_best_are_drawn_and_on_top() -> None:
    scores = np.random.default_rng(0).permutation(1000).astype(float)
    scores[:10] = np.nan
    shown = _shown(scores)
    assert len(shown) == MOST_LINES == len(set(shown)) and np.isfinite(scores[shown]).all()
    best = np.sort(scores[np.isfinite(scores)])[-MOST_LINES // 2 :]
    assert list(scores[shown[MOST_LINES // 2 :]]) == list(best)


def test_scores_of_several_environments_are_scaled_by_each() -> None:
    class Told:
        def __init__(self, score: float) -> None:
            self.score = score

        def last(self, metric: str) -> float:
            return self.score

    runs = [Told(score) for score in (0.0, 500.0, -200.0, -100.0)]
    envs = ["cartpole", "cartpole", "pendulum", "pendulum"]
    assert list(scores_of(runs, "m", envs)) == [0.0, 1.0, 0.0, 1.0]  # type: ignore[arg-type]
    assert "0 to 1" in scores_title("m", envs) and scores_title("m", envs[:2]) == "m"

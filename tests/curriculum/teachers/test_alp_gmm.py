from __future__ import annotations

import sys
import time

import numpy as np
import pytest

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.alp_gmm import ALPGMM, Gaussians
from rlexp.curriculum.teachers.parts.unit_box import UnitBox
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

LINE = TaskSpace.of({"box": [0, 1]})


def tell(teacher: ALPGMM, *pairs: tuple[float, float]) -> bool:
    return teacher.update(
        [Outcome(task, 0, None, score, 0.0, 1) for task, score in pairs], TrainingProgress(0, 0)
    )


def alps(teacher: ALPGMM) -> list[float]:
    return teacher.state_dict()["window"][:, -1].tolist()


@pytest.mark.parametrize("at_once", [True, False])
def test_progress_is_measured_against_the_nearest_earlier_task(at_once: bool) -> None:
    teacher = ALPGMM(LINE, seed=0)
    pairs = [(0.2, 0.5), (0.8, 0.9), (0.3, 0.1), (0.7, 0.8), (0.31, 0.4)]
    for batch in [pairs] if at_once else [[pair] for pair in pairs]:
        tell(teacher, *batch)
    # Against none, 0.5, 0.5, 0.9 and 0.1.
    assert alps(teacher) == pytest.approx([0.0, 0.4, 0.4, 0.1, 0.3])


@pytest.mark.parametrize("at_once", [True, False])
def test_of_equal_tasks_the_latest_is_the_nearest(at_once: bool) -> None:
    teacher = ALPGMM(TaskSpace.of({"int": [0, 9]}), seed=0)
    pairs = [(3, 0.0), (3, 0.5), (3, 0.7), (9, 0.0), (3, 0.8)]
    for batch in [pairs] if at_once else [[pair] for pair in pairs]:
        tell(teacher, *batch)
    assert alps(teacher) == pytest.approx([0.0, 0.5, 0.2, 0.7, 0.1])


def test_scores_are_scaled_by_their_range() -> None:
    teacher = ALPGMM(LINE, seed=0, score_range=[-100, 100])
    tell(teacher, (0.5, -100.0), (0.5, 50.0))
    assert alps(teacher) == pytest.approx([0.0, 0.75])


def test_history_and_window_are_bounded() -> None:
    teacher = ALPGMM(LINE, seed=0, history=5, fit_every=20)
    tell(teacher, *[(n / 40, 0.0) for n in range(40)])
    state = teacher.state_dict()
    assert len(state["tasks"]) == len(state["scores"]) == 5 and len(state["window"]) == 20


def test_draws_go_where_the_score_changes() -> None:
    teacher, rng = ALPGMM(LINE, seed=0, fit_every=200, uniform=0.2), np.random.default_rng(0)
    tasks = rng.random(200)
    # Right of 0.7 the score comes and goes, elsewhere it stays.
    assert tell(teacher, *[(float(t), float(t > 0.7 and n % 2)) for n, t in enumerate(tasks)])
    directive = teacher.directive()
    drawn = np.array([directive.sample(rng, 0).task for _ in range(2000)])
    assert (drawn > 0.65).mean() > 0.75 and (drawn < 0.6).mean() == pytest.approx(0.2 * 0.6, abs=0.05)
    assert drawn.min() >= 0.0 and drawn.max() <= 1.0
    assert 2 <= teacher.metrics()["gaussians"] <= 10 and teacher.metrics()["alp"] > 0.0


def test_without_progress_it_draws_from_the_whole_space_again() -> None:
    teacher = ALPGMM(LINE, seed=0, fit_every=50, components=[2, 3], history=100)
    rng = np.random.default_rng(0)
    assert tell(teacher, *[(float(t), float(n % 2)) for n, t in enumerate(rng.random(50))])
    for _ in range(3):  # until the history remembers no success that a failure could differ from
        tell(teacher, *[(float(t), 0.0) for t in rng.random(100)])
    assert teacher.metrics() == {"alp": 0.0, "gaussians": 0.0}
    assert not tell(teacher, *[(float(t), 0.0) for t in rng.random(50)])


def test_the_number_of_gaussians_of_least_aic_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.mixture

    tried: list[int] = []

    class Counted(sklearn.mixture.GaussianMixture):
        def aic(self, x: np.ndarray) -> float:
            tried.append(self.n_components)
            return abs(self.n_components - 4)

    monkeypatch.setattr(sklearn.mixture, "GaussianMixture", Counted)
    teacher, rng = ALPGMM(LINE, seed=0, fit_every=100), np.random.default_rng(0)
    tell(teacher, *[(float(t), float(s)) for t, s in rng.random((100, 2))])
    assert tried == list(range(2, 11)) and teacher.metrics()["gaussians"] == 4


def test_gaussians_are_drawn_by_their_weights_and_widths() -> None:
    box, rng = UnitBox(LINE, "T"), np.random.default_rng(0)
    mixture = Gaussians(box, np.array([0.25, 1.0]), np.array([[0.2], [0.7]]), np.array([[[0.01]], [[0.02]]]))
    drawn = np.array([mixture.sample(rng, 0).task for _ in range(4000)])
    right = drawn[drawn > 0.45]
    assert len(right) / 4000 == pytest.approx(0.75, abs=0.03)
    assert right.mean() == pytest.approx(0.7, abs=0.002) and right.std() == pytest.approx(0.02, rel=0.05)


def test_five_hundred_outcomes_against_a_full_history_are_quick() -> None:
    space, rng = TaskSpace.of({"x": {"box": [0, 1]}, "y": {"box": [0, 1]}}), np.random.default_rng(0)
    teacher = ALPGMM(space, seed=0, fit_every=100_000)
    outcomes = [
        Outcome({"x": float(x), "y": float(y)}, 0, None, float(s), 0.0, 1)
        for x, y, s in rng.random((10_512, 3))
    ]
    teacher.update(outcomes[:10_000], TrainingProgress(0, 0))
    began = time.process_time()
    teacher.update(outcomes[10_000:], TrainingProgress(0, 0))
    assert time.process_time() - began < 0.2  # some 20 ms on an idle core


@pytest.mark.parametrize("missing", ["sklearn.mixture", "scipy.spatial"])
def test_without_its_libraries_it_names_the_extra(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError, match=r"rlexp\[curriculum\]"):
        ALPGMM(LINE, seed=0)

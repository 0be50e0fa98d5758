from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.parts.gaussian import Normal, Truncated
from rlexp.curriculum.teachers.parts.unit_box import UnitBox
from rlexp.curriculum.teachers.spdl import SPDL
from rlexp.curriculum.teachers.spdl_step import SPDLStep
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

GATE = TaskSpace.of({"gate_x": {"box": [-4, 4]}, "width": {"box": [0.5, 8.5]}})
TARGET = {"mean": [2.5, 0.5], "std": [4e-3, 4e-3]}


def gaussian(mean: list[float], std: list[float]) -> Normal:
    return Normal(np.array(mean), np.diag(std))


def log_density(normal: Normal, points: np.ndarray) -> np.ndarray:
    return np.atleast_1d(multivariate_normal(normal.mean, normal.root @ normal.root.T).logpdf(points))


def test_spread_and_divergence_of_normals() -> None:
    one, other = gaussian([0.0, 0.0], [1.0, 2.0]), gaussian([1.0, 0.0], [2.0, 2.0])
    # ln(2/1) + (1 + 1²) / (2 * 4) - 1/2
    assert one.divergence(other) == pytest.approx(np.log(2) + 2 / 8 - 0.5)
    tilted = Normal(np.zeros(2), np.array([[1.0, 0.0], [3.0, 4.0]]))
    assert tilted.std == pytest.approx([1.0, 5.0]) and tilted.divergence(tilted) == pytest.approx(0.0)


@pytest.mark.parametrize("full", [False, True])
def test_a_steps_vectors_are_neighbours(full: bool) -> None:
    now = Normal(np.array([0.3, 0.4]), np.array([[0.1, 0.0], [0.05, 0.2]]))
    step = SPDLStep(now, np.array([[0.3, 0.4], [0.4, 0.4]]), np.array([0.0, 1.0]), 0.1, np.zeros(2), full)
    vector = np.array([0.5, -0.2, 0.3, -0.1, *([0.4] if full else [])])
    there = step.normal(vector)
    assert step.kl(vector) == pytest.approx(there.divergence(now))
    density = np.exp(log_density(there, step.points) - log_density(now, step.points))
    assert step.performance(vector) == pytest.approx(density[1] / density.sum())
    assert step.performance(step.here) == pytest.approx(0.5) and step.kl(step.here) == 0.0


@pytest.mark.parametrize("full", [False, True])
def test_steps_keep_to_their_constraints(full: bool) -> None:
    rng, target = np.random.default_rng(0), gaussian([1.0, 1.0], [0.02, 0.02])
    for trial in range(4):
        now = gaussian(rng.uniform(0.3, 0.7, 2).tolist(), rng.uniform(0.03, 0.2, 2).tolist())
        points = now.mean + rng.standard_normal((80, 2)) @ now.root.T
        scores = (points.sum(1) < now.mean.sum() + 0.05).astype(float)
        step = SPDLStep(now, points, scores, 0.05, np.full(2, 0.025), full)
        best, moved = step.best(), step.towards(target, 0.5)
        assert scores.mean() > 0.5, trial
        for there in (best, moved):
            assert there.divergence(now) <= 0.05 + 1e-5 and (there.std >= 0.025 - 1e-6).all()
            assert ((there.mean >= -1e-6) & (there.mean <= 1 + 1e-6)).all()
        weights = np.exp(log_density(moved, points) - log_density(now, points))
        assert weights @ scores / weights.sum() >= 0.5 - 1e-5
        assert moved.divergence(target) < now.divergence(target) and best.mean.sum() < now.mean.sum()
        # Ten times as much is promised nowhere: nothing moves.
        assert step.towards(target, 10.0) is now


def test_a_step_of_one_parameter_goes_as_far_as_the_divergence_allows() -> None:
    # All succeed and the widths agree: only the mean moves, and KL = shift² / (2 std²).
    now, target = gaussian([0.2], [0.1]), gaussian([0.9], [0.1])
    step = SPDLStep(now, np.linspace(0.1, 0.3, 20)[:, None], np.ones(20), 0.02, np.zeros(1), False)
    moved = step.towards(target, 0.5)
    assert moved.divergence(now) == pytest.approx(0.02, rel=1e-2)
    assert moved.mean[0] == pytest.approx(0.2 + 0.1 * np.sqrt(0.04), rel=0.02)


def test_constant_scores_give_no_direction_before_v_lb_is_reached() -> None:
    teacher = SPDL(GATE, seed=0, target=TARGET, v_lb=3.5, episodes=20)
    rng, directive = np.random.default_rng(0), teacher.directive()
    draws = [directive.sample(rng, 0) for _ in range(20)]
    assert not teacher.update([Outcome(d.task, 0, d.tag, 1.0, 0.0, 1) for d in draws], TrainingProgress(0, 0))
    assert teacher.metrics()["reached"] == 0.0 and teacher.metrics()["performance"] == 1.0
    assert teacher.update([Outcome(d.task, 0, d.tag, 4.0, 0.0, 1) for d in draws], TrainingProgress(0, 0))
    assert teacher.metrics()["reached"] == 1.0


def test_arguments_are_in_the_parameters_units_and_the_floor_holds_until_near_the_target() -> None:
    initial = {"mean": {"width": 4.25, "gate_x": 0}, "std": {"gate_x": 2, "width": 1.9}}
    teacher = SPDL(GATE, seed=0, target=TARGET, initial=initial)
    metrics = teacher.metrics()
    assert (metrics["mean/gate_x"], metrics["std/gate_x"]) == pytest.approx((0.0, 2.0))
    assert (metrics["mean/width"], metrics["std/width"]) == pytest.approx((4.25, 1.9))
    # sum over both of ln(s/f) + (f² + (1.5 f)²) / (2 s²) - 1/2, with s = 4e-3 and f = 0.2: near the source's 8000.
    one = np.log(4e-3 / 0.2) + (0.2**2 + 0.3**2) / (2 * 4e-3**2) - 0.5
    assert teacher._floor_kl == pytest.approx(2 * one) and 7000 < 2 * one < 9000


def test_it_arrives_at_a_narrow_target_when_all_succeed() -> None:
    teacher = SPDL(GATE, seed=0, target=TARGET, episodes=20, max_kl=0.5)
    rng, floors = np.random.default_rng(0), []
    for _ in range(120):
        directive = teacher.directive()
        draws = [directive.sample(rng, 0) for _ in range(20)]
        teacher.update([Outcome(d.task, 0, d.tag, 1.0, 0.0, 1) for d in draws], TrainingProgress(0, 0))
        if teacher.metrics()["kl_target"] > teacher._floor_kl:
            floors.append(min(teacher.metrics()["std/gate_x"], teacher.metrics()["std/width"]))
        if teacher.complete:
            break
    assert teacher.complete and min(floors) >= 0.2 - 1e-6
    assert teacher.metrics()["mean/gate_x"] == pytest.approx(2.5, abs=0.01)


def test_draws_outside_the_space_are_drawn_again() -> None:
    box, rng = UnitBox(TaskSpace.of({"box": [0, 1]}), "T"), np.random.default_rng(0)
    directive = Truncated(box, gaussian([0.0], [0.2]), 3)
    draws = [directive.sample(rng, 0) for _ in range(2000)]
    # A half-normal: none sits on the border, and the mean is std * sqrt(2 / pi).
    assert min(draw.task for draw in draws) > 0.0 and {draw.tag for draw in draws} == {3}
    assert np.mean([draw.task for draw in draws]) == pytest.approx(0.2 * np.sqrt(2 / np.pi), rel=0.05)


def test_without_scipy_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ConfigError, match=r"rlexp\[curriculum\]"):
        SPDL(GATE, seed=0, target=TARGET)

"""Repeated seeds are no further evidence of a parameter: what passes the black mark, on sweeps whose truth is known."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from harness import CHECKOUT

from rlexp.report.analysis.parameter_effects import adaptive_names, effects_of, selection_warning
from rlexp.report.analysis.parameters import Parameter
from rlexp.report.reading import Run
from rlexp.sweep.settings import SweepSettings


@pytest.fixture
def false_marks(monkeypatch: pytest.MonkeyPatch) -> object:
    # As for the command itself, whose folder Python puts first.
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    import false_marks

    return false_marks


@pytest.mark.parametrize("seeds", [1, 5])
def test_few_idle_parameters_pass_the_mark_however_many_seeds_a_point_has(
    seeds: int, false_marks: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlexp.report.analysis.permutation_baseline.PERMUTATIONS", 200)
    monkeypatch.setattr(
        "rlexp.report.analysis.parameter_effects.estimate", lambda scores: None
    )  # Slow, and not looked at.
    row = false_marks.measure("20 points drawn", seeds, 50)  # type: ignore[attr-defined]
    assert row["false_marks"] <= 0.1, "of 100 marks; 5 % are meant to be false"
    assert row["true_marks"] > 0.5
    if seeds == 5:
        assert row["false_marks_runs_permuted"] > 0.5, "where each run counts for itself"


def parameter(name: str, values: list[object]) -> Parameter:
    return Parameter(name, values, all(isinstance(value, float) for value in values), False)


def test_a_points_score_is_the_mean_over_its_seeds_and_counts_once() -> None:
    lr = np.repeat([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 3)
    model = np.repeat(["a", "a", "a", "b", "b", "b"], 3)
    scores = 100 * lr + np.tile([-1.0, 0.0, 1.0], 6)
    found = {
        e.parameter.name: e
        for e in effects_of([parameter("lr", list(lr)), parameter("model", list(model))], scores)
    }
    a, b = found["model"].levels
    assert a.scores == pytest.approx([10, 20, 30]) and list(a.seeds) == [3, 3, 3]
    assert (a.estimate.value, b.estimate.value) == pytest.approx((20, 50))
    assert found["model"].to_json()["values"][0] | {"low": 0, "high": 0} == {
        "value": "a", "runs": 9, "scores": 3, "iqm": pytest.approx(20), "low": 0, "high": 0,
    }  # fmt: skip


def test_in_a_small_grid_seeds_tell_what_points_alone_cannot() -> None:
    """Four points can be ordered in too few ways; their runs, among those that differ in one parameter, in many."""
    lr, model = np.repeat([0.1, 0.1, 0.2, 0.2], 5), np.repeat(["a", "b", "a", "b"], 5)
    scores = 100 * lr + np.random.default_rng(0).normal(size=20)
    first, second = effects_of([parameter("model", list(model)), parameter("lr", list(lr))], scores)
    assert (first.parameter.name, first.matters, second.matters) == ("lr", True, False)


def test_two_parameters_that_always_move_together_are_not_told_apart() -> None:
    values = list(np.repeat([0.1, 0.2, 0.3], 5))
    found = effects_of([parameter("lr", values), parameter("gamma", values)], 100 * np.array(values))
    assert len(found) == 2 and not any(effect.matters for effect in found)


def test_equal_values_are_never_torn_apart_into_two_stretches() -> None:
    lr, batch = [float(at // 4) for at in range(40)], [float(at) for at in range(40)]
    scores = np.random.default_rng(0).normal(size=40)
    found = {
        e.parameter.name: e
        for e in effects_of([parameter("lr", list(lr)), parameter("batch", list(batch))], scores)
    }
    for effect in found.values():
        assert sum(len(level.scores) for level in effect.levels) == 40
    assert all(len(level.scores) % 4 == 0 for level in found["lr"].levels)


def test_a_level_of_an_environment_is_no_effect_of_a_parameter_that_goes_with_it() -> None:
    """`a` was tried on the easy environment alone."""
    envs = ["easy"] * 10 + ["hard"] * 10
    model = ["a", "b"] * 5 + ["b"] * 10
    lr = [float(at) for at in range(20)]
    scores = np.array([1.0] * 10 + [0.0] * 10) + 0.01 * np.random.default_rng(0).normal(size=20)
    found = {
        e.parameter.name: e
        for e in effects_of([parameter("model", model), parameter("lr", lr)], scores, envs)
    }
    assert not found["model"].matters


def sweep_run(folder: Path, search: str, scheduler: str) -> Run:
    folder.mkdir()
    settings = dataclasses.asdict(SweepSettings(search=search, trials=None if search == "grid" else 4))
    settings["scheduler"] = {"name": scheduler}
    plan = {"name": "a", "command": "", "start": "", "asked": {}, "seals": "", "settings": settings}
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "trials.jsonl").write_text("")
    return Run(folder / "trials" / "0", {}, {})


def test_a_search_that_learns_is_warned_of(tmp_path: Path) -> None:
    runs = {
        (search, scheduler): sweep_run(tmp_path / f"{search}-{scheduler}", search, scheduler)
        for search, scheduler in [("grid", "none"), ("random", "asha"), ("optuna", "asha"), ("random", "pbt")]
    }
    assert {which: adaptive_names([run]) for which, run in runs.items()} == {
        ("grid", "none"): [], ("random", "asha"): [], ("optuna", "asha"): ["optuna"], ("random", "pbt"): ["pbt"],
    }  # fmt: skip
    assert (
        "optuna, pbt" in selection_warning(list(runs.values()))
        and selection_warning([runs["grid", "none"]]) == ""
    )
    stopped = Run(tmp_path / "x", {}, {"status": "pruned"})
    assert selection_warning([stopped, runs["grid", "none"]]).startswith("1 of 2 runs were stopped early")
    (tmp_path / "optuna-asha" / "plan.json").write_text("{")
    assert selection_warning([runs["optuna", "asha"], Run(tmp_path / "x", {}, {})]) == ""

"""Several seeds of a point: one score, and pruned together, by Tune's own schedulers."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler
from simulated import Simulation

from rlexp.base.errors import ConfigError
from rlexp.storage.sweeps.seed_groups import SeedGroups
from rlexp.sweep.planning.plan import plan
from rlexp.sweep.schedulers.grouped import SeedGroupScheduler
from rlexp.sweep.schedulers.scheduler_choices import scheduler_of
from rlexp.sweep.space.search_space import Space

SMALL = ["hardware=local", "debug=tiny"]
POINTS, SEEDS, BUDGET = 10, 3, 9000
RATES = [(7 * point + 3) % POINTS + 1 for point in range(POINTS)]
NAMES = [f"p{point}s{seed}" for point in range(POINTS) for seed in range(SEEDS)]
NOISE = {0: 6.0, 1: -5.0, 2: -1.0}
"""Large beside what differs between points: no seed alone tells which is better."""


class Told(AsyncHyperBandScheduler):
    """ASHA, and what it has been told."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.results: list[tuple[str, int, float]] = []

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        self.results.append((trial.trial_id, result["env_steps"], result["score"]))
        return super().on_trial_result(tune_controller, trial, result)


def asha() -> Told:
    return Told(
        time_attr="env_steps",
        metric="score",
        mode="max",
        max_t=BUDGET - 1,
        grace_period=1000,
        reduction_factor=3,
        stop_last_trials=False,
    )


def curve(name: str):
    point, seed = int(name[1]), int(name[3])
    turned = (seed + point) % SEEDS  # A seed that helps one point harms another.
    return lambda steps: RATES[point] * math.log1p(steps) / 9 + NOISE[turned]


def simulate(inner: TrialScheduler, **keys: Any) -> Simulation:
    groups = SeedGroups(NAMES, seeds=SEEDS)
    keys = {"chunk": 500, "slots": 4, **keys}
    found = Simulation(
        SeedGroupScheduler(inner, groups, [1000, 3000]), {n: curve(n) for n in NAMES}, budget=BUDGET, **keys
    )
    found.run()
    return found


@pytest.mark.parametrize("slots", [1, 2, 4, 30])
def test_seeds_stop_together_and_the_best_point_runs_to_its_end(slots: int) -> None:
    inner = asha()
    found = simulate(inner, slots=slots)
    for point in range(POINTS):
        steps = {found.steps[f"p{point}s{seed}"] for seed in range(SEEDS)}
        assert steps in ({1000}, {3000}, {BUDGET}) or (slots > 1 and max(steps) - min(steps) <= 500)
    best = RATES.index(POINTS)
    assert {found.steps[f"p{best}s{seed}"] for seed in range(SEEDS)} == {BUDGET}
    assert sum(found.steps.values()) < 0.7 * len(NAMES) * BUDGET
    assert {name for name, _, _ in inner.results} == {f"p{point}s0" for point in range(POINTS)}


def test_a_point_is_told_once_for_each_milestone_with_the_mean_of_its_seeds() -> None:
    inner = asha()
    simulate(inner, chunk={name: 300 + 100 * int(name[3]) for name in NAMES})
    seen = [(name, steps) for name, steps, _ in inner.results]
    assert len(seen) == len(set(seen)) and {steps for _, steps in seen} == {1000, 3000}
    # The first results at or after 1000 env steps, in steps of 300, 400 and 500.
    mean = sum(curve(f"p0s{seed}")(steps) for seed, steps in enumerate((1200, 1200, 1000))) / SEEDS
    assert ("p0s0", 1000, pytest.approx(mean)) in inner.results


def test_with_one_place_seeds_take_turns_at_milestones_alone() -> None:
    found = simulate(asha(), slots=1)
    assert 0 < found.pauses <= 2 * (SEEDS - 1) * POINTS


def test_the_order_of_single_seeds_would_have_misled() -> None:
    """What the test above would not show if any one seed ranked the points as their mean does."""
    for seed in range(SEEDS):
        ranked = sorted(range(POINTS), key=lambda point: curve(f"p{point}s{seed}")(1000))
        assert ranked != sorted(range(POINTS), key=lambda point: RATES[point])


def test_where_a_seed_fails_the_others_run_on_and_are_compared_with_nobody() -> None:
    best, worst = RATES.index(POINTS), RATES.index(1)
    inner = asha()
    found = simulate(inner, fails_at={f"p{worst}s1": 1000, f"p{best}s2": 5000})
    assert found.steps[f"p{worst}s0"] == found.steps[f"p{worst}s2"] == BUDGET
    assert found.steps[f"p{best}s0"] == found.steps[f"p{best}s1"] == BUDGET
    assert f"p{worst}s0" not in {name for name, _, _ in inner.results}


def test_a_seed_that_ends_before_the_milestone_keeps_its_score() -> None:
    groups = SeedGroups(["a0", "a1", "b0", "b1"], seeds=2)
    scores = {"a0": 5.0, "a1": 5.0, "b0": 1.0, "b1": 1.0}
    inner = asha()

    class Solved(Simulation):
        def _iteration(self, trial: Any) -> None:
            self.budget = 500 if trial.trial_id == "a0" else BUDGET
            super()._iteration(trial)

    found = Solved(
        SeedGroupScheduler(inner, groups, [1000, 3000]),
        {name: (lambda steps, name=name: scores[name]) for name in scores},
        budget=BUDGET,
        chunk=500,
        slots=4,
    )
    found.run()
    assert ("a0", 1000, 5.0) in inner.results
    assert found.steps["a0"] == 500 and found.steps["a1"] == BUDGET
    assert {found.steps["b0"], found.steps["b1"]} <= {1000, 1500} and set(found.stopped) == {"b0", "b1"}


@effort(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_the_speeds_places_and_failures_every_trial_comes_to_an_end(data: st.DataObject) -> None:
    chunk = {name: data.draw(st.sampled_from([200, 500, 900, 2500, 9000])) for name in NAMES}
    failing = data.draw(st.dictionaries(st.sampled_from(NAMES), st.integers(1, BUDGET), max_size=6))
    name = data.draw(st.sampled_from(["asha", "median"]))
    scheduler = scheduler_of({"name": name})
    groups = SeedGroups(NAMES, seeds=SEEDS)
    together = SeedGroupScheduler(
        scheduler.build("max", BUDGET, Space(())), groups, scheduler.milestones(BUDGET)
    )
    simulation = Simulation(
        together,
        {n: curve(n) for n in NAMES},
        budget=BUDGET,
        chunk=chunk,
        slots=data.draw(st.integers(1, 8)),
        fails_at=failing,
    )
    simulation.run()  # Asserts that no trial waits for nothing.
    for point in range(POINTS):
        members = {f"p{point}s{seed}" for seed in range(SEEDS)}
        stopped = members & set(simulation.stopped)
        done = {n for n in members if simulation.steps[n] >= BUDGET}
        # One that runs when its point is stopped may fail on the way to its next result.
        too_late = {n for n in members & set(failing) if simulation.steps[n] >= together._milestones[0]}
        assert not stopped or stopped | done | too_late == members


def test_a_point_has_a_score_once_all_its_seeds_have() -> None:
    groups = SeedGroups(["a", "b", "c", "d"], seeds=2)
    assert groups.scores({"a": 1.0, "b": 2.0, "c": 3.0}) == {"a": 1.5, "c": None}
    groups.add(["e", "f"])
    assert groups.of("f") == "e" and groups.members("e") == ("e", "f") and groups.names == ["a", "c", "e"]


def test_the_interquartile_mean_leaves_out_the_ends() -> None:
    groups = SeedGroups(["a", "b", "c", "d"], seeds=4, aggregate="iqm")
    assert groups.scores({"a": 0.0, "b": 2.0, "c": 4.0, "d": 100.0}) == {"a": 3.0}


def test_a_plan_has_the_seeds_of_a_point_one_after_another() -> None:
    found = plan([*SMALL, "algorithm.lr=0.1,0.2", "seed=4", "sweep.seeds=3"])
    assert [trial.name for trial in found.trials] == [
        f"{number:03d}-lr={lr}-seed={seed}"
        for number, (lr, seed) in enumerate((lr, seed) for lr in (0.1, 0.2) for seed in (4, 5, 6))
    ]
    assert [trial.config.seed for trial in found.trials] == [4, 5, 6] * 2
    assert found.trials[1].varied == {"algorithm.lr": "0.1", "seed": "5"}
    assert "seed=5" in found.trials[1].overrides and "seed=4" not in found.trials[1].overrides


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["seed=0,1", "sweep.seeds=2"], "seed is varied too"),
        (["sweep.seeds=0"], "at least 1"),
        (["sweep=hyperband", "sweep.seeds=2", "algorithm.lr=0.1,0.2"], "asha, median can"),
        (["sweep=pbt", "sweep.seeds=2", "algorithm.lr=0.1,0.2"], "sweep.seeds=1"),
        (["sweep.aggregate=median"], "mean, iqm"),
    ],
)
def test_what_is_wrong_with_seeds_is_told_before_anything_starts(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan([*SMALL, *overrides])
    assert message in str(caught.value)

"""Trials have a score where a scheduler compares them, or the sweep is refused before it starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from simulated import Simulation

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.config.schema import RunConfig
from rlexp.sweep.planning.plan import check_comparable
from rlexp.sweep.schedulers import scheduler_choices
from rlexp.sweep.schedulers.score_only import with_scores_only
from rlexp.sweep.space.search_space import Interval, Space

RATES = Space((Interval("algorithm.lr", 1e-5, 1e-2, "log"),))


@pytest.mark.parametrize(
    ("plain", "steps"),
    [
        ({"name": "asha"}, [1000, 3000]),
        ({"name": "asha", "grace_steps": 500, "reduction_factor": 4.0}, [500, 2000, 8000]),
        ({"name": "hyperband"}, [1000, 3000]),
        ({"name": "median"}, [2250, 4500, 6750]),
        ({"name": "pbt", "perturb_steps": 4000}, [4000, 8000]),
        ({"name": "pb2"}, list(range(900, 9000, 900))),
    ],
)
def test_every_scheduler_says_where_it_needs_a_score(plain: dict[str, Any], steps: list[int]) -> None:
    assert scheduler_choices.scheduler_of(plain).milestones(9000) == steps


@pytest.fixture(scope="module")
def config() -> RunConfig:
    return rlexp.compose(
        ["env=cartpole", "algorithm=ppo", "tuned=none", "tracking=none", "stop.env_steps=8000"]
    )


def refused(config: RunConfig, name: str = "asha", budget: int = 8000) -> ConfigError:
    steps = scheduler_choices.scheduler_of({"name": name}).milestones(budget)
    with pytest.raises(ConfigError, match="would compare no trial before its end") as caught:
        check_comparable(name, steps, budget, [config])
    return caught.value


@pytest.mark.parametrize("name", scheduler_choices.SCHEDULERS)
def test_a_batch_that_is_the_whole_budget_is_refused_with_one_that_is_not(
    config: RunConfig, name: str
) -> None:
    steps = scheduler_choices.scheduler_of({"name": name}).milestones(8000)
    check_comparable(name, steps, 8000, [config])
    config = changed(config, train_batch_size_per_learner=8000)
    error = refused(config, name)
    assert error.key == "algorithm.train_batch_size_per_learner" and "=800 " in str(error.fix)


def test_a_number_of_iterations_that_ends_trials_before_they_are_compared_is_refused(
    config: RunConfig,
) -> None:
    few = changed(config)
    few.stop.iterations = 1
    assert refused(few, budget=80_000).fix == "stop.iterations=null"
    few.stop.iterations = 10
    check_comparable("asha", [8_888], 80_000, [few])


def changed(config: RunConfig, **settings: Any) -> RunConfig:
    import copy

    made = copy.deepcopy(config)
    made.algorithm.settings.update(settings)
    return made


def test_a_plateau_that_could_never_be_seen_is_refused() -> None:
    words = ["env=cartpole", "tuned=none", "tracking=none", "stop.env_steps=20000"]
    plateau = "stop.plateau={metric: eval/return_mean, patience: 3}"
    with pytest.raises(ConfigError, match="reported 2 times before its budget is spent") as caught:
        rlexp.compose([*words, plateau])
    assert "evaluation_interval_env_steps=2222" in str(caught.value.fix)
    rlexp.compose([*words, plateau, "evaluation.evaluation_interval_env_steps=2222"])


def test_a_population_is_perturbed_at_its_milestones_whatever_iterations_end_at() -> None:
    chosen = scheduler_choices.scheduler_of({"name": "pbt", "perturb_steps": 5000})
    built = chosen.build("max", 30_000, RATES)
    seen: list[int] = []
    save = built._save_trial_state

    def saved(state: Any, time: int, result: dict[str, Any], trial: Any) -> Any:
        seen.append(time)
        return save(state, time, result, trial)

    built._save_trial_state = saved
    scheduler = with_scores_only(built, milestones=chosen.milestones(30_000))
    scheduler._checkpoint_or_exploit = lambda *args: None
    Simulation(scheduler, {"a": lambda t: t, "b": lambda t: t}, budget=30_000, chunk=2048, slots=2).run()
    # Batches end at 6,144 and 10,240: less than 5,000 apart.
    assert sorted(set(seen)) == [5000, 10_000, 15_000, 20_000, 25_000]


def test_a_trial_evaluates_where_it_is_compared_whatever_its_interval(
    tiny_trainable: Callable[..., Any],
) -> None:
    made = tiny_trainable("env=cartpole", "evaluation.evaluation_interval=50")
    made.report_at((200, 400), "eval/return_mean")
    rows = [made.step() for _ in range(4)]
    found = [row["env_steps"] for row in rows if "eval/return_mean" in row]
    assert [steps // 128 for steps in found] == [2, 4]  # The second and fourth batch of 128 and a few steps.

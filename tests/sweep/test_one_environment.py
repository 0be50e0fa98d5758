"""Scores of different environments are compared by no search, no scheduler and no ranking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlexp.base.errors import ConfigError
from rlexp.storage.sweeps import trial_ranking
from rlexp.sweep.planning.plan import plan

SMALL = ["hardware=local", "debug=tiny", "tracking=none"]
ENVS = "env=cartpole,acrobot"
RATE = "algorithm.lr=interval(0.001,0.01)"


def slow(overrides: list[str], says: str) -> Any:
    return pytest.param(overrides, says, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ([ENVS, RATE, "sweep=optuna", "sweep.trials=2"], "sweep.search=optuna"),
        ([ENVS, "sweep.scheduler.name=asha", "stop.env_steps=900"], "name=asha"),
        slow([ENVS, "sweep.scheduler.name=median", "stop.env_steps=900"], "name=median"),
        slow(["env=gym", "env.id=CartPole-v1,Acrobot-v1", "sweep.scheduler.name=pbt"], "name=pbt"),
        slow(["experiment=cartpole_ppo,acrobot_ppo", "sweep.scheduler.name=hyperband"], "name=hyperband"),
    ],
)
def test_several_environments_are_refused_where_scores_are_compared(overrides: list[str], says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        plan([*SMALL, *overrides])
    message = str(refused.value)
    assert says in message and "cannot be compared" in message and "a sweep for each environment" in message
    assert "cartpole, acrobot" in message.lower().replace("-v1", "")


@pytest.mark.slow
def test_a_grid_over_environments_and_a_search_within_one_are_fine() -> None:
    assert len(plan([*SMALL, ENVS]).trials) == 2
    assert plan([*SMALL, "sweep=optuna", "sweep.trials=2", RATE]).adaptive is not None


def trial(score: float, **more: object) -> dict[str, object]:
    return {"status": "done", "score": score, **more}


def test_the_best_of_each_environment_also_where_an_experiment_chooses_it() -> None:
    trials = {
        "0": trial(500.0, varied={"experiment": "a"}, env="cartpole"),
        "1": trial(-80.0, varied={"experiment": "b"}, env="acrobot"),
    }
    state = {"settings": {"seeds": 1, "mode": "max", "aggregate": "mean"}, "trials": trials}
    assert trial_ranking.best(state) is None
    assert trial_ranking.bests(state) == {"cartpole": "0", "acrobot": "1"}
    same = {**state, "trials": {name: {**each, "env": "cartpole"} for name, each in trials.items()}}
    assert trial_ranking.best(same) == "0" and set(trial_ranking.environments(same).values()) == {""}


def test_records_of_earlier_versions_say_it_by_what_is_varied(tmp_path: Path) -> None:
    trials = {"0": trial(1.0, varied={"env": "a"}), "1": trial(2.0, varied={"env": "b"})}
    assert trial_ranking.environments({"trials": trials}) == {"0": "a", "1": "b"}

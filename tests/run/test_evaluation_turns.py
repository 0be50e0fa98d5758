"""When a run evaluates and saves, by iterations or by env steps, and what its iterations are."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from harness import CONF

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.config.keys.cross_key_rules import iteration_steps_by_kind
from rlexp.run.bookkeeping.evaluation_turns import EvaluationTurns, taking_turns

LENGTH = "min_sample_timesteps_per_iteration"


def length(algorithm: str, config_class: str | None = None, steps: Any = "auto") -> Any:
    choice = yaml.safe_load((CONF / "algorithm" / f"{algorithm}.yaml").read_text())
    choice["config_class"] = config_class or choice["config_class"]
    return iteration_steps_by_kind(steps, {"algorithm.config_class": choice["config_class"]}.get)


def test_an_iteration_has_a_sensible_number_of_env_steps_where_nobody_says_one() -> None:
    steps = {path.stem: length(path.stem) for path in (CONF / "algorithm").glob("*.yaml")}
    replaying = dict.fromkeys(("dqn", "sac", "tqc"), 1000)
    sampling_beside = dict.fromkeys(("impala", "appo"), 2000)
    batches = dict.fromkeys(("ppo", "bc", "marwil", "cql", "iql"), 0)
    assert steps == {**replaying, **sampling_beside, **batches, "dreamerv3": 200}
    assert length("sac", "ray.rllib.algorithms.cql.CQLConfig") == 0
    assert length("sac", steps=7) == 7 and length("sac", steps=0) == 0


def test_what_is_tuned_goes_before_it_and_env_steps_need_an_evaluation() -> None:
    assert rlexp.compose(["algorithm=dqn", "env=cartpole"]).reporting.settings[LENGTH] == 2000
    key = "evaluation.evaluation_interval_env_steps"
    with pytest.raises(ConfigError, match="evaluation is off"):
        rlexp.compose(["evaluation=none", f"{key}=1000"])


def test_iterations_count_unless_env_steps_are_given() -> None:
    by_iterations = EvaluationTurns(every=2)
    assert [by_iterations.due(i, 0, 10_000) for i in (1, 2, 3, 4)] == [False, True, False, True]
    by_steps = EvaluationTurns(every=2, every_env_steps=1000)
    assert [by_steps.due(2, before, before + 300) for before in (0, 600, 900, 1000)] == [
        False,
        False,
        True,
        False,
    ]
    assert by_steps.due(1, 900, 1000) and by_steps.next_after(1000) == [2000]


def test_steps_at_which_a_sweep_compares_are_evaluated_at_too() -> None:
    turns = EvaluationTurns(every=100, at=(900, 2700))
    assert [turns.due(1, a, b) for a, b in ((0, 899), (899, 900), (900, 2699), (2000, 4000))] == [
        False,
        True,
        False,
        True,
    ]
    assert turns.next_after(0) == [900] and turns.next_after(900) == [2700] and turns.next_after(2700) == []


class Algorithm:
    """As much of RLlib's as decides when to evaluate: 400 env steps an iteration, and its own rule of `step`."""

    def __init__(self, *, interval: int | None, beside: bool = False) -> None:
        self.config = SimpleNamespace(evaluation_interval=interval, evaluation_parallel_to_training=beside)
        self.iteration, self.steps, self.evaluated_at = 0, 0, []

    def _run_one_training_iteration(self) -> tuple[dict[str, int], None]:
        self.steps += 400
        return {"steps": self.steps}, None

    def _run_one_evaluation(self, parallel_train_future: Any = None) -> dict[str, Any]:
        self.evaluated_at.append(self.steps)
        return {"evaluation": {}}

    def train(self) -> None:
        interval = self.config.evaluation_interval
        due = bool(interval) and (self.iteration + 1) % interval == 0
        if due and self.config.evaluation_parallel_to_training:
            self._run_one_evaluation(object())
        self._run_one_training_iteration()
        if due and not self.config.evaluation_parallel_to_training:
            self._run_one_evaluation()
        self.iteration += 1


def evaluations(algorithm: Algorithm, turns: EvaluationTurns, iterations: int = 6) -> list[int]:
    last = (0, 0)
    for _ in range(iterations):
        steps = lambda results: results["steps"]  # noqa: E731
        with taking_turns(algorithm, turns, steps, last, lambda seconds: None):  # type: ignore[arg-type]
            algorithm.train()
        last = (last[1], algorithm.steps)
    return algorithm.evaluated_at


def test_rllib_evaluates_when_env_steps_say_so_and_its_config_stays() -> None:
    algorithm = Algorithm(interval=5)
    assert evaluations(algorithm, EvaluationTurns(5, every_env_steps=1000)) == [1200, 2000]
    assert algorithm.config.evaluation_interval == 5
    assert evaluations(Algorithm(interval=2), EvaluationTurns(2)) == [800, 1600, 2400]
    assert evaluations(Algorithm(interval=5), EvaluationTurns(5, at=(400,))) == [400, 2000]
    assert evaluations(Algorithm(interval=None), EvaluationTurns(None, at=(400,))) == []


def test_beside_training_the_evaluation_follows_the_iteration_that_reached_the_step() -> None:
    assert evaluations(Algorithm(interval=5, beside=True), EvaluationTurns(5, every_env_steps=1000)) == [
        1200,
        2000,
    ]


def evaluated_at(trainable: Any, iterations: int) -> list[int]:
    found = []
    for _ in range(iterations):
        record = trainable.step()
        if "eval/return_mean" in record:
            found.append(record["env_steps"])
    return found


@pytest.mark.parametrize("fast", ["auto", pytest.param("never", marks=pytest.mark.slow)])
def test_iterations_of_a_replaying_algorithm_end_where_an_evaluation_is_due(
    tiny_trainable: Callable[..., Any], fast: str
) -> None:
    overrides = ["algorithm=dqn", "env=cartpole", f"fast={fast}", f"reporting.{LENGTH}=40"]
    made = tiny_trainable(*overrides, "evaluation.evaluation_interval_env_steps=50", "stop.env_steps=1000")
    found = evaluated_at(made, 6)
    # A step that begins an episode anew counts, so that an iteration may end a step later.
    assert [steps // 50 * 50 for steps in found] == [50, 100, 150] and all(steps % 50 < 4 for steps in found)


def test_evaluations_are_counted_apart_from_training(tiny_trainable: Callable[..., Any]) -> None:
    made = tiny_trainable("algorithm=ppo", "env=cartpole", "evaluation.evaluation_interval=1")
    record = made.step()
    spent = made.clock.spent
    assert spent["evaluation_s"] >= record["perf/eval_s"] > 0
    assert spent["training_s"] + spent["evaluation_s"] == pytest.approx(record["perf/iteration_s"])
    assert sum(made.clock.shares().values()) == pytest.approx(made.clock.wall_s, abs=0.01)
    before = spent["evaluation_s"]
    made.evaluate()
    assert made.clock.spent["evaluation_s"] > before

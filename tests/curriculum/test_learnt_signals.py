"""Teachers that replay levels by the value function's error, in real runs with PPO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_transport import SMALL, TARGET, TASKS, Make, trainable  # noqa: F401

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.environment.tasks.outcome import SIGNALS, Outcome

RUNS = {
    "plr": ["curriculum=plr"],
    "plr_max_mc": ["curriculum=plr", "curriculum.teacher.signal=max_mc"],
    "robust_plr": ["curriculum=robust_plr"],
    "accel": ["curriculum=accel", "curriculum.teacher.capacity=6"],
}


class Watched:
    """A run whose learner's batches and teacher's outcomes are kept.

    Attributes:
        rollouts: what came to the learner, iteration by iteration.
        steps: of each training batch; 0 where there was none.
        outcomes: what the teacher was told, iteration by iteration.
        records: the metrics.
    """

    def __init__(self, run: Any) -> None:
        self.run = run
        self.rollouts: list[Any] = []
        self.steps: list[int] = []
        self.outcomes: list[list[Outcome]] = []
        self.records: list[dict[str, Any]] = []
        learner = run.algorithm.learner_group._learner
        batch, update = learner.train_batch, run.curriculum.teacher.update

        def train_batch(rollouts: Any) -> Any:
            made = batch(rollouts)
            self.rollouts.append(rollouts)
            self.steps.append(0 if made is None else made.num_steps)
            return made

        def told(outcomes: Any, progress: Any) -> Any:
            self.outcomes.append(list(outcomes))
            return update(outcomes, progress)

        learner.train_batch, run.curriculum.teacher.update = train_batch, told

    def steps_of(self, count: int) -> Watched:
        """Trains so many iterations."""
        self.records += [self.run.step() for _ in range(count)]
        return self

    @property
    def told(self) -> list[Outcome]:
        """All outcomes."""
        return [outcome for part in self.outcomes for outcome in part]


@pytest.fixture
def watched(trainable: Make) -> Any:  # noqa: F811
    """Makes watched runs of errands with a curriculum by its name in `RUNS`."""

    def make(name: str, *overrides: str) -> Watched:
        return Watched(trainable(*RUNS.get(name, []), *overrides, errands=TASKS))

    return make


def check_learnt(run: Watched, learnt_tags: set[str]) -> None:
    """The batches hold the steps of episodes with these tags, and no others."""
    for rollouts, steps in zip(run.rollouts, run.steps, strict=True):
        valid = [r.valid if r.learnt is None else r.valid & r.learnt for r in rollouts]
        assert steps == sum(int(mask.sum()) for mask in valid)
        for rollout, mask in zip(rollouts, valid, strict=True):
            for ended in rollout.ended:
                first = max(0, ended.step - ended.outcome.length + 1)
                own = mask[first : ended.step + 1, ended.env]
                assert (own == (ended.outcome.tag in learnt_tags)).all(), ended


@pytest.mark.parametrize(("name", "mode"), [*((name, "sync") for name in RUNS), ("accel", "async")])
def test_levels_are_replayed_and_only_what_must_be_is_learnt(name: str, mode: str, watched: Any) -> None:
    run = watched(name, f"hardware.gym_env_vectorize_mode={mode}").steps_of(8)
    tags = {outcome.tag for outcome in run.told}
    assert tags == {"new", "replay"} | ({"mutant"} if name == "accel" else set())
    check_learnt(run, {"new", "replay"} if name.startswith("plr") else {"replay"})
    assert all(set(outcome.signals) == set(SIGNALS) for outcome in run.told)
    assert all(outcome.length == outcome.task["length"] for outcome in run.told)
    assert {outcome.env_index for outcome in run.told} == {0, 1, 2}
    assert (
        run.records[-1]["curriculum/episodes"]
        == len(run.told)
        == sum(record["train/episodes"] for record in run.records)
    )
    assert run.records[-1]["eval/episode_len_mean"] == TARGET
    assert run.records[-1]["env_steps"] >= 8 * 60
    if not name.startswith("plr"):
        assert 0 < sum(run.steps) < run.records[-1]["env_steps"]


def test_an_iteration_without_anything_to_learn_from(watched: Any) -> None:
    """While the buffer fills nothing is learnt; the run goes on, and its metrics say what there is to say."""
    run = watched("robust_plr", "env.tasks={number: {levels: 100000}}", "env.target_tasks=[]").steps_of(2)
    weights = run.run.algorithm.get_weights()
    run.steps_of(1)
    assert run.steps == [0, 0, 0] and run.records[-1]["env_steps"] >= 180
    for name, value in run.run.algorithm.get_weights()["default_policy"].items():
        assert np.array_equal(value, weights["default_policy"][name]), name
    assert all(np.isfinite(value) for record in run.records for value in record.values())
    assert not any(name.startswith("learner/policy_loss") for name in run.records[-1])


def test_candidates_that_are_not_learnt_from(watched: Any) -> None:
    run = watched(
        "",
        "curriculum=learnability",
        "curriculum.teacher.train_candidates=false",
        "curriculum.teacher.candidates=8",
    ).steps_of(6)
    assert max(outcome.tag[0] for outcome in run.told) > 1  # generations
    assert run.steps[0] == 0 < run.steps[-1] < 60
    assert all(not outcome.signals for outcome in run.told)


@pytest.mark.slow
def test_a_restored_run_replays_the_levels_it_had(watched: Any, tmp_path: Path) -> None:
    whole, first = watched("robust_plr").steps_of(6), watched("robust_plr").steps_of(3)
    assert first.outcomes == whole.outcomes[:3]
    first.run.save_checkpoint(str(tmp_path))
    second = watched("robust_plr")
    second.run.load_checkpoint(str(tmp_path))
    teacher, other = first.run.curriculum.teacher, second.run.curriculum.teacher
    for name, value in teacher.state_dict().items():
        assert np.array_equal(value, other.state_dict()[name]), name
    second.steps_of(3)
    for name in ("iteration", "curriculum/version", "curriculum/filled"):
        assert second.records[-1][name] == whole.records[-1][name], name
    # Its environments begin anew, so that iterations end a few steps sooner or later.
    assert second.records[-1]["env_steps"] == pytest.approx(whole.records[-1]["env_steps"], abs=6)
    check_learnt(second, {"replay"})
    assert "replay" in {outcome.tag for outcome in second.outcomes[0]}


@pytest.mark.slow
def test_signals_come_from_other_processes_too(watched: Any, ray_session: None) -> None:
    run = watched(
        "accel",
        "hardware=laptop",
        "hardware.num_env_runners=2",
        "hardware.num_envs_per_env_runner=2",
        "hardware.num_cpus_for_main_process=0",
    ).steps_of(6)
    assert {outcome.env_index for outcome in run.told} == {0, 1, 2, 3}
    assert {outcome.tag for outcome in run.told} == {"new", "replay", "mutant"}
    assert all(set(outcome.signals) == set(SIGNALS) for outcome in run.told)
    check_learnt(run, {"replay"})


REFUSED: list[tuple[list[str], str, str]] = [
    (
        ["curriculum=plr", "fast=never"],
        "reads the signal value_l1 of each episode; .*fast=never",
        "fast=auto",
    ),
    (
        ["curriculum=robust_plr", "algorithm.batch_mode=complete_episodes"],
        "reads the signal positive_value_loss .* and has episodes .*complete_episodes",
        "curriculum=learnability",
    ),
    (
        ["curriculum=accel", *SMALL["dqn"]],
        "DQN has no advantages",
        "algorithm=ppo or curriculum=learnability",
    ),
    (["curriculum=plr", *SMALL["impala"]], "IMPALA has no advantages", "curriculum=learnability"),
    (
        ["curriculum=learnability", "curriculum.teacher.train_candidates=false", *SMALL["dqn"]],
        "Learnability has episodes that the policy does not learn from; DQN",
        "curriculum.teacher.train_candidates=true",
    ),
    (
        ["curriculum=plr", "curriculum.teacher.signal=value_l2"],
        "no run tells a signal value_l2; there are value_l1, positive_value_loss, max_mc",
        "curriculum.teacher.signal=value_l1",
    ),
]


@pytest.mark.parametrize(("overrides", "says", "fix"), REFUSED)
def test_what_no_learner_can_do_is_refused_before_training(overrides: list[str], says: str, fix: str) -> None:
    from rlexp.run.building.prepare import prepare

    own = [] if any(override.startswith("algorithm=") for override in overrides) else SMALL["ppo"]
    with pytest.raises(ConfigError, match=says) as caught:
        prepare(rlexp.compose([*TASKS, *own, *overrides]))
    assert caught.value.fix is not None and fix in caught.value.fix
    for proposed in caught.value.fix.split(" or "):
        prepare(rlexp.compose([*TASKS, *_with(proposed, [*own, *overrides])]))


def _with(fix: str, overrides: list[str]) -> list[str]:
    """The overrides as a person would change them: what belongs to another algorithm or curriculum goes with it."""
    key = fix.partition("=")[0]
    if key == "algorithm":
        return [*SMALL["ppo"], *(o for o in overrides if o.startswith("curriculum")), fix]
    parts = (key,) if "." in key else (f"{key}=", f"{key}.")
    return [*(o for o in overrides if not o.startswith(parts)), fix]

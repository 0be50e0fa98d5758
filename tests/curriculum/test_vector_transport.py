"""Runs with a curriculum in an environment's own vector form, beside `sync`; and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from test_transport import ERRANDS, SMALL, TARGET, Make, trainable  # noqa: F401

import rlexp
from rlexp.base.errors import ConfigError

WALKS = [
    "env.id=vector_walks.Walk",
    "env.vector_entry_point=vector_walks.Walks",
    "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,recording,vector_walks]",
]
ONLY_VECTOR = ["env.id=vector_walks.Walks", "env.vector_entry_point=null"]
NATIVE = "hardware.gym_env_vectorize_mode=vector_entry_point"
ANYTHING = "curriculum.teacher={_target_: recording.Anything}"


@pytest.mark.parametrize("fast", ["always", "never"])
def test_the_tasks_and_episodes_are_those_of_sync(fast: str, trainable: Make) -> None:  # noqa: F811
    seen = []
    for mode in (NATIVE, "hardware.gym_env_vectorize_mode=sync"):
        run = trainable(*WALKS, mode, ANYTHING, f"fast={fast}", "curriculum.observe_task=true")
        returns = [run.step()["eval/return_mean"] for _ in range(2)]
        seen.append((returns, run.curriculum.teacher.seen))
    assert seen[0] == seen[1]
    outcomes = seen[0][1]
    assert all(outcome.length == outcome.task["length"] for outcome in outcomes)
    assert len({outcome.task["length"] for outcome in outcomes}) > 5
    assert {outcome.env_index for outcome in outcomes} == {0, 1, 2}
    assert len({outcome.episode_return for outcome in outcomes}) > 5


@pytest.mark.parametrize("fast", ["always", "never"])
def test_promotions_arrive_and_evaluation_has_its_targets(fast: str, trainable: Make) -> None:  # noqa: F811
    run = trainable(*WALKS, NATIVE, f"fast={fast}", "env.config={length: 3}")
    for iteration in range(1, 5):
        record = run.step()
        assert record["curriculum/length"] == 2 + iteration
        assert record["eval/episode_len_mean"] == TARGET
    teacher = run.curriculum.teacher
    assert all(outcome.length == outcome.task["length"] == outcome.tag for outcome in teacher.seen)
    assert {outcome.tag for outcome in teacher.seen} == {2, 3, 4, 5}


def test_a_restored_run_goes_on_where_it_stood(trainable: Make, tmp_path: Path) -> None:  # noqa: F811
    whole, first = trainable(*WALKS, NATIVE), trainable(*WALKS, NATIVE)
    for _ in range(4):
        record = whole.step()
    for _ in range(2):
        first.step()
    first.save_checkpoint(str(tmp_path))
    payload = first.curriculum.payload()
    second = trainable(*WALKS, NATIVE)
    second.load_checkpoint(str(tmp_path))
    assert second.curriculum.payload() == replace(payload, generation=payload.generation + 1)
    for _ in range(2):
        split = second.step()
    for name in ("curriculum/length", "curriculum/version", "iteration", "env_steps"):
        assert split[name] == record[name], name
    assert {outcome.tag for outcome in second.curriculum.teacher.seen} == {4, 5}


def test_a_restored_run_draws_what_the_checkpoints_payload_says(trainable: Make, tmp_path: Path) -> None:  # noqa: F811
    first = trainable(*WALKS, NATIVE, ANYTHING)
    first.step()
    first.save_checkpoint(str(tmp_path))
    second = trainable(*WALKS, NATIVE, ANYTHING)
    second.load_checkpoint(str(tmp_path))
    payload = second.curriculum.payload()
    second.step()
    for env_index in range(3):
        own = [outcome.task for outcome in second.curriculum.teacher.seen if outcome.env_index == env_index]
        assert own == [payload.draw(env_index, count).task for count in range(len(own))] and len(own) > 1


def test_a_crash_is_one_failure_and_the_tasks_stay_right(trainable: Make) -> None:  # noqa: F811
    from vector_walks import Walks

    run = trainable(*WALKS, *ONLY_VECTOR, "env.config={crash_at: [10]}", NATIVE)
    Walks.stepped = 0
    failures = [run.step()["perf/env_failures"] for _ in range(3)]
    assert sum(failures) == 1
    # An episode that began in the crashed step has one step more than the environment knows.
    assert all(0 <= o.length - o.task["length"] <= 1 for o in run.curriculum.teacher.seen)
    assert sum(o.length != o.task["length"] for o in run.curriculum.teacher.seen) <= 2


@pytest.mark.parametrize(
    ("overrides", "key", "says"),
    [
        (["env.id=CartPole-v1"], "hardware.gym_env_vectorize_mode", r"no method set_task\(task, index\)"),
        (["curriculum.apply=attributes"], "hardware.gym_env_vectorize_mode", "share their attributes"),
        (["curriculum.apply=reset_options"], "hardware.gym_env_vectorize_mode", "without options"),
        (["curriculum.apply=factory"], "hardware.gym_env_vectorize_mode", "not made one by one"),
        (["curriculum.apply=telepathy"], "curriculum.apply", "must be one of"),
        (
            ["env.vector_entry_point=vector_walks.NoIndex"],
            "hardware.gym_env_vectorize_mode",
            "no task and",
        ),
        (
            [*ONLY_VECTOR, "env.config={most: 6}"],
            "curriculum.tasks",
            "at most 6 steps",
        ),
        (
            [*ONLY_VECTOR, "env.id=vector_walks.NoBox", "curriculum.observe_task=true"],
            "curriculum.observe_task",
            "flat Box",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_training(overrides: list[str], key: str, says: str) -> None:
    from rlexp.run.building.prepare import prepare

    walks = [] if "env.id=CartPole-v1" in overrides else WALKS
    with pytest.raises(ConfigError, match=says) as caught:
        prepare(rlexp.compose([*ERRANDS, *SMALL["ppo"], NATIVE, *walks, *overrides]))
    assert caught.value.key == key


def test_auto_does_not_choose_it_with_a_curriculum() -> None:
    from rlexp.run.building.prepare import prepare

    auto = ["hardware=auto", "hardware.num_env_runners=0"]
    plain = [*ERRANDS, *SMALL["ppo"], *WALKS, *ONLY_VECTOR, *auto]
    assert not any("vector_entry_point" in one for one in prepare(rlexp.compose(plain)).chosen)
    without = prepare(rlexp.compose([*plain, "curriculum=none", "curriculum.teacher=null"]))
    assert any("vector_entry_point" in one for one in without.chosen)

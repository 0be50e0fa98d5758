"""Tasks travel to real runners and their outcomes back: by RLlib, on both paths, in every mode, over a restore."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import rlexp

TARGET = 9
TASKS = [
    "env=gym",
    "env.id=envs.testing.Errand",
    "env.tasks={length: {int: [1, 9]}}",
    f"env.target_tasks=[{{length: {TARGET}}}]",
    "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,recording]",
    "tracking=none",
    "callbacks=none",
    "hardware=local",
    "model=mlp",
    "model.fcnet_hiddens=[8]",
    "hardware.num_envs_per_env_runner=3",
    "evaluation.evaluation_interval=1",
    "evaluation.evaluation_duration=2",
]
ERRANDS = [*TASKS, "curriculum.teacher={_target_: recording.Longer}"]
SMALL = {
    "ppo": [
        "algorithm.train_batch_size_per_learner=60",
        "algorithm.minibatch_size=30",
        "algorithm.num_epochs=1",
    ],
    "impala": [
        "algorithm=impala",
        "algorithm.train_batch_size_per_learner=60",
        "algorithm.rollout_fragment_length=10",
    ],
    "dqn": [
        "algorithm=dqn",
        "tuned=none",
        "algorithm.num_steps_sampled_before_learning_starts=20",
        "algorithm.train_batch_size_per_learner=8",
        "reporting.min_sample_timesteps_per_iteration=60",
    ],
}

Make = Callable[..., Any]


@pytest.fixture
def trainable() -> Iterator[Make]:
    """Makes trainables of the errands, or of others, with further overrides, and stops them."""
    from rlexp.run.prepare import prepare
    from rlexp.run.trainable import RunTrainable

    made: list[Any] = []

    def make(*overrides: str, algorithm: str = "ppo", errands: Sequence[str] = ERRANDS) -> Any:
        config = rlexp.compose([*errands, *SMALL[algorithm], *overrides])
        made.append(RunTrainable(config={"prepared": prepare(config)}))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def check_tasks(teacher: Any) -> None:
    """Every episode was as long as its task, and nothing but what the teacher said was asked for."""
    assert all(outcome.length == outcome.task["length"] == outcome.tag for outcome in teacher.seen)
    assert all(outcome.success == 1.0 for outcome in teacher.seen)


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("fast", ["always", "never"])
def test_tasks_arrive_and_outcomes_come_back(fast: str, mode: str, trainable: Make) -> None:
    run = trainable(f"fast={fast}", f"hardware.gym_env_vectorize_mode={mode}")
    for iteration in range(1, 6):
        record = run.step()
        assert record["curriculum/length"] == 2 + iteration
        assert record["curriculum/version"] == iteration
        # An evaluation before the first task was set would show the environment's own, nine too: see below.
        assert record["eval/episode_len_mean"] == TARGET
    teacher = run.curriculum.teacher
    check_tasks(teacher)
    assert {outcome.tag for outcome in teacher.seen} == {2, 3, 4, 5, 6}
    assert {outcome.slot for outcome in teacher.seen} == {0, 1, 2}
    assert record["curriculum/episodes"] == len(teacher.seen)
    # What began under the old directive ends under the new one, and is told as stale.
    assert 0 < record["curriculum/stale"] < 1


@pytest.mark.parametrize("algorithm", ["impala", "dqn"])
def test_other_algorithms(algorithm: str, trainable: Make) -> None:
    run = trainable(algorithm=algorithm)
    lengths = [run.step()["curriculum/length"] for _ in range(6)]
    assert lengths == sorted(lengths) and lengths[-1] >= 4
    check_tasks(run.curriculum.teacher)


def test_evaluation_has_its_targets_whatever_the_environment_would_do(trainable: Make) -> None:
    run = trainable("env.config={length: 4}", "env.target_tasks=[{length: 7},{length: 3}]")
    record = run.step()
    assert (record["eval/episode_len_mean"], record["eval/return_min"]) == (5.0, 3.0)


def test_without_targets_evaluation_has_the_environments_own_task(trainable: Make) -> None:
    run = trainable("env.config={length: 4}", "env.target_tasks=[]")
    run.step()
    assert run.step()["eval/episode_len_mean"] == 4.0


def test_a_restored_run_goes_on_where_it_stood(trainable: Make, tmp_path: Path) -> None:
    run = trainable()
    for _ in range(3):
        run.step()
    run.save_checkpoint(str(tmp_path))
    payload = run.curriculum.payload()
    other = trainable()
    other.load_checkpoint(str(tmp_path))
    assert other.curriculum.payload() == payload
    record = other.step()
    assert record["curriculum/length"] == 6
    assert {outcome.tag for outcome in other.curriculum.teacher.seen} == {5}
    assert other.curriculum.history.entries[:3] == run.curriculum.history.entries
    # A run that has gone further and is set back (population-based training) forgets what came after.
    for _ in range(3):
        run.step()
    run.curriculum.teacher.seen.clear()
    run.load_checkpoint(str(tmp_path))
    assert run.step()["curriculum/length"] == 6


def test_the_same_seed_gives_the_same_tasks(trainable: Make) -> None:
    drawn = []
    for seed in (3, 3, 4):
        run = trainable("curriculum.teacher={_target_: recording.Anything}", f"seed={seed}")
        for _ in range(3):
            run.step()
        drawn.append([outcome.task["length"] for outcome in run.curriculum.teacher.seen])
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) > 5


@pytest.mark.slow
@pytest.mark.parametrize("fast", ["always", "never"])
def test_a_killed_runner_comes_back_with_the_present_task(
    fast: str, trainable: Make, ray_session: None
) -> None:
    import ray

    run = trainable(
        "hardware=laptop",
        "hardware.num_env_runners=2",
        "hardware.num_envs_per_env_runner=2",
        "hardware.delay_between_env_runner_restarts_s=0",
        "hardware.num_cpus_for_main_process=0",
        f"fast={fast}",
    )
    for _ in range(4):
        run.step()
    before = len(run.curriculum.teacher.seen)
    group = run.algorithm.env_runner_group
    ray.kill(group._worker_manager.actors()[1], no_restart=False)
    while run.step()["curriculum/length"] < 8:
        pass
    run.step()
    late = run.curriculum.teacher.seen[before:]
    check_tasks(run.curriculum.teacher)
    assert {outcome.slot for outcome in late} == {0, 1, 2, 3}
    assert min(outcome.tag for outcome in late) >= 4

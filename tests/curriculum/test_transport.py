"""Tasks travel to real runners and their outcomes back: by RLlib, on both paths, in every mode, over a restore."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
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
_REPLAYED = [
    "tuned=none",
    "algorithm.num_steps_sampled_before_learning_starts=20",
    "algorithm.train_batch_size_per_learner=8",
    "reporting.min_sample_timesteps_per_iteration=60",
]
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
    "appo": [
        "algorithm=appo",
        "algorithm.train_batch_size_per_learner=60",
        "algorithm.rollout_fragment_length=10",
    ],
    "dqn": ["algorithm=dqn", *_REPLAYED],
    "sac": ["algorithm=sac", *_REPLAYED],
}
REMOTE = [
    "hardware=laptop",
    "hardware.num_env_runners=1",
    "hardware.delay_between_env_runner_restarts_s=0",
    "hardware.num_cpus_for_main_process=0",
]

Make = Callable[..., Any]


@pytest.fixture
def trainable() -> Iterator[Make]:
    """Makes trainables of the errands, or of others, with further overrides, and stops them."""
    from rlexp.run.building.prepare import prepare
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
    assert {outcome.env_index for outcome in teacher.seen} == {0, 1, 2}
    assert record["curriculum/episodes"] == len(teacher.seen)
    # What began under the old directive ends under the new one, and is told as stale.
    assert 0 < record["curriculum/stale"] < 1


@pytest.mark.parametrize("algorithm", ["impala", "appo", "dqn", pytest.param("sac", marks=pytest.mark.slow)])
def test_other_algorithms(algorithm: str, trainable: Make) -> None:
    check_promotions(trainable(algorithm=algorithm), least=4)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["impala", "dqn"])
def test_other_algorithms_with_a_runner_elsewhere(algorithm: str, trainable: Make, ray_session: None) -> None:
    """Samples of several directives are on their way at once here."""
    check_promotions(trainable(*REMOTE, algorithm=algorithm), least=4)


@pytest.mark.slow
def test_a_promotion_reaches_a_runner_before_it_samples_again(trainable: Make, ray_session: None) -> None:
    run = trainable(*REMOTE)
    for iteration in range(1, 6):
        record = run.step()
        assert record["curriculum/version"] == iteration
        assert record["curriculum/stale"] < 1


def check_promotions(run: Any, least: int, iterations: int = 60) -> None:
    """Trains until the errands are `least` long: each promotion is for an episode of its own, none for a stale one."""
    teacher, length, version = run.curriculum.teacher, 2, 0
    for _ in range(iterations):
        before = len(teacher.seen)
        record = run.step()
        fresh = teacher.seen[before:]
        risen = any(outcome.tag == length for outcome in fresh)
        if fresh:
            stale = sum(outcome.version < version for outcome in fresh) / len(fresh)
            assert record["curriculum/stale"] == stale
            assert all(outcome.version == outcome.tag - 2 <= version for outcome in fresh)
        length, version = length + risen, version + risen
        assert (record["curriculum/length"], record["curriculum/version"]) == (length, version)
        if length >= least:
            break
    assert length >= least
    assert record["curriculum/episodes"] == len(teacher.seen)
    assert {outcome.env_index for outcome in teacher.seen} == {0, 1, 2}
    check_tasks(teacher)


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
    assert other.curriculum.payload() == replace(payload, generation=1)
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
    assert {outcome.tag for outcome in run.curriculum.teacher.seen} == {5}


def test_episodes_that_were_running_when_another_trials_state_came_do_not_count(
    trainable: Make, tmp_path: Path
) -> None:
    """As in population-based training. Both trials are at the same version, so that it does not tell them apart."""
    anything = "curriculum.teacher={_target_: recording.Anything}"
    donor, run = trainable(anything, "seed=3"), trainable(anything, "seed=4")
    for one in (donor, run):
        one.step()
    donor.save_checkpoint(str(tmp_path))
    run.load_checkpoint(str(tmp_path))
    run.curriculum.teacher.seen.clear()
    payload = run.curriculum.payload()
    record = run.step()
    seen = run.curriculum.teacher.seen
    for env_index in range(3):
        tasks = [outcome.task for outcome in seen if outcome.env_index == env_index]
        assert tasks == [payload.draw(env_index, n).task for n in range(len(tasks))] != []
    assert record["curriculum/episodes"] == payload.base + len(seen)


@pytest.mark.slow
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
@pytest.mark.parametrize("remote", [False, True])
def test_two_trials_at_once_share_nothing(
    remote: bool, trainable: Make, request: pytest.FixtureRequest
) -> None:
    """In one process, and their runners in one Ray: each teaches as it does alone."""
    if remote:
        request.getfixturevalue("ray_session")
    places = REMOTE if remote else []
    teachers = ["{_target_: recording.Anything}", "{_target_: recording.Longer, most: 4}"]
    overrides = [
        [f"curriculum.teacher={teacher}", f"seed={n}", *places] for n, teacher in enumerate(teachers)
    ]

    def taught(runs: list[Any]) -> list[list[Any]]:
        for _ in range(3):
            for run in runs:
                run.step()
        return [[(o.env_index, o.version, o.task) for o in run.curriculum.teacher.seen] for run in runs]

    together = taught([trainable(*own) for own in overrides])
    alone = [taught([trainable(*own)])[0] for own in overrides]
    assert together == alone
    assert together[0] != together[1]


@pytest.mark.slow
@pytest.mark.parametrize("fast", ["always", "never"])
def test_a_killed_runner_comes_back_with_the_present_task(
    fast: str, trainable: Make, ray_session: None
) -> None:
    import ray

    run = trainable(
        *REMOTE, "hardware.num_env_runners=2", "hardware.num_envs_per_env_runner=2", f"fast={fast}"
    )
    for _ in range(4):
        run.step()
    before = len(run.curriculum.teacher.seen)
    group = run.algorithm.env_runner_group
    ray.kill(group._worker_manager.actors()[1], no_restart=False)
    # A process takes seconds to start, iterations of the runner that lives do not wait for it.
    length, envs, until = 0.0, set[int](), time.monotonic() + 120
    while (length < 8 or envs != {0, 1, 2, 3}) and time.monotonic() < until:
        length = run.step()["curriculum/length"]
        envs = {outcome.env_index for outcome in run.curriculum.teacher.seen[before:]}
    late = run.curriculum.teacher.seen[before:]
    check_tasks(run.curriculum.teacher)
    assert envs == {0, 1, 2, 3}
    assert min(outcome.tag for outcome in late) >= 4


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("fast", ["always", "never"])
def test_the_policy_sees_the_number_of_its_episodes_task(fast: str, mode: str, trainable: Make) -> None:
    run = trainable(
        "curriculum.teacher={_target_: recording.Anything}",
        "curriculum.observe_task=true",
        f"fast={fast}",
        f"hardware.gym_env_vectorize_mode={mode}",
    )
    runner, sampled = run.algorithm.env_runner, []
    sample = runner.sample
    runner.sample = lambda **kwargs: (sampled.extend(found := sample(**kwargs)), found)[1]
    for _ in range(2):
        run.step()
    rows = np.concatenate([observations_in(one) for one in sampled])
    assert rows.shape[1] == 3
    # The errand shows its length as a tenth; the task's number is its place among 1 to 9.
    np.testing.assert_allclose(rows[:, 2], (10 * rows[:, 0] - 1) / 8, atol=1e-6)
    assert len(np.unique(rows[:, 2])) >= 5
    assert runner.module.observation_space.shape == (3,)
    check_lengths(run.curriculum.teacher)


def observations_in(sample: Any) -> Any:
    """[N, ...] what the module saw: in RLlib's episode, or in the fast runner's rollout."""
    if hasattr(sample, "get_observations"):
        return np.asarray(sample.get_observations())
    return sample.observations.reshape(-1, sample.observations.shape[-1])


def check_lengths(teacher: Any) -> None:
    """Every episode was as long as its task."""
    assert teacher.seen
    assert all(outcome.length == outcome.task["length"] for outcome in teacher.seen)

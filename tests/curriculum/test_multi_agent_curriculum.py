"""Tasks for environments with several agents: one for all agents of an episode, one outcome back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import records, train_tiny

import rlexp
from envs.meeting import Meeting
from rlexp.base.errors import ConfigError
from rlexp.base.headline_metrics import METRICS
from rlexp.environment.guards.multi_agent_guard import MultiAgentGuard
from rlexp.environment.info_keys import OUTCOME
from rlexp.environment.tasks.apply_task import task_applier
from rlexp.environment.tasks.directive import Everywhere
from rlexp.environment.tasks.multi_agent_task_env import MultiAgentTaskEnv
from rlexp.environment.tasks.payload import Payload
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of({"distance": {"int": [1, 8]}})
BOTH = {"left": 1, "right": 1}
TARGETS = [3, 8]
TRAINING = 6
"""Tasks of training are up to this distance; the second target is none of them."""
MEETING = [
    "env=gym",
    "env.id=envs.meeting.Meeting",
    f"env.tasks={{distance: {{int: [1, {TARGETS[1]}]}}}}",
    f"env.target_tasks=[{{distance: {TARGETS[0]}}},{{distance: {TARGETS[1]}}}]",
    "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,seen_outcomes]",
    "curriculum.teacher={_target_: seen_outcomes.Remembering}",
    "tracking=none",
    "callbacks=none",
    "hardware=local",
    "hardware.num_envs_per_env_runner=3",
    "model=mlp",
    "model.fcnet_hiddens=[8]",
    "evaluation.evaluation_interval=1",
    "evaluation.evaluation_duration=4",
]
SMALL = {
    "ppo": [
        "algorithm.train_batch_size_per_learner=60",
        "algorithm.minibatch_size=60",
        "algorithm.num_epochs=1",
    ],
    "impala": [
        "algorithm=impala",
        "algorithm.train_batch_size_per_learner=60",
        "algorithm.rollout_fragment_length=10",
        # Else iterations without a step follow each other while the processes of others start.
        "reporting.min_sample_timesteps_per_iteration=60",
    ],
}
REMOTE = [
    "hardware=laptop",
    "hardware.num_env_runners=2",
    "hardware.num_envs_per_env_runner=2",
    "hardware.delay_between_env_runner_restarts_s=0",
    "hardware.num_cpus_for_main_process=0",
]
Make = Callable[..., Any]


@pytest.fixture
def trainable() -> Iterator[Make]:
    """Makes trainables of the meetings with further overrides, and stops them."""
    from rlexp.run.building.prepare import prepare
    from rlexp.run.trainable import RunTrainable

    made: list[Any] = []

    def make(*overrides: str) -> Any:
        small = [] if any(text.startswith("algorithm=") for text in overrides) else SMALL["ppo"]
        config = rlexp.compose([*MEETING, *small, *overrides])
        made.append(RunTrainable(config={"prepared": prepare(config)}))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def made(way: str = "set_task", observed: bool = False, measure: str = "success") -> MultiAgentTaskEnv:
    guard = MultiAgentGuard(Meeting, "meeting")
    apply = task_applier(way, SPACE, lambda task: Meeting(**task))
    env = MultiAgentTaskEnv(guard, apply, measure, SPACE if observed else None)
    env.set_curriculum(Payload(Everywhere(SPACE), 5, 0, 7))
    return env


def check_outcomes(outcomes: list[Any]) -> None:
    """Each is of the episode that was asked for: meeting takes half the distance at least, and 0.2 a step."""
    for outcome in outcomes:
        distance = outcome.task["distance"]
        assert distance <= TRAINING and outcome.length >= (distance + 1) // 2
        assert outcome.episode_return == pytest.approx(outcome.success - 0.2 * outcome.length)
        assert outcome.score == outcome.success


@pytest.mark.parametrize("way", ["set_task", "attributes", "reset_options", "factory"])
def test_every_way_brings_each_episodes_task_to_the_environment(way: str) -> None:
    env, seen = made(way), set()
    for _ in range(6):
        observations, _ = env.reset()
        distance = env.task["distance"]
        assert {agent: round(float(seen[0]), 5) for agent, seen in observations.items()} == {
            "left": distance / 10,
            "right": distance / 10,
        }
        while OUTCOME not in env.last_info:
            env.step(BOTH)
        outcome = env.last_info[OUTCOME]
        assert (outcome.task, outcome.version, outcome.length) == (env.task, 5, (distance + 1) // 2)
        assert outcome.episode_return == pytest.approx(1 - 0.2 * outcome.length)
        assert outcome.success == outcome.score == 1.0
        seen.add(distance)
    assert len(seen) > 2


def test_an_episode_that_the_environment_failed_in_has_no_outcome() -> None:
    env = made()
    env.reset()
    env.env.env.step = lambda actions: 1 / 0
    _, _, _, truncateds, _ = env.step(BOTH)
    assert truncateds["__all__"] and OUTCOME not in env.last_info


def test_every_agent_is_shown_the_task() -> None:
    env = made(observed=True)
    observations, _ = env.reset()
    numbers = SPACE.encode(env.task)
    for agent, observation in observations.items():
        assert env.get_observation_space(agent).contains(observation)
        assert observation[1:] == pytest.approx(numbers)


def test_tasks_arrive_and_outcomes_come_back(trainable: Make) -> None:
    run = trainable()
    for iteration in range(1, 4):
        record = run.step()
        assert record["curriculum/version"] == iteration
        # What evaluation saw are the targets alone, each as often, and never a task of training.
        found = {name for name in record if name.startswith("eval/success/")}
        assert found == {f"eval/success/distance={distance}" for distance in TARGETS}
    teacher = run.curriculum.teacher
    check_outcomes(teacher.seen)
    assert {outcome.env_index for outcome in teacher.seen} == {0, 1, 2}
    assert {outcome.tag for outcome in teacher.seen} == {0, 1, 2}
    assert len({outcome.task["distance"] for outcome in teacher.seen}) == TRAINING
    # One outcome for each episode, and each told once.
    assert record["curriculum/episodes"] == len(teacher.seen)


def test_without_targets_evaluation_has_the_environments_own_task(trainable: Make) -> None:
    run = trainable("env.target_tasks=[]", "env.config={distance: 9}")
    record = run.step()
    assert record["eval/episode_len_mean"] >= 5


def test_a_split_run_goes_on_with_the_same_teacher(trainable: Make, tmp_path: Path) -> None:
    first = trainable()
    for _ in range(2):
        first.step()
    first.save_checkpoint(str(tmp_path))
    drawn = [first.curriculum.payload().draw(env_index, 0) for env_index in range(9)]
    second = trainable()
    second.load_checkpoint(str(tmp_path))
    assert [second.curriculum.payload().draw(env_index, 0) for env_index in range(9)] == drawn
    record = second.step()
    assert record["curriculum/version"] == 3 and record["iteration"] == 3
    late = second.curriculum.teacher.seen
    check_outcomes(late)
    assert {outcome.tag for outcome in late} == {2}


def test_the_policy_learns_with_the_tasks_numbers(trainable: Make) -> None:
    run = trainable("curriculum.observe_task=true", "evaluation=none")
    run.step()
    space = run.algorithm.env_runner.module["default_policy"].observation_space
    assert space.shape == (2,)
    check_outcomes(run.curriculum.teacher.seen)


def test_a_whole_run_in_stages(tmp_path: Path) -> None:
    near = "{name: near, task: {distance: 1}, promote: {threshold: 0.5, window: 5, min_episodes: 5}}"
    stages = f"[{near}, {{name: far, task: {{distance: 8}}, promote: null}}]"
    teacher = f"curriculum.teacher={{_target_: rlexp.curriculum.teachers.stages.Stages, stages: {stages}}}"
    outcome = train_tiny([*MEETING[:4], teacher, "stop.iterations=3"], tmp_path)
    last = records(outcome.folder)[-1]
    assert last["curriculum/stage"] == 1
    assert {metric.name for metric in METRICS if metric.needs & {"curriculum", "teacher"}} <= set(last)
    assert (outcome.folder / "curriculum.json").is_file()


def test_observations_that_can_show_no_task_are_refused() -> None:
    from rlexp.run.building.prepare import prepare

    overrides = ["env.id=seen_outcomes.Whole", "curriculum.observe_task=true"]
    with pytest.raises(ConfigError, match="observe_task needs a flat Box"):
        prepare(rlexp.compose([*MEETING, *overrides]))


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (
            ["env.apply_task=attributes", "env.tasks={speed: {int: [1, 2]}}", "env.target_tasks=[]"],
            "no attribute speed",
        ),
        (
            ["env.apply_task=factory", "env.tasks={speed: {int: [1, 2]}}", "env.target_tasks=[]"],
            "no such argument",
        ),
        (["env.tasks={distance: {int: [1, 30]}}", "env.target_tasks=[{distance: 30}]"], "reset for 'left'"),
    ],
)
def test_tasks_that_cannot_be_are_refused_before_training(overrides: list[str], says: str) -> None:
    from rlexp.run.building.prepare import prepare

    with pytest.raises(ConfigError, match=says):
        prepare(rlexp.compose([*MEETING, *overrides]))


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["ppo", "impala"])
def test_the_same_on_two_remote_runners(algorithm: str, trainable: Make, ray_session: None) -> None:
    import ray

    run = trainable(*SMALL[algorithm], *REMOTE)
    seen = run.curriculum.teacher.seen
    while {outcome.env_index for outcome in seen} < {0, 1, 2, 3}:
        record = run.step()
    check_outcomes(seen)
    assert record["curriculum/episodes"] == len(seen)
    ray.kill(run.algorithm.env_runner_group._worker_manager.actors()[1], no_restart=False)
    before, version = len(seen), run.curriculum.version
    while {outcome.env_index for outcome in seen[before:] if outcome.version > version} < {0, 1, 2, 3}:
        run.step()
    check_outcomes(seen)

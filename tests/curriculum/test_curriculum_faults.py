"""Faults with a curriculum running: the task that an episode was drawn for stays its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_transport import ERRANDS, REMOTE, SMALL, Make, check_tasks, trainable  # noqa: F401

import rlexp
from rlexp.base.errors import CheckpointError, ConfigError
from rlexp.engine.curriculum_connector import curriculum_piece

STAGES = "rlexp.curriculum.teachers.stages.Stages"
SCHEDULE = (
    "{_target_: rlexp.curriculum.teachers.schedule.Schedule,"
    " parameters: {length: {from: 1, to: 9, steps: 400}}}"
)
FACTORY = ["curriculum.apply=factory", "env.tasks={width: {int: [1, 3]}}", "env.target_tasks=[]"]


def test_7_a_crashed_environments_process_comes_back_with_the_present_task(trainable: Make) -> None:  # noqa: F811
    import os
    import signal

    run = trainable("hardware.gym_env_vectorize_mode=async")
    for _ in range(3):
        run.step()
    vector = run.algorithm.env_runner.env.unwrapped
    os.kill(vector.processes[1].pid, signal.SIGSEGV)
    before = len(run.curriculum.teacher.seen)
    record = run.step()
    assert record["perf/env_failures"] == 1
    late = run.curriculum.teacher.seen[before:]
    check_tasks(run.curriculum.teacher)
    assert min(outcome.tag for outcome in late) >= 4 and {outcome.env_index for outcome in late} == {0, 1, 2}


@pytest.mark.slow
@pytest.mark.parametrize("fast", ["always", "never"])
def test_8_a_runner_made_anew_has_the_payload_and_the_filter(
    fast: str,
    trainable: Make,  # noqa: F811
    ray_session: None,
) -> None:
    """Both ride in connectors, side by side."""
    import ray

    run = trainable(*REMOTE, "env.observation_filter=MeanStdFilter", f"fast={fast}")
    for _ in range(4):
        run.step()
    ((_, before, _),) = run.algorithm.env_runner_group.foreach_env_runner(held, local_env_runner=False)
    ray.kill(run.algorithm.env_runner_group._worker_manager.actors()[1], no_restart=False)
    seen = len(run.curriculum.teacher.seen)
    while len(run.curriculum.teacher.seen) == seen:
        payload = run.curriculum.payload()
        run.step()
    ((new, count, mean),) = run.algorithm.env_runner_group.foreach_env_runner(held, local_env_runner=False)
    # It has sampled with the payload of before; a later one reaches it at once.
    assert new == run.curriculum.payload() and new.version == payload.version + 1 >= 3
    assert count > before >= 180
    # Lengths of two to nine, so that a filter that had forgotten the first ones would have another mean.
    lengths = [outcome.length for outcome in run.curriculum.teacher.seen]
    assert mean[0] == pytest.approx(sum(n * n for n in lengths) / sum(lengths) / 10, abs=0.05)
    check_tasks(run.curriculum.teacher)
    assert min(o.tag for o in run.curriculum.teacher.seen[seen:]) == payload.version + 2


def held(runner: Any) -> tuple[Any, int, Any]:
    """A runner's payload, and how many observations its filter has seen, with their mean."""
    from rlexp.models.observation_filter import ObservationFilter

    pieces = runner._env_to_module.connectors
    moments = next(piece for piece in pieces if isinstance(piece, ObservationFilter))._all
    return curriculum_piece(runner._env_to_module).payload, moments.n, moments.mean


@pytest.mark.parametrize(
    "teacher", [pytest.param("{_target_: recording.Longer}", marks=pytest.mark.slow), SCHEDULE]
)
def test_24_a_split_run_teaches_as_an_unsplit_one(
    teacher: str,
    trainable: Make,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Counters, versions and schedules go on exactly; drawn tasks are a function of them."""
    of_teacher = f"curriculum.teacher={teacher}"
    whole, first = trainable(of_teacher), trainable(of_teacher)
    for _ in range(5):
        record = whole.step()
    for _ in range(2):
        first.step()
    first.save_checkpoint(str(tmp_path))
    second = trainable(of_teacher)
    second.load_checkpoint(str(tmp_path))
    for _ in range(3):
        split = second.step()
    told = [*whole.curriculum.teacher.metrics(), "version", "level"]
    assert len(told) >= 3
    for name in (*(f"curriculum/{own}" for own in told), "iteration", "env_steps"):
        assert split[name] == record[name], name


def test_39_another_teacher_or_other_stages_on_restore_are_refused(trainable: Make, tmp_path: Path) -> None:  # noqa: F811
    def staged(name: str) -> Any:
        stages = f"[{{name: {name}, task: {{length: 1}}}}]"
        return trainable(f"curriculum.teacher={{_target_: {STAGES}, stages: {stages}}}")

    run = staged("a")
    run.step()
    run.save_checkpoint(str(tmp_path))
    other = staged("b")
    with pytest.raises(CheckpointError, match="a"):
        other.load_checkpoint(str(tmp_path))
    wrong = trainable()
    with pytest.raises(CheckpointError, match="Stages, this run Longer"):
        wrong.load_checkpoint(str(tmp_path))
    narrower = trainable(
        "env.tasks={length: {int: [1, 8]}}",
        "env.target_tasks=[]",
        f"curriculum.teacher={{_target_: {STAGES}, stages: [{{name: a, task: {{length: 1}}}}]}}",
    )
    with pytest.raises(CheckpointError, match=r"tasks differ.*1 to 9.*1 to 8"):
        narrower.load_checkpoint(str(tmp_path))


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["env.id=CartPole-v1"], "can take no tasks in this way: it has no set_task method"),
        (["env.tasks={length: {int: [1, 30]}}", "env.target_tasks=[{length: 30}]"], "obs"),
        (FACTORY, "takes no such argument; it takes length"),
        (["curriculum.observe_task=true", "env.id=FrozenLake-v1", "curriculum.apply=factory"], "flat Box"),
    ],
)
def test_what_cannot_be_is_refused_before_training(overrides: list[str], says: str) -> None:
    from rlexp.run.building.prepare import prepare

    with pytest.raises(ConfigError, match=says):
        prepare(rlexp.compose([*ERRANDS, *SMALL["ppo"], *overrides]))

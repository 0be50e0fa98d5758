"""A curriculum under Ray Tune: a trial's process that dies, a sweep that is restored, and a clone of PBT's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import ray
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining
from trials import Dying

import rlexp
from rlexp.config.convert import to_plain

ERRAND = [
    "env=gym",
    "env.id=envs.testing.Errand",
    "env.tasks={length: {int: [1, 9]}}",
    "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,recording]",
    "tracking=none",
    "callbacks=none",
    "evaluation=none",
    "hardware=local",
    "model=mlp",
    "model.fcnet_hiddens=[8]",
    "hardware.num_envs_per_env_runner=3",
    "algorithm.train_batch_size_per_learner=60",
    "algorithm.minibatch_size=30",
    "algorithm.num_epochs=1",
]

pytestmark = pytest.mark.slow


def plain(most: int = 9) -> dict[str, Any]:
    teacher = f"curriculum.teacher={{_target_: recording.Longer, most: {most}}}"
    return to_plain(rlexp.compose([*ERRAND, teacher]))


def keeping(folder: Path, name: str, **settings: Any) -> tune.RunConfig:
    return tune.RunConfig(
        name=name,
        storage_path=str(folder),
        verbose=0,
        checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=1),
        **settings,
    )


def lengths(results: tune.ResultGrid) -> list[list[tuple[int, int, int]]]:
    """Each trial's iterations, with the length that its teacher asks for and the directive's version."""
    columns = ["training_iteration", "curriculum/length", "curriculum/version"]
    frames = [result.metrics_dataframe for result in results]
    assert not results.errors and all(frame is not None for frame in frames)
    return [[tuple(map(int, row)) for row in frame[columns].to_numpy()] for frame in frames]


@pytest.mark.landing
def test_a_trial_whose_process_died_goes_on_with_its_teacher(ray_session: None, tmp_path: Path) -> None:
    tuner = tune.Tuner(
        Dying,
        param_space={"run": plain(), "dies_at": 4, "marker": str(tmp_path / "died")},
        run_config=keeping(
            tmp_path,
            "dying",
            stop={"training_iteration": 6},
            failure_config=tune.FailureConfig(max_failures=1),
        ),
    )
    (told,) = lengths(tuner.fit())
    assert (tmp_path / "died").exists()
    assert told == [(n, 2 + n, n) for n in range(1, 7)]


def test_a_restored_sweep_goes_on_with_its_teachers(ray_session: None, tmp_path: Path) -> None:
    space = {"run": plain(), "dies_at": 4, "marker": str(tmp_path / "died")}
    first = tune.Tuner(
        Dying, param_space=space, run_config=keeping(tmp_path, "sweep", stop={"training_iteration": 6})
    ).fit()
    assert first.errors, "the process died, and no failure is allowed"
    again = tune.Tuner.restore(str(tmp_path / "sweep"), Dying, resume_errored=True, param_space=space)
    (told,) = lengths(again.fit())
    assert told[-1] == (6, 8, 6)
    assert [row for row in told if row[0] > 3] == [(4, 6, 4), (5, 7, 5), (6, 8, 6)]


@pytest.mark.landing
def test_a_clone_takes_over_the_teacher_of_the_better_trial(ray_session: None, tmp_path: Path) -> None:
    """The slow trial's teacher stays at three; once it has cloned the other trial it goes on from that one's length.

    One clone only: after it both trials are equally good, and PBT would clone either of them.
    """
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration",
        metric="curriculum/length",
        mode="max",
        perturbation_interval=4,
        quantile_fraction=0.5,
        synch=True,
        hyperparam_mutations={"explored": [0, 1]},
    )
    results = tune.Tuner(
        Dying,
        param_space={"run": tune.grid_search([plain(3), plain(9)]), "explored": 0},
        tune_config=tune.TuneConfig(scheduler=scheduler),
        run_config=keeping(tmp_path, "pbt", stop={"training_iteration": 6}),
    ).fit()
    slow, quick = lengths(results)
    assert quick == [(n, 2 + n, n) for n in range(1, 7)]
    assert slow[:4] == [(n, 3, 1) for n in range(1, 5)]
    assert slow[4:] == quick[4:], "the very same stage, version and all that follows"
    assert ray.is_initialized()

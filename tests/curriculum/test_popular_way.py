"""What the popular way of bringing tasks to environments gets wrong, and the project's own does not.

Each scenario knows nothing of the way that it is given. It is right with the project's own transport and wrong with
`on_train_result` and `foreach_env_runner`: a scenario that both passed would prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_transport import REMOTE, TARGET, Make, trainable  # noqa: F401

STAGES = "rlexp.curriculum.teachers.stages.Stages"
TRUSTED = "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,popular_transport]"

Train = Callable[..., Any]
"""Makes a run of stages: lengths of the errands, mean return from which on a stage is left, further overrides."""


def ours(make: Make) -> Train:
    def train(lengths: list[int], threshold: float, *overrides: str) -> Any:
        stages = ", ".join(f"{{name: s{n}, task: {{length: {n}}}}}" for n in lengths)
        promote = f"{{measure: return, threshold: {threshold}, min_episodes: 1}}"
        teacher = f"curriculum.teacher={{_target_: {STAGES}, stages: [{stages}], promote: {promote}}}"
        return make(teacher, f"env.config={{length: {lengths[0]}}}", *overrides)

    return train


def popular(make: Make) -> Train:
    def train(lengths: list[int], threshold: float, *overrides: str) -> Any:
        arguments = f"lengths: {lengths}, threshold: {threshold}".replace(" ", "")
        callback = f"+callbacks.popular={{_target_: popular_transport.Popular, {arguments}}}"
        config = f"env.config={{length: {lengths[0]}}}"
        return make("curriculum.teacher=null", TRUSTED, callback, config, *overrides)

    return train


def a_killed_runner(train: Train, folder: Path) -> float:
    """Mean length of the errands of a runner that was started anew in the last stage."""
    import ray

    run = train([2, 5], 1, *REMOTE)
    while run.step()["train/episode_len_mean"] != 5:
        pass
    ray.kill(run.algorithm.env_runner_group._worker_manager.actors()[1], no_restart=False)
    while not run.step()["perf/runner_restarts"]:
        pass
    return run.step()["train/episode_len_mean"]


def a_restore(train: Train, folder: Path) -> float:
    """Mean length of the errands after the restore of a run that was in its last stage."""
    run = train([2, 5], 1)
    while run.step()["train/episode_len_mean"] != 5:
        pass
    run.save_checkpoint(str(folder))
    other = train([2, 5], 1)
    other.load_checkpoint(str(folder))
    return other.step()["train/episode_len_mean"]


def an_evaluation(train: Train, folder: Path) -> float:
    """Mean length of the errands of evaluation, which should be on the target."""
    run = train([2, 5], 1)
    for _ in range(2):
        run.step()
    return run.step()["eval/episode_len_mean"]


def episodes_from_before_a_promotion(train: Train, folder: Path) -> float:
    """Length of the errands that training ends with: those of 8 never reach the threshold, so 7 is never earned.

    An iteration has four steps of each environment, so that errands of the first stage end after its promotion.
    """
    sizes = ["algorithm.train_batch_size_per_learner=12", "algorithm.minibatch_size=6"]
    run = train([9, 8, 7], 8.5, *sizes)
    for _ in range(10):
        run.step()
    return [length for _ in range(3) if (length := run.step().get("train/episode_len_mean"))][-1]


@pytest.mark.parametrize(
    ("scenario", "right", "wrong"),
    [
        pytest.param(a_killed_runner, 5, 2, marks=pytest.mark.slow),
        pytest.param(a_restore, 5, 2, marks=pytest.mark.slow),
        (an_evaluation, TARGET, 2),
        (episodes_from_before_a_promotion, 8, 7),
    ],
)
def test_ours_is_right_where_the_popular_way_is_wrong(
    scenario: Callable[[Train, Path], float],
    right: float,
    wrong: float,
    trainable: Make,  # noqa: F811
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    if scenario is a_killed_runner:
        request.getfixturevalue("ray_session")
    assert scenario(ours(trainable), tmp_path / "ours") == right
    assert scenario(popular(trainable), tmp_path / "popular") == wrong

"""A metric that a teacher or the measure reads, and nothing logs, is told before training."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import train_tiny
from test_transport import ERRANDS, SMALL, Make, trainable  # noqa: F401

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.run.building.prepare import check_callables

STAGES = "rlexp.curriculum.teachers.stages.Stages"


def staged(when: str, *overrides: str) -> list[str]:
    quoted = when.replace('"', '\\"')
    stages = (
        f'[{{name: a, task: {{length: 2}}, promote: {{when: "{quoted}"}}}}, {{name: b, task: {{length: 5}}}}]'
    )
    teacher = f"curriculum.teacher={{_target_: {STAGES}, stages: {stages}}}"
    return [*ERRANDS, *SMALL["ppo"], teacher, *overrides]


def check(*overrides: str) -> None:
    check_callables(rlexp.compose(list(overrides)))


BAD = [
    ("custom/levl_mean>=3", ["callbacks=episode_stats"], "did you mean: custom/"),
    ("train/return_meen>=3", [], "train/return_mean"),
    ("eval/return_mean>=3", ["evaluation.evaluation_interval=null"], "evaluation is off"),
    ("custom/episode_length_mean>=3", ["callbacks=episode_stats"], "custom/episode_len_mean"),
    ("train/success_rate>=0.5", [], "nothing in this run logs"),
    ("curriculum/stage>=1", [], "says it itself"),
    ("curriculum/score_men>=1", [], "curriculum/score_mean"),
    ('"curriculum/success/length=22">=0.5', [], "no such task"),
]


@pytest.mark.parametrize(("when", "overrides", "says"), BAD)
def test_a_threshold_on_a_metric_that_nothing_logs(when: str, overrides: list[str], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(*staged(when, *overrides))
    assert says in str(caught.value) and caught.value.key == "curriculum.teacher"


@pytest.mark.parametrize(
    ("when", "overrides"),
    [
        ("custom/episode_len_mean>=3", ["callbacks=episode_stats"]),
        ("train/success_rate>=0.5", ["callbacks=episode_stats"]),
        ("custom/tries_mean>=0.5", ["+metrics.tries={info: tries}"]),
        ("eval/return_mean>=3 & learner/entropy<0.5", []),
        ('"eval/success/length=3">=0.5', ["env.target_tasks=[{length: 7},{length: 3}]"]),
        ('"curriculum/success/length=2">=0.5', []),
    ],
)
def test_a_threshold_on_a_metric_that_is_logged_passes(when: str, overrides: list[str]) -> None:
    check(*staged(when, *overrides))


def test_a_measure_that_nothing_logs() -> None:
    with pytest.raises(ConfigError, match="train/return_mean") as caught:
        check(*ERRANDS, "curriculum.measure=train/return_meen")
    assert caught.value.key == "curriculum.measure"
    check(*ERRANDS, "curriculum.measure=train/return_mean")


def test_tracks_read_what_their_teachers_read() -> None:
    stages = "[{name: a, task: 2, promote: 'custom/levl_mean>=3'}, {name: b, task: 5}]"
    tracks = f"{{length: {{_target_: {STAGES}, stages: {stages}}}}}"
    teacher = f"{{_target_: rlexp.curriculum.teachers.tracks.Tracks, tracks: {tracks}}}"
    with pytest.raises(ConfigError, match="custom/levl_mean"):
        check(*ERRANDS, f"curriculum.teacher={teacher}")


@pytest.mark.parametrize("name", ["curriculum/version", "curriculum/length", "curriculum/thrashing"])
def test_a_run_may_stop_by_what_its_curriculum_tells(name: str) -> None:
    check(*ERRANDS, f"stop.metric={{{name}: 3}}")
    with pytest.raises(ConfigError, match="nothing in this run logs"):
        check(*ERRANDS, f"stop.metric={{{name}: 3}}", "curriculum.teacher=null")


def test_what_an_iterations_episodes_say_is_there_when_the_teacher_reads(trainable: Make) -> None:  # noqa: F811
    overrides = staged('"curriculum/success/length=2">=0.5 & episodes>=5')
    run = trainable(*overrides[len(ERRANDS) + len(SMALL["ppo"]) :])
    assert [run.step()["curriculum/stage"] for _ in range(2)][-1] == 1


def test_what_no_one_could_know_beforehand_ends_the_run_at_the_first_report_without_it(
    tmp_path: Path,
) -> None:
    with pytest.raises(
        AssertionError, match="curriculum.teacher: the metric learner/red/entropy is not among"
    ):
        train_tiny(staged("learner/red/entropy>=0.5"), tmp_path)

"""Which metrics a curriculum reads and which it logs, known before a run, so that a wrong name is refused at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlexp.base.errors import ConfigError
from rlexp.base.headline_metrics import CURRICULUM, METRICS
from rlexp.base.suggest import nearest
from rlexp.environment.tasks.episode_measure import KEY as MEASURE
from rlexp.environment.tasks.episode_measure import is_metric
from rlexp.environment.tasks.task import task_key

if TYPE_CHECKING:
    from rlexp.config.schema import CurriculumChoice
    from rlexp.curriculum.teacher import Teacher
    from rlexp.environment.tasks.space import TaskSpace
    from rlexp.metrics.known_metrics import KnownMetrics

TEACHER_METRICS = tuple(metric.name for metric in METRICS if "teacher" in metric.needs)
"""Metrics of the curriculum that are computed after the teacher's update, beside its own; too late for it to read."""
BY_TASK = (f"{CURRICULUM}share/", f"{CURRICULUM}success/")
"""Before the name of a task: its share of the episodes, and the success on it."""
MOST_LISTED = 10_000
"""Up to so many tasks their names are checked."""


def check_reads(choice: CurriculumChoice, teacher: Teacher, space: TaskSpace, known: KnownMetrics) -> None:
    """Checks that something logs each metric that the teacher or the measure reads.

    Args:
        choice: the curriculum.
        teacher: made from it.
        space: its tasks.
        known: what the run logs before the teacher is asked.

    Raises:
        ConfigError: nothing in the run logs one of them; says the nearest names.
    """
    for name, key in reads(teacher, choice.measure).items():
        if name.startswith(BY_TASK):
            _check_task(name, key, space)
        elif (
            name.startswith(CURRICULUM) and name not in known.names and name in teacher_metric_names(teacher)
        ):
            raise ConfigError(
                f"{key}: {name} is not known yet when the teacher reads metrics: it says it itself",
                key=key,
                suggestions=[f"{CURRICULUM}score_mean"],
            )
        else:
            known.check(name, key)


def reads(teacher: Teacher, measure: str) -> dict[str, str]:
    """The metrics that the teacher and the measure read, by full name, each with the key of the setting."""
    of_teacher = teacher.reads() if hasattr(teacher, "reads") else []
    of_measure = {measure: MEASURE} if is_metric(measure) else {}
    return {**dict.fromkeys(of_teacher, "curriculum.teacher"), **of_measure}


def teacher_metric_names(teacher: Teacher) -> list[str]:
    """Full names of the metrics that are logged after the teacher's update, as far as a fresh teacher has them."""
    return [*TEACHER_METRICS, *(f"{CURRICULUM}{name}" for name in teacher.metrics())]


def _check_task(name: str, key: str, space: TaskSpace) -> None:
    prefix = next(prefix for prefix in BY_TASK if name.startswith(prefix))
    if space.size is None or space.size > MOST_LISTED:
        return
    tasks = [task_key(task) for task in space.tasks()]
    if name.removeprefix(prefix) not in tasks:
        raise ConfigError(
            f"{key}: nothing in this run logs the metric {name}: the space has no such task",
            key=key,
            suggestions=[prefix + task for task in nearest(name.removeprefix(prefix), tasks)],
            fix=f"'{prefix}{tasks[0]}'",
        )

"""The table of headline metrics: one row each, with all that is known of it.

Records (`rlexp.metrics.result_to_record`), settings that name a metric (`stop.metric`, `checkpoint.best_by`,
`sweep.metric`), the direction of a ranking, trackers, reports, the progress display and `docs/metrics.md` read these
rows. Metrics of learners are columns of the table of algorithms (`rlexp.config.algorithms`), those of callbacks are
declared by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower"]
Need = Literal["episodes", "evaluation", "success", "curriculum", "teacher"]
Chart = Literal["curve", "iteration time", "runner time"]

SHARE = "share"
"""Unit of what lies between 0 and 1, and is drawn in percent."""

EPISODE_LENGTH, EPISODE_RETURN = "__episode_length", "__episode_return"
"""Entries of the runners' results with the true length and the return of each episode."""

ENV_TIMER, INFERENCE_TIMER, CALLBACKS_TIMER = "__env_timer", "__inference_timer", "__callbacks_timer"
"""Entries of the runners' results: seconds spent in the environments, and, by fast runners, in choosing actions and
in episode hooks. Not RLlib's own names, whose moving averages a checkpoint brings back."""

ENV_FAILURES, NOTICE_COUNT = "env_failures", "__env_notice_count"
"""Entries of the runners' results: how often an environment raised, and how often it returned what it should not."""

EVAL_SECONDS, EVAL_SKIPPED = "evaluation_s", "evaluation_skipped"
"""What `rlexp.engine.callbacks.corrected_metrics` adds to an evaluation's results."""

CURRICULUM = "curriculum/"
"""Before the name of whatever a curriculum logs."""


@dataclass(frozen=True)
class Metric:
    """One headline metric.

    Attributes:
        name: in `metrics.jsonl`, e.g. `train/return_mean`.
        what: what it is, one sentence.
        unit: of its values; `share` for 0 to 1; empty for returns and for plain numbers.
        better: which values are better; None where neither are.
        source: paths in RLlib's result, whose numbers are added up; empty for what is computed, in
            `rlexp.metrics.result_to_record`, `rlexp.run.bookkeeping.counters` or `rlexp.curriculum.curriculum`.
        absent: of a count: its value where RLlib's result has none at `source`.
        needs: what a run or an iteration must have to log it: `episodes` that ended, an `evaluation`, environments that
            report `success`, a `curriculum`; `teacher`: a curriculum, and computed too late for its teacher to read.
        label: a few words for legends and columns.
        chart: where reports draw it: as a curve, or as a part of the time of iterations or of env runners.
        summary: its name in `summary.json`, where its best value, under `best_<summary>`, stands too.
        progress: its label in the progress display.
    """

    name: str
    what: str
    unit: str = ""
    better: Better | None = None
    source: tuple[str, ...] = ()
    absent: int | None = None
    needs: frozenset[Need] = frozenset()
    label: str = ""
    chart: Chart | None = None
    summary: str = ""
    progress: str = ""

    @property
    def title(self) -> str:
        """The name with the unit, for an axis; a share is drawn in percent, which says it."""
        return self.name if self.unit in ("", SHARE) else f"{self.name} ({self.unit})"

    def best(self, one: float, other: float) -> float:
        """The better of two values; the higher where neither direction is better."""
        return min(one, other) if self.better == "lower" else max(one, other)


def _of_episodes(
    name: str,
    what: str,
    unit: str = "",
    better: Better | None = None,
    source: str = "",
    needs: tuple[Need, ...] = ("episodes",),
    label: str = "",
    chart: Chart | None = None,
    summary: bool = False,
    progress: bool = False,
) -> tuple[Metric, Metric]:
    """Two rows: `train/<name>`, of an iteration's episodes, and `eval/<name>`, of an evaluation's.

    `source` is the entry of the runners' results; `{}` in `what` stands for which episodes are meant.
    """
    kinds: tuple[tuple[str, str, str, str, tuple[Need, ...]], ...] = (
        ("train", "that ended in the iteration", "env_runners", "", ()),
        ("eval", "of the evaluation", "evaluation/env_runners", "eval", ("evaluation",)),
    )
    rows = [
        Metric(
            f"{kind}/{name}",
            what.format(which),
            unit,
            better,
            (f"{part}/{source}",) if source else (),
            needs=frozenset((*needs, *also)),
            label=label and f"{prefix} {label}".strip(),
            chart=chart,
            summary=f"{prefix}_{name}".strip("_") if summary else "",
            progress=(prefix or label) if progress else "",
        )
        for kind, which, part, prefix, also in kinds
    ]
    return rows[0], rows[1]


TRAIN_RETURN, EVAL_RETURN = "train/return_mean", "eval/return_mean"
TRAIN_SUCCESS, EVAL_SUCCESS = "train/success_rate", "eval/success_rate"
SPS, ITERATION_S, WALL_S = "perf/sps", "perf/iteration_s", "perf/wall_s"
EVAL_S, LEARN_S = "perf/eval_s", "perf/learn_s"

RETURNS = (EVAL_RETURN, TRAIN_RETURN)
"""What `auto` compares runs by: the first where there is evaluation."""

_CURRICULUM, _TEACHER = frozenset[Need]({"curriculum"}), frozenset[Need]({"teacher"})

METRICS: tuple[Metric, ...] = (
    Metric("env_steps", "Environment steps so far, over all resumes; the x axis of charts.", "env steps"),
    Metric("iteration", "Training iterations so far, over all resumes.", source=("training_iteration",)),
    Metric("timestamp", "When the record was made, in seconds since 1970.", "s"),
    *_of_episodes("return_mean", "Mean return of the episodes {}.", better="higher", source="episode_return_mean",
                  label="return", chart="curve", summary=True, progress=True),
    *_of_episodes("return_min", "Lowest return of the episodes {}.", better="higher", source="episode_return_min"),
    *_of_episodes("return_max", "Highest return of the episodes {}.", better="higher", source="episode_return_max"),
    *_of_episodes("return_std", "Standard deviation (of a sample) of the returns of the episodes {}."),
    *_of_episodes("episode_len_mean", "Mean length of the episodes {}.", "env steps", source="episode_len_mean"),
    *_of_episodes("episodes", "Number of the episodes {}.", needs=()),
    *_of_episodes("success_rate", "Success rate of the episodes {}.", SHARE, "higher",
                  needs=("episodes", "success"), label="success", chart="curve", summary=True),
    Metric("curriculum/episodes", "Episodes that the teacher has been given so far.", needs=_CURRICULUM),
    Metric("curriculum/stale", "Share of the iteration's episodes whose task an older version of the teacher drew.",
           SHARE, needs=_CURRICULUM),
    Metric("curriculum/score_mean", "Mean of `curriculum.measure` over the iteration's episodes.", better="higher",
           needs=_CURRICULUM),
    Metric("curriculum/tasks", "Different tasks among the iteration's episodes.", needs=_CURRICULUM),
    Metric("curriculum/entropy", "Entropy of the tasks of the iteration's episodes.", "nats", needs=_CURRICULUM),
    Metric("curriculum/version", "How often the teacher has changed what is drawn.", needs=_TEACHER),
    Metric("curriculum/level", "How far in the task space the tasks lie that are drawn now, 0 to 1: at 1 the hardest.",
           better="higher", needs=_TEACHER, chart="curve"),
    Metric("curriculum/thrashing", "1 while the level goes to and fro, else 0.", better="lower", needs=_TEACHER),
    Metric("curriculum/stalled", "1 while the mean score stays at the bottom of its range on the same tasks, else 0.",
           better="lower", needs=_TEACHER),
    Metric(SPS, "Environment steps of the iteration by its seconds, evaluation included.", "env steps/s", "higher",
           chart="curve"),
    Metric(ITERATION_S, "Time of the iteration: sampling, learning, evaluating.", "s", "lower"),
    Metric(WALL_S, "Time by the clock since the run began, over all resumes.", "s"),
    Metric("perf/sample_s", "Time spent sampling.", "s", "lower", label="sampling", chart="iteration time",
           source=("timers/env_runner_sampling_timer", "timers/sample")),
    Metric(LEARN_S, "Time spent in updates; not where learners run beside the sampling.", "s", "lower",
           label="learning", chart="iteration time", source=("timers/learner_update_timer",)),
    Metric("perf/sync_s", "Time spent sending weights to env runners.", "s", "lower", label="sending weights",
           chart="iteration time", source=("timers/synch_weights",)),
    Metric(EVAL_S, "Time of the evaluation.", "s", "lower", label="evaluating", chart="iteration time",
           source=(f"evaluation/{EVAL_SECONDS}",), needs=frozenset({"evaluation"})),
    Metric("perf/env_s", "Time spent in environments, summed over env runners.", "s", "lower",
           label="environments", chart="runner time", source=(f"env_runners/{ENV_TIMER}",)),
    Metric("perf/inference_s", "Time spent choosing actions, summed over env runners; fast path alone.", "s", "lower",
           label="inference", chart="runner time", source=(f"env_runners/{INFERENCE_TIMER}",)),
    Metric("perf/callbacks_s", "Time spent in hooks of episodes, summed over env runners; fast path alone.", "s",
           "lower", label="callbacks", chart="runner time", source=(f"env_runners/{CALLBACKS_TIMER}",)),
    Metric("perf/env_failures", "How often an environment raised, and a new one took over.", better="lower",
           source=(f"env_runners/{ENV_FAILURES}",), absent=0),
    Metric("perf/env_irregularities", "How often an environment returned what it should not, and training went on.",
           better="lower", source=(f"env_runners/{NOTICE_COUNT}",), absent=0),
    Metric("perf/runner_restarts", "How often an env runner's process was started anew.", better="lower",
           source=("fault_tolerance/num_remote_worker_restarts",)),
)  # fmt: skip

METRIC: dict[str, Metric] = {metric.name: metric for metric in METRICS}
"""The rows by name."""

SUMMARISED = tuple(metric for metric in METRICS if metric.summary)
"""Metrics whose best value of a run is of interest beside the last."""


def comes_with_evaluation(name: str) -> bool:
    """Whether a metric, of the table or not, is logged in iterations with an evaluation alone."""
    return name.startswith("eval/") or (name in METRIC and "evaluation" in METRIC[name].needs)


def return_metric(evaluates: bool) -> str:
    """What `auto` stands for in a run that evaluates, or does not."""
    return RETURNS[0 if evaluates else 1]


def is_share(name: str) -> bool:
    """Whether a metric, by its name, lies between 0 and 1."""
    return name in METRIC and METRIC[name].unit == SHARE


def mode_of(name: str) -> Literal["max", "min"]:
    """What is better of a metric; `max` for those that have no row."""
    return "min" if name in METRIC and METRIC[name].better == "lower" else "max"


def title_of(name: str) -> str:
    """An axis' title."""
    return METRIC[name].title if name in METRIC else name

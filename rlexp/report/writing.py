"""From folders of runs to a report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.files.atomic import plain_reason, write_json
from rlexp.base.headline_metrics import EVAL_RETURN, METRIC, METRICS, TRAIN_RETURN, comes_with_evaluation
from rlexp.report.analysis.arms import Arm, arm_by_run, arms_of
from rlexp.report.analysis.comparison import (
    ScoresByArm,
    differ_only_in_env,
    estimates,
    scores_by_arm,
    top_arms,
)
from rlexp.report.analysis.parameter_effects import (
    Effect,
    effects_of,
    scores_of,
    scores_title,
    selection_warning,
)
from rlexp.report.analysis.parameters import parameters_of
from rlexp.report.analysis.selection import Objective, bests_of, objective_of
from rlexp.report.drawing.charts import Chart, curves, sampling_time, wall_time
from rlexp.report.drawing.comparison_charts import comparison_charts
from rlexp.report.drawing.page import require_report_extra, write_page
from rlexp.report.drawing.parameter_charts import parameter_charts
from rlexp.report.drawing.pictures import DrawingProcess
from rlexp.report.drawing.task_matrix import task_matrix
from rlexp.report.marl_eval import raw_data
from rlexp.report.reading import WALL, Run, read_all
from rlexp.storage.buckets.fetch import fetched, upload_files
from rlexp.terminal.quiet import terminal

PAGE, DATA, MARL_EVAL = "report.html", "report.json", "marl_eval.json"
_CURVES = [metric for metric in METRICS if metric.chart == "curve"]
_PAIRS = list(dict.fromkeys(metric.name.partition("/")[2] for metric in _CURVES))
CURVES = sorted(
    (metric.name for metric in _CURVES),
    key=lambda name: (_PAIRS.index(name.partition("/")[2]), not comes_with_evaluation(name)),
)
"""Metrics that have a chart where some run logged them: an evaluation's before the one of training like it."""
COLUMNS = (
    "run",
    "status",
    "arm",
    "seed",
    "env steps",
    "minutes",
    "steps/s",
    METRIC[TRAIN_RETURN].label,
    METRIC[EVAL_RETURN].label,
    "best eval",
)


def report(
    paths: Sequence[Path | str],
    out: Path | None = None,
    metrics: Sequence[str] = (),
    pictures: Sequence[str] = ("svg",),
    mode: str | None = None,
) -> list[Path]:
    """Writes `report.html`, `report.json`, `marl_eval.json` and the charts' pictures.

    Returns the paths of the page, of `report.json` and of the pictures.

    Args:
        paths: folders of runs, or above runs; or their addresses in a store.
        out: folder to write to; None: the one path's, or the present folder for several.
        metrics: further metrics to draw; the first is what runs are compared by.
        pictures: endings of the pictures.
        mode: `max` or `min` of what runs are compared by; None: as the sweep has it for its own metric, else
            what is better of it.

    Raises:
        ConfigError: a path holds no run, nothing logged a metric, the report cannot be written, or the extra `report`
            is not installed.
    """
    require_report_extra()
    with DrawingProcess() as drawing:  # Gets ready while the runs are read.
        written, trouble = _report(paths, out, metrics, pictures, mode, drawing)
    for each in trouble:
        terminal().warn(each)
    return written


def _report(
    paths: Sequence[Path | str],
    out: Path | None,
    metrics: Sequence[str],
    pictures: Sequence[str],
    mode: str | None,
    drawing: DrawingProcess,
) -> tuple[list[Path], list[str]]:
    folders = [fetched(path) for path in paths]
    runs, damaged = read_all(folders)
    arms = arms_of(runs)
    _check_metrics(runs, metrics)
    by_run = arm_by_run(arms)
    objective = objective_of(folders, runs, metrics, mode)
    metric = objective.metric if objective is not None else None
    bests = bests_of(folders, runs, objective) if objective is not None else []
    shown = top_arms(arms, objective)
    scores: ScoresByArm = {}
    caution = selection_warning(runs)
    effects: list[Effect] = []
    objective_metrics = () if metric is None else (metric,)
    maybe_charts: list[Chart | None] = [
        curves(shown, name) for name in dict.fromkeys((*metrics, *objective_metrics, *CURVES))
    ]
    if objective is not None:
        scores = scores_by_arm(arms, objective.metric)
        envs = [by_run[run.path].env for run in runs]
        values = scores_of(runs, objective.metric, envs)
        effects = effects_of(parameters_of(runs), values, envs)
        maybe_charts += [
            curves(shown, objective.metric, WALL),
            *comparison_charts(
                scores_by_arm(shown, objective.metric), objective, comparable=not differ_only_in_env(arms)
            ),
        ]
        maybe_charts += parameter_charts(effects, runs, values, scores_title(objective.metric, envs), caution)
    maybe_charts += [task_matrix(shown), wall_time(runs), sampling_time(runs)]
    charts = [chart for chart in maybe_charts if chart is not None]
    folder = out or (folders[0] if len(folders) == 1 else Path())
    arm_estimates = estimates(scores)
    data = {
        "metric": metric,
        "best": bests[0] if len(bests) == 1 else None,
        "best_by_env": bests if len(bests) > 1 else [],
        "runs": [_record(run, by_run[run.path], metric) for run in runs],
        "arms": {name: {"iqm": e.value, "low": e.low, "high": e.high} for name, e in arm_estimates.items()},
        "parameters": {effect.parameter.name: effect.to_json() for effect in effects},
        "parameters_warning": caution if caution and effects else None,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        content = {**_content(runs, by_run, objective, shown=len(shown)), "bests": bests}
        written, trouble = write_page(folder / PAGE, charts, content, pictures=pictures, drawing=drawing)
        write_json(folder / DATA, data)
        if metric:
            write_json(folder / MARL_EVAL, raw_data(arms, metric))
    except OSError as error:
        message = f"the report cannot be written to {folder}: {plain_reason(error) or error}"
        raise ConfigError(message, fix="rlexp report PATH --out <another folder>") from error
    all_written = [written[0], folder / DATA, *written[1:]]
    upload_files([*all_written, *([folder / MARL_EVAL] if metric else [])])
    return all_written, [*damaged, *(f"the report has no picture: {each}" for each in trouble)]


def _check_metrics(runs: Sequence[Run], metrics: Sequence[str]) -> None:
    from rlexp.base.suggest import nearest

    logged = sorted({name for run in runs for row in run.rows[-1:] for name in row})
    for name in metrics:
        if not any(run.has(name) for run in runs):
            raise ConfigError(
                f"no run has logged the metric {name}", suggestions=nearest(name, logged), key="--metric"
            )


def _content(
    runs: Sequence[Run], by_run: Mapping[Path, Arm], objective: Objective | None, *, shown: int
) -> dict[str, Any]:
    arms = len({id(arm) for arm in by_run.values()})
    several = len(runs) > 1
    title = f"{len(runs)} runs" if several else runs[0].name
    unfinished = sum(run.manifest.get("status") != "done" for run in runs)
    steps = sum(run.last("env_steps") for run in runs if run.rows)
    arm_count = f"{arms} arms, " if arms > 1 else ""
    subtitle = f"{arm_count}{steps:,.0f} env steps, {_minutes(sum(map(_wall, runs)))} minutes of training"
    if unfinished:
        subtitle += f"; {unfinished} not done"
    if shown < arms:
        which = "best" if objective is not None else "first"
        subtitle += f"; charts of arms show the {shown} {which}, the table and the parameters' charts all"
    return {
        "title": title,
        "subtitle": subtitle,
        "columns": [name for name in COLUMNS if name != "arm" or arms > 1],
        "rows": [_line(run, by_run[run.path]) for run in runs],
        "facts": _facts(runs),
    }


def _line(run: Run, arm: Arm) -> dict[str, str]:
    best = run.summary.get(f"best_{METRIC[EVAL_RETURN].summary}")
    return {
        "run": run.name,
        "status": str(run.manifest.get("status", "")),
        "arm": " ".join(filter(None, (arm.name, arm.env))),
        "seed": str(run.seed),
        "env steps": _number(run.last("env_steps"), ",.0f"),
        "minutes": _minutes(_wall(run)),
        "steps/s": _number(run.last("env_steps") / _wall(run) if _wall(run) else math.nan, ",.0f"),
        **{METRIC[name].label: _number(run.last(name)) for name in (TRAIN_RETURN, EVAL_RETURN)},
        "best eval": _number(math.nan if best is None else float(best)),
    }


def _record(run: Run, arm: Arm, metric: str | None) -> dict[str, Any]:
    score = run.last(metric) if metric else math.nan
    return {
        "path": str(run.path),
        "arm": arm.name,
        "env": arm.env,
        "seed": run.seed,
        "status": run.manifest.get("status"),
        "score": None if math.isnan(score) else score,
        "env_steps": None if not run.rows else run.last("env_steps"),
        "wall_s": _wall(run),
    }


def _facts(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """The facts that a paper's checklist asks for: seeds, machines, versions, time, where the numbers come from."""
    manifests = [run.manifest for run in runs]

    def all_of(key: str) -> str:
        return ", ".join(dict.fromkeys(str(m[key]) for m in manifests if m.get(key)))

    versions = {f"{name} {v}" for m in manifests for name, v in (m.get("packages") or {}).items()}
    facts = [
        ("seeds", ", ".join(map(str, sorted({run.seed for run in runs})))),
        ("machines", all_of("host")),
        ("platforms", all_of("platform")),
        ("Python", all_of("python")),
        ("packages", ", ".join(sorted(versions))),
        ("git commits", all_of("git_commit")),
        ("uncommitted changes", all_of("diff")),
        ("first start", min((str(m["start"]) for m in manifests if m.get("start")), default="")),
        ("last end", max((str(m["ended"]) for m in manifests if m.get("ended")), default="")),
        ("training time of all runs", f"{_minutes(sum(map(_wall, runs)))} minutes"),
    ]
    return [(term, text) for term, text in facts if text]


def _wall(run: Run) -> float:
    seconds = run.last(WALL)
    return 0.0 if math.isnan(seconds) else seconds


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:,.1f}"


def _number(value: float, form: str = ".4g") -> str:
    return "" if math.isnan(value) else f"{value:{form}}"

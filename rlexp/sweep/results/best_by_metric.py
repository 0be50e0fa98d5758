"""The best trial of a sweep by any metric that its runs have logged, also another than it was run for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.headline_metrics import RETURNS, mode_of
from rlexp.base.shell_commands import shell_command
from rlexp.base.suggest import nearest
from rlexp.config.rerun import command
from rlexp.storage.buckets.fetch import fetched
from rlexp.storage.buckets.local_copies import address
from rlexp.storage.runs.trial_status import OVER, history, logged
from rlexp.storage.sweeps import trial_ranking
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.settings import MODES


@dataclass(frozen=True)
class BestTrial:
    """The best trial, and the metric that it is best by.

    Attributes:
        name: of the trial.
        folder: its own.
        metric: that trials were compared by.
        mode: `max` or `min` of it.
        score: its last value of the metric.
        point: the score of its point's seeds together; the same where there is one seed.
        varied: the keys that the sweep varies, with this trial's values.
        command: that trains it again, from its frozen config.
    """

    name: str
    folder: Path
    metric: str
    mode: str
    score: float
    point: float
    varied: Mapping[str, str]
    command: str


def to_json(best_trial: BestTrial) -> dict[str, Any]:
    """The trial as plain values."""
    return {**dataclasses.asdict(best_trial), "folder": str(best_trial.folder)}


def best_by(
    sweep: SweepFolder, metric: str | None = None, mode: str | None = None, env: str | None = None
) -> BestTrial:
    """The trial with the best last value of a metric; with several seeds a point, one of the best point's.

    Args:
        sweep: also one that still runs.
        metric: any that a trial has logged; None: the sweep's own.
        mode: `max` or `min`; None: the sweep's own for its own metric, else what is better of it.
        env: of this environment's trials, where the sweep varies it.

    Raises:
        ConfigError: no trial has logged the metric, or they are of several environments and none is named.
    """
    state = sweep.state()
    settings = state["settings"]
    if mode is not None and mode not in MODES:
        raise ConfigError(
            f"--mode must be one of {', '.join(MODES)}, not {mode}", key="--mode", fix="--mode max"
        )
    is_own_metric = metric is None or metric == state.get("metric")
    metric_name = str(state.get("metric")) if metric is None else metric
    chosen_mode = mode or (settings["mode"] if is_own_metric else mode_of(metric_name))
    trials = _of_env(sweep, state["trials"], env)
    scores = (
        {name: _last_score(sweep, name, metric_name) for name in trials}
        if not is_own_metric
        else _scores(trials)
    )
    scored_state = {
        "settings": {**settings, "mode": chosen_mode},
        "trials": {name: {**trial, "score": scores[name]} for name, trial in trials.items()},
    }
    best = trial_ranking.best(scored_state)
    if best is None:
        raise _no_best_error(sweep, scored_state, metric_name, is_own_metric=is_own_metric)
    groups = trial_ranking.groups_of(scored_state)
    score, point = scores[best], groups.one_score(groups.of(best), scores)
    assert score is not None
    return BestTrial(
        best,
        fetched(address(sweep.trials / best)),
        metric_name,
        chosen_mode,
        score,
        score if point is None else point,
        state["trials"][best].get("varied", {}),
        command(sweep.trials / best),
    )


def _scores(trials: Mapping[str, Any]) -> dict[str, float | None]:
    return {name: trial["score"] for name, trial in trials.items()}


def _last_score(sweep: SweepFolder, name: str, metric: str) -> float | None:
    sweep.fetch_trial(name)
    history_rows = history(sweep.run(name), metric)
    return history_rows[-1][1] if history_rows else None


def _of_env(sweep: SweepFolder, trials: Mapping[str, Any], env: str | None) -> dict[str, Any]:
    envs = trial_ranking.environments({"trials": trials})
    if env is None:
        return dict(trials)
    matching = {name: trial for name, trial in trials.items() if envs[name] == env}
    if not matching:
        known = [known for known in dict.fromkeys(envs.values()) if known]
        raise ConfigError(
            f"no trial of {sweep.place} has the environment {env}"
            + (f"; there are {', '.join(known)}" if known else ": the sweep has a single one"),
            key="--env",
            suggestions=nearest(env, known),
            fix=f"--env {known[0]}" if known else "leave --env out",
        )
    return matching


def _no_score_error(
    sweep: SweepFolder, scored_state: Mapping[str, Any], metric: str, known: Sequence[str]
) -> ConfigError:
    """The error where no trial has a score: training on may give one, but not where all trials are over."""
    if not scored_state["trials"] or any(
        trial["status"] not in OVER for trial in scored_state["trials"].values()
    ):
        return ConfigError(
            f"no trial of {sweep.place} has a score yet", fix=shell_command("resume", sweep.place)
        )
    other = next((name for name in RETURNS if name in known), next(iter(known), None))
    return ConfigError(
        f"no trial of {sweep.place} has a score, and all are over: nothing logged {metric}",
        key="sweep.metric",
        fix=shell_command("evaluate", sweep.place, "--metric", other)
        if other
        else shell_command("report", sweep.place),
    )


def _no_best_error(
    sweep: SweepFolder, scored_state: Mapping[str, Any], metric: str, *, is_own_metric: bool
) -> ConfigError:
    """The error where no trial is the best."""
    bests = trial_ranking.bests(scored_state)
    if bests:
        envs = list(dict.fromkeys(trial_ranking.environments(scored_state).values()))
        return ConfigError(
            f"the trials of {sweep.place} are of {len(envs)} environments ({', '.join(envs)}), whose scores cannot be "
            "compared",
            key="--env",
            fix=shell_command("evaluate", sweep.place, "--env", next(iter(bests))),
        )
    known = sorted({name for trial in scored_state["trials"] for name in logged(sweep.run(trial))})
    if is_own_metric:
        return _no_score_error(sweep, scored_state, metric, known)
    close = nearest(metric, known)
    return ConfigError(
        f"no trial of {sweep.place} has logged the metric {metric}"
        + (" with all seeds of a point" if metric in known else ""),
        key="--metric",
        suggestions=close,
        fix=f"--metric {close[0]}" if close and metric not in known else shell_command("resume", sweep.place),
    )

"""From RLlib's nested result to the run's record: the headline metrics of the table under their flat names.

Values are plain floats and ints. What was not measured in an iteration is absent: RLlib reports an empty
window as NaN and repeats old evaluation results; both are left out. A NaN that was computed stays.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from rlexp.base.dotted import at
from rlexp.base.events import Record
from rlexp.base.headline_metrics import (
    EPISODE_LENGTH,
    EPISODE_RETURN,
    EVAL_SKIPPED,
    LEARN_S,
    METRICS,
    Metric,
    comes_with_evaluation,
)
from rlexp.environment.tasks.outcome import evaluated, outcomes_in
from rlexp.metrics.log import CUSTOM, STATISTICS, statistics
from rlexp.metrics.rllib_keys import (
    LEARNER_NOISE,
    is_env_runner_key,
    is_evaluation_key,
    is_top_level_key,
    learner_name,
)

DEFAULT_MODULE = "default_policy"
ALL_MODULES = "__all_modules__"

PER_ITERATION = "per_iteration"
"""Entry of `timers` that says that they hold seconds per iteration (see `rlexp.engine.callbacks.corrected_metrics`)."""

_EVALUATED = tuple(metric for metric in METRICS if comes_with_evaluation(metric.name))
_TRAINED = tuple(metric for metric in METRICS if metric not in _EVALUATED)
_IN_TIMERS = "timers/"
TIMERS = tuple(
    path.removeprefix(_IN_TIMERS)
    for metric in METRICS
    for path in metric.source
    if path.startswith(_IN_TIMERS)
)
"""Entries of `timers` in RLlib's result that metrics are made of."""

_PASSED_ON = ("curriculum",)


def flatten(result: Mapping[str, Any], unused: Collection[str] = ()) -> Record:
    """The headline metrics of what RLlib's `Algorithm.train()` returned (new API stack).

    Args:
        result: of an iteration.
        unused: learner metrics that say nothing in this run, see `rlexp.metrics.known_metrics`.

    Returns:
        `env_steps`, `iteration`, and what is there of `train/`, `eval/`, `learner/`, `custom/`, `curriculum/`
        and `perf/`. Times are in seconds, of this iteration unless the name says otherwise.
    """
    runners = result.get("env_runners") or {}
    record: Record = {"env_steps": trained_steps(result)}
    record.update(_from_table(_TRAINED, result, runners))
    record.update(_episodes("train", runners))
    record.update(_learners(result.get("learners") or {}, unused))
    record.update(_custom("", runners, is_env_runner_key))
    record.update(_custom("", result, is_top_level_key))
    _success_rate(record, "train", "")
    evaluation = result.get("evaluation") or {}
    if _evaluation_ran(evaluation):
        record.update(flatten_evaluation(evaluation))
    return record


def flatten_evaluation(results: Mapping[str, Any]) -> Record:
    """The `eval/` metrics of what RLlib's `Algorithm.evaluate()` returned; empty if it was skipped."""
    if results.get(EVAL_SKIPPED):
        return {}
    runners = results.get("env_runners") or {}
    record = _from_table(_EVALUATED, {"evaluation": results}, runners)
    record.update(_episodes("eval", runners))
    record.update(_custom("eval/", runners, is_env_runner_key))
    record.update(_custom("eval/", results, is_evaluation_key))
    _success_rate(record, "eval", "eval/")
    record.update(evaluated(outcomes_in(runners)))
    return record


def _evaluation_ran(evaluation: Mapping[str, Any]) -> bool:
    """Whether the results are new: RLlib repeats old ones, but adds the workers' health to fresh ones only."""
    return "num_healthy_workers" in evaluation


def _from_table(rows: Collection[Metric], result: Mapping[str, Any], runners: Mapping[str, Any]) -> Record:
    """The values that RLlib's result has at the paths of `rows`; those of episodes where some ended."""
    ended, record = bool(_ended(runners)), Record()
    for metric in rows:
        if "episodes" in metric.needs and not ended:
            continue
        value = _value(metric, result)
        if value is not None:
            record[metric.name] = value
    return record


def _value(metric: Metric, result: Mapping[str, Any]) -> float | int | None:
    if metric.name == LEARN_S and _learns_asynchronously(result):
        return None
    paths = [path for path in metric.source if not path.startswith(_IN_TIMERS) or _times_iterations(result)]
    values = [value for path in paths if (value := plain(at(result, path, "/"))) is not None]
    if (
        metric.unit == "s" or metric.absent is not None
    ):  # NaN stands for a window in which nothing was logged.
        values = [value for value in values if not math.isnan(value)]
    if metric.absent is None:
        return sum(values) if values else None
    # What counts logs nothing as long as there is nothing.
    counted = any(at(result, path.rpartition("/")[0], "/") for path in paths)
    return int(sum(values, metric.absent)) if counted else None


def _times_iterations(result: Mapping[str, Any]) -> bool:
    """Whether timers are seconds of the iteration; RLlib's default ones are moving averages."""
    return PER_ITERATION in (result.get("timers") or {})


def _learns_asynchronously(result: Mapping[str, Any]) -> bool:
    """Whether learners run beside the sampling: their timer measures handing over a batch, not the update."""
    learners = (result.get("learners") or {}).get(ALL_MODULES, {})
    return any(key.startswith("learner_thread_") for key in learners)


def trained_steps(result: Mapping[str, Any]) -> int:
    """Lifetime env steps of an iteration's result; for offline data, where none are sampled, those trained on."""
    key = "num_env_steps_sampled_lifetime"
    sampled = int(result.get(key) or (result.get("env_runners") or {}).get(key) or 0)
    if sampled or "env_runners" in result:
        return sampled
    trained = (result.get("learners") or {}).get(ALL_MODULES, {}).get("num_env_steps_trained_lifetime")
    return int(trained or 0)


def _ended(runners: Mapping[str, Any]) -> int | None:
    """How many episodes ended; None where the runners' results do not say."""
    ended = plain(runners.get("num_episodes"))
    return ended if ended is None else 0 if math.isnan(ended) else int(ended)


def _episodes(kind: str, runners: Mapping[str, Any]) -> Record:
    """Number, true mean length and spread of returns of the episodes that ended; only the number when none did."""
    ended = _ended(runners)
    if ended is None:
        return {}
    record: Record = {f"{kind}/episodes": ended}
    lengths = runners.get(EPISODE_LENGTH)
    if isinstance(lengths, (list, tuple)) and lengths:
        record[f"{kind}/episode_len_mean"] = float(sum(lengths) / len(lengths))
    returns = episode_values(runners)[0]
    if len(returns) > 1:
        record[f"{kind}/return_std"] = float(np.std(returns, ddof=1))
    return record


def episode_values(runners: Mapping[str, Any]) -> tuple[list[float], list[int]]:
    """Return and length of each episode that ended, in one order; as many as RLlib's means are made of, or more."""
    returns, lengths = (runners.get(key) for key in (EPISODE_RETURN, EPISODE_LENGTH))
    if not isinstance(returns, (list, tuple)) or not isinstance(lengths, (list, tuple)):
        return [], []
    return [float(each) for each in returns], [int(each) for each in lengths]


def _learners(learners: Mapping[str, Any], unused: Collection[str]) -> Record:
    record: Record = {}
    for module, values in learners.items():
        if module == ALL_MODULES or not isinstance(values, Mapping) or not _updated(values):
            continue
        prefix = "learner/" if module == DEFAULT_MODULE else f"learner/{module}/"
        for key, value in values.items():
            if not LEARNER_NOISE.match(key) and key not in unused:
                _put(record, prefix + learner_name(key), value)
    return record


def _updated(values: Mapping[str, Any]) -> bool:
    """Whether this module was trained on anything in this iteration; if not, its losses are empty windows."""
    trained = plain(values.get("num_module_steps_trained"))
    return trained is None or trained > 0


def _custom(prefix: str, results: Mapping[str, Any], is_rllibs: Any) -> Record:
    """What callbacks logged in one part of the result: by `log_metric`, or plainly under own names."""
    record: Record = {}
    for name, logged in (results.get(CUSTOM) or {}).items():
        if isinstance(logged, (list, tuple)):
            for statistic, value in statistics(logged).items():
                record[f"{prefix}custom/{name}_{statistic}"] = value
        else:
            record.update(_leaves(f"{prefix}custom/{name}", logged))
    for key, value in results.items():
        if key in _PASSED_ON:
            record.update(_leaves(f"{prefix}{key}", value))
        elif key != CUSTOM and not str(key).startswith("__") and not is_rllibs(key):
            record.update(_leaves(f"{prefix}custom/{key}", value))
    return record


def _leaves(name: str, value: Any) -> Iterator[tuple[str, float | int]]:
    """The numbers under `name`, nested names joined by `/`; other things and empty windows are left out."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{name}/{key}", inner)
        return
    number = plain(value)
    # A plainly logged value that is NaN cannot be distinguished from a window in which nothing was logged.
    if number is not None and not math.isnan(number):
        yield name, number


def _success_rate(record: Record, kind: str, prefix: str) -> None:
    """Gives success its own name, in place of the mean, minimum and maximum of zeros and ones."""
    success = record.get(f"{prefix}custom/success_mean")
    if success is not None:
        for statistic in STATISTICS:
            record.pop(f"{prefix}custom/success_{statistic}", None)
        record[f"{kind}/success_rate"] = success


def _put(record: Record, name: str, value: Any) -> None:
    number = plain(value)
    if number is not None:
        record[name] = number


def plain(value: Any) -> float | int | None:
    """`value` as a Python int or float; None when it is no single number."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "size", 2) == 1:
        return plain(item())
    return None

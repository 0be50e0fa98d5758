"""Which metric names a run will log, known before it starts, so that a wrong name is refused at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rlexp.base.errors import ConfigError, RunFailedError
from rlexp.base.events import Record
from rlexp.base.headline_metrics import EVAL_SUCCESS, METRICS, TRAIN_SUCCESS, comes_with_evaluation
from rlexp.base.suggest import nearest
from rlexp.config.algorithms import row_of
from rlexp.config.algorithms.table import KL_METRICS
from rlexp.config.schema import RunConfig
from rlexp.environment.tasks.task import task_key
from rlexp.metrics.log import STATISTICS


@dataclass(frozen=True)
class KnownMetrics:
    """The metric names of one run.

    Attributes:
        names: all names known beforehand, without `eval/...` when evaluation is off.
        learner: whether the learner's names are all among `names`.
        evaluates: whether the run evaluates.
    """

    names: frozenset[str]
    learner: bool
    evaluates: bool

    def check(self, name: str, key: str) -> None:
        """Checks a metric name that the config uses under `key`, e.g. `checkpoint.best_by`.

        Raises:
            ConfigError: nothing in the run logs it; says the nearest names.
        """
        if name in self.names or self._may_be_logged(name):
            return
        if comes_with_evaluation(name) and not self.evaluates:
            raise ConfigError(
                f"{key}: {name} will not be logged: evaluation is off",
                key=key,
                suggestions=[n for n in (name.replace("eval/", "train/", 1),) if n in self.names],
                fix="evaluation=default",
            )
        raise ConfigError(
            f"{key}: nothing in this run logs the metric {name}",
            key=key,
            suggestions=self._success(name) or self.nearest(name),
            fix=self._how_to_declare(name),
        )

    def nearest(self, name: str) -> list[str]:
        """The at most three nearest known names, best first."""
        return near_metrics(name, self.names)

    def _success(self, name: str) -> list[str]:
        """The success rate, where somebody looks for success among the custom metrics."""
        if not name.rpartition("custom/")[2].startswith("success"):
            return []
        rate = EVAL_SUCCESS if name.startswith("eval/") else TRAIN_SUCCESS
        return [rate] if rate in self.names else []

    def _may_be_logged(self, name: str) -> bool:
        parts = name.split("/")
        if parts[0] != "learner" or len(parts) < 2 or not all(parts):
            return False
        # A third part is there for modules other than the default one.
        return not self.learner or len(parts) > 2

    def _how_to_declare(self, name: str) -> str | None:
        parts = name.split("/")
        if "custom" not in parts[:-1] or self.nearest(name):
            return None
        bare = parts[-1]
        for statistic in STATISTICS:
            bare = bare.removesuffix(f"_{statistic}")
        return f"METRICS = ({bare!r},) in the callback that logs it, or metrics.{bare}: {{info: <key>}}"


def known_metrics(config: RunConfig, declared: Iterable[str] = ()) -> KnownMetrics:
    """The names that a run of `config` will log.

    Args:
        declared: the callbacks' `METRICS`: names given to `log_metric` (`pace` stands for
            `custom/pace_mean`, `_min` and `_max`, and for the same under `eval/`; `success` for `train/success_rate`
            and `eval/success_rate`), or full names with a `/`, taken as they are.
    """
    evaluates = config.evaluation.settings.get("evaluation_interval") is not None
    row = row_of(config.algorithm.config_class, config.trusted)
    learner = row.learner_metrics if row is not None else None
    custom = {*config.metrics, *declared}
    has = {"episodes": True, "evaluation": evaluates, "success": "success" in custom, "teacher": False}
    has["curriculum"] = config.curriculum.teacher is not None
    names = {metric.name for metric in METRICS if all(has[need] for need in metric.needs)}
    names |= {f"learner/{name}" for name in learner or () if name not in unused(config)}
    for name in custom - {"success"}:
        full = {name} if "/" in name else {f"custom/{name}_{statistic}" for statistic in STATISTICS}
        names |= full
        if evaluates:
            names |= {f"eval/{n}" for n in full if n.startswith("custom/")}
    if has["curriculum"]:
        targets = [task_key(task) for task in config.curriculum.targets or ()]
        if evaluates and len(targets) > 1:
            names |= {f"eval/{what}/{task}" for what in ("return", "success") for task in targets}
    return KnownMetrics(frozenset(names), learner is not None, evaluates)


def unused(config: RunConfig) -> tuple[str, ...]:
    """Learner metrics that RLlib logs as zero, or as their first value, since a setting leaves them out of the loss."""
    return KL_METRICS if config.algorithm.settings.get("use_kl_loss") is False else ()


def require(record: Record, name: str, key: str) -> None:
    """Checks that the first record that should have a metric has it.

    Raises:
        RunFailedError: it has not; names the key that asked for it, and the nearest names.
    """
    if name in record:
        return
    lines = [f"{key}: the metric {name} is not among what this run logs"]
    if near := near_metrics(name, record):
        lines.append("  did you mean: " + ", ".join(near))
    lines.append("  logged are: " + ", ".join(sorted(record)))
    raise RunFailedError("\n".join(lines))


def near_metrics(name: str, names: Iterable[str]) -> list[str]:
    """The at most three nearest of `names`, best first; the same name in another group comes first."""
    names = sorted(names)
    last = name.rpartition("/")[2]
    same_last = [n for n in names if n.rpartition("/")[2] == last]
    by_last = {n.rpartition("/")[2]: n for n in reversed(names)}
    similar = [by_last[n] for n in nearest(last, by_last)] if "/" not in name else []
    return list(dict.fromkeys([*same_last, *nearest(name, names), *similar]))[:3]

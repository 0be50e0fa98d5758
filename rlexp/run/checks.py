"""All that can be judged about a composed config without importing RLlib."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from rlexp.base.errors import CheckpointError, ConfigError, ConfigErrors
from rlexp.base.headline_metrics import comes_with_evaluation
from rlexp.base.run_names import check_name
from rlexp.config.algorithms import networks_of, row_of
from rlexp.config.algorithms.builder_signatures import algorithm_name
from rlexp.config.composition.composed import Composed
from rlexp.config.convert import to_run_config
from rlexp.config.import_paths import check_named
from rlexp.config.schema import RunConfig
from rlexp.config.trust.recorded_data import check_reading
from rlexp.environment.construct import check_id, check_requirements, is_import_path
from rlexp.metrics.custom import check_spec
from rlexp.metrics.known_metrics import known_metrics
from rlexp.run.stopping.stop_rules import StopRules
from rlexp.storage.buckets.local_copies import check_place

# What a judge alone needs and takes long to import, it imports itself: a mistyped key is reported before any judge.


def check(composed: Composed) -> RunConfig:
    """The typed run, or every problem found, in one message.

    Raises:
        ConfigError: what is wrong, key by key.
    """
    config = to_run_config(composed.plain, composed.choices)
    config.kept = dict(composed.kept)
    problems: list[ConfigError] = []
    for judge in (
        check_named,
        _environment,
        _vector_form,
        _stop_bounds,
        _plateau,
        _metric_specs,
        _metric_names,
        _resources,
        _time,
        _data,
        _folder,
        _curriculum,
        _tracking,
        _secrets,
    ):
        _collect(problems, judge, config)
    if problems:
        raise problems[0] if len(problems) == 1 else ConfigErrors(problems)
    return config


def check_start(config: RunConfig) -> None:
    """What only a new run needs: a name, networks to size where a size is given, weights to start from.

    Raises:
        ConfigError: the name is no folder's name; `model.size` would change nothing.
        CheckpointError: the weights are not there, damaged, or not its user's own.
    """
    if config.name is not None:
        check_name("name", config.name)
    _model_size(config)
    if config.checkpoint.from_ is not None:
        from rlexp.storage.buckets.fetch import fetched
        from rlexp.storage.checkpoint.store import require_trust, resolve

        try:
            require_trust(resolve(fetched(config.checkpoint.from_))[0], config.checkpoint.trust)
        except CheckpointError as error:
            raise CheckpointError(f"checkpoint.from: {error}") from error


def _collect(problems: list[ConfigError], judge: Callable[[RunConfig], None], config: RunConfig) -> None:
    try:
        judge(config)
    except ConfigErrors as errors:
        problems += errors.errors
    except ConfigError as error:
        # Two judges may stumble over the same stone.
        if str(error) not in map(str, problems):
            problems.append(error)


def _environment(config: RunConfig) -> None:
    """What can be said of an environment without making it: its packages, and whether its id is known."""
    check_requirements(config.env)
    if not is_import_path(config.env.id) and ":" not in config.env.id:
        check_id(config.env.id)


def _vector_form(config: RunConfig) -> None:
    """Environments that are to be stepped in their own vector form have one, and it takes the curriculum's tasks."""
    from rlexp.environment.env_errors import VECTOR_ENTRY_POINT, VECTOR_MODE
    from rlexp.environment.native_vector import check_native
    from rlexp.environment.probe import probe_vector_tasks

    if config.hardware.settings.get(VECTOR_MODE.partition(".")[2]) != VECTOR_ENTRY_POINT:
        return
    check_native(config.env, config.trusted)
    if config.curriculum.teacher is not None:
        probe_vector_tasks(config.env, config.trusted, config.curriculum)


def _stop_bounds(config: RunConfig) -> None:
    stop = config.stop
    rules = StopRules(stop)
    for place, bounds in (("stop.metric", rules.bounds), ("stop.all_of.metric", rules.bounds_together)):
        for bound in bounds:
            if not math.isfinite(bound.value):
                key = f"{place}.{bound.metric}"
                message = f"{key}: {bound.value} is no bound that a metric could reach"
                raise ConfigError(message, key=key, fix=f"'{place}={{{bound.metric}: 450}}'")
    if stop.all_of is not None and rules.asked_together == 0:
        message = "stop.all_of asks for nothing, and would hold at once"
        raise ConfigError(
            message,
            key="stop.all_of",
            fix="'stop.all_of={env_steps: 50000, metric: {eval/return_mean: 450}}'",
        )
    if not any(
        (stop.env_steps, stop.iterations, stop.wall_s, stop.metric, stop.plateau, stop.all_of, stop.function)
    ):
        raise ConfigError("stop: nothing would ever end this run", key="stop", fix="stop.env_steps=100000")


def _metric_specs(config: RunConfig) -> None:
    for name, spec in config.metrics.items():
        check_spec(name, spec)


def _metric_names(config: RunConfig) -> None:
    """Names that a callback or a teacher may log wait until those are imported."""
    known = known_metrics(config)
    for name, key in metrics_read(config).items():
        if "custom/" not in name and not (name.startswith("curriculum/") and config.curriculum.teacher):
            known.check(name, key)


def metrics_read(config: RunConfig) -> dict[str, str]:
    """The metrics that settings read, each with the key of the setting."""
    read = StopRules(config.stop).metrics()
    if config.checkpoint.best_by:
        read[config.checkpoint.best_by] = "checkpoint.best_by"
    return read


def _resources(config: RunConfig) -> None:
    from rlexp.hardware.demand import check_fits
    from rlexp.hardware.machine.machine import inspect_machine
    from rlexp.hardware.machine.memory_demand import check_memory

    if config.hardware.address == "local":
        check_memory(config, inspect_machine())
        check_fits(_as_if_least(config), inspect_machine())


def _time(config: RunConfig) -> None:
    from rlexp.hardware.machine.time_demand import check_time

    check_time(config)


def _as_if_least(config: RunConfig) -> RunConfig:
    """What `hardware=auto` has yet to choose counts as nothing: it never chooses more than there is."""
    if not config.hardware.auto:
        return config
    open_keys = {key: 0 for key, value in config.hardware.settings.items() if value is None}
    settings = {**config.hardware.settings, **open_keys}
    return replace(config, hardware=replace(config.hardware, settings=settings))


def _curriculum(config: RunConfig) -> None:
    """The teacher is made once, which tells the most; but not what `check_named` refuses."""
    if config.curriculum.teacher is None:
        return
    from rlexp.curriculum.build import check_curriculum

    try:
        check_named(config)
    except ConfigError:
        return
    check_curriculum(config.curriculum, config.trusted)


def _tracking(config: RunConfig) -> None:
    """What W&B would refuse once the run has begun, and with it all of the run's figures."""
    from rlexp.tracking.wandb_settings import check_names

    for name, spec in config.tracking.items():
        if str(spec.get("_target_")).replace(":", ".") == "rlexp.tracking.wandb.WandbTracker":
            check_names(f"tracking.{name}", spec)


def _secrets(config: RunConfig) -> None:
    """The config is written to the run folder, so no key or token may stand in it."""
    from rlexp.config.secrets import looks_secret

    for name in config.hardware.env_vars:
        if looks_secret(name):
            raise ConfigError(
                f"hardware.env_vars.{name} would be written to the run folder",
                key=f"hardware.env_vars.{name}",
                fix=f"export {name}=... in the shell; every process of the run inherits it",
            )


def _folder(config: RunConfig) -> None:
    check_place("runs_dir", config.runs_dir)


def _data(config: RunConfig) -> None:
    """The offline algorithms learn from recorded data and from nothing else, and reading it runs no code."""
    check_reading(config.data)
    name = algorithm_name(config.algorithm.config_class)
    row = row_of(config.algorithm.config_class, config.trusted)
    offline = row is not None and row.offline
    if offline and not config.data.settings.get("input_"):
        raise ConfigError(
            f"algorithm: {name} learns from recorded data, and there is none",
            key="data.input_",
            fix="data=recorded data.input_=<folder of Parquet files>",
        )
    if not offline and config.data.settings.get("input_"):
        raise ConfigError(
            f"data.input_ would be ignored: {name} learns from its environment",
            key="data.input_",
            fix="data=none, or algorithm=bc, marwil, cql or iql",
        )


def _model_size(config: RunConfig) -> None:
    """A size alone sizes nothing of these; `debug` says it of any run, and of these by other keys too."""
    if config.model.size == "normal" or config.choices.get("debug"):
        return
    key = f"model.size={config.model.size}"
    if config.model.module_class is not None:
        message = f"{key} has no effect beside model.module_class, which reads model.module_config alone"
        raise ConfigError(message, key="model.size", fix="model.module_config.<key>=<value>")
    networks = networks_of(config.algorithm.config_class, config.trusted)
    if networks is not None and networks.sized_by is not None:
        name, own_key = algorithm_name(config.algorithm.config_class), networks.sized_by
        message = f"{key} has no effect: {name}'s networks are sized by {own_key} alone"
        raise ConfigError(message, key="model.size", fix=f"{own_key}=nano")


def _plateau(config: RunConfig) -> None:
    """A plateau whose metric comes too seldom ends no run; one that is made small for a look need not have an end."""
    from rlexp.config.iterations import most_reports

    rule = config.stop.plateau
    if rule is None or config.choices.get("debug"):
        return
    reports = most_reports(config, rule.metric)
    if rule.patience < reports:
        return
    key, budget = "stop.plateau.patience", config.stop.env_steps
    often = f"{reports:.0f} times" if reports != 1 else "once"
    fixes = [f"{key}={max(1, int(reports) // 3)}"] if reports > 1 else []
    if comes_with_evaluation(rule.metric) and budget is not None:
        steps = max(1, budget // (3 * rule.patience))
        fixes.append(f"evaluation.evaluation_interval_env_steps={steps}")
    raise ConfigError(
        f"{key}={rule.patience} would never end this run: {rule.metric} is reported {often} before its budget is spent",
        key=key,
        fix=", or ".join(fixes or ["stop.plateau=null, or a longer budget"]),
    )

"""All that can be judged about a composed config without importing RLlib."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rlexp.config.compose import Composed
from rlexp.config.convert import to_run_config
from rlexp.config.schema import RunConfig
from rlexp.config.targets import TARGET, is_trusted
from rlexp.errors import ConfigError, ConfigErrors


def check(composed: Composed) -> RunConfig:
    """The typed run, or every problem found, in one message.

    Raises:
        ConfigError: what is wrong, key by key.
    """
    config = to_run_config(_with_automatic(composed.plain), composed.choices)
    problems: list[ConfigError] = []
    for judge in (_trust, _stop_bounds, _metric_specs, _metric_names, _resources, _data, _secrets):
        _collect(problems, judge, config)
    if problems:
        raise problems[0] if len(problems) == 1 else ConfigErrors(problems)
    return config


def _collect(problems: list[ConfigError], judge: Callable[[RunConfig], None], config: RunConfig) -> None:
    try:
        judge(config)
    except ConfigErrors as errors:
        problems += errors.errors
    except ConfigError as error:
        problems.append(error)


def _with_automatic(plain: dict[str, Any]) -> dict[str, Any]:
    """`checkpoint.best_by=auto` made definite: evaluation's return where there is one, else training's."""
    checkpoint, evaluation = plain.get("checkpoint"), plain.get("evaluation")
    if not isinstance(checkpoint, dict) or checkpoint.get("best_by") != "auto":
        return plain
    evaluated = isinstance(evaluation, dict) and evaluation.get("evaluation_interval")
    return {**plain, "checkpoint": {**checkpoint, "best_by": f"{'eval' if evaluated else 'train'}/return_mean"}}


def _trust(config: RunConfig) -> None:
    """Names of untrusted modules are refused unseen; what they name is looked up when the run is built."""
    named: list[tuple[str, Any]] = [("algorithm.config_class", config.algorithm.config_class)]
    named += [("model.module_class", config.model.module_class)] if config.model.module_class else []
    for group in ("callbacks", "tracking", "metrics", "exploration"):
        named += _targets(group, getattr(config, group))
    named += _targets("env.wrappers", config.env.wrappers)
    problems = [
        ConfigError(
            f"{key}: {path!r} is not in a module that this config trusts ({', '.join(config.trusted)})",
            key=key,
            fix=f"'trusted=[{','.join([*config.trusted, str(path).split('.')[0]])}]', if you trust that module",
        )
        for key, path in named
        if not (isinstance(path, str) and is_trusted(path.replace(":", "."), config.trusted))
    ]
    if problems:
        raise ConfigErrors(problems)


def _targets(key: str, node: Any) -> list[tuple[str, Any]]:
    if isinstance(node, dict):
        own = [(f"{key}.{TARGET}", node[TARGET])] if TARGET in node else []
        return own + [found for k, v in node.items() for found in _targets(f"{key}.{k}", v)]
    if isinstance(node, list):
        return [found for index, item in enumerate(node) for found in _targets(f"{key}[{index}]", item)]
    return []


def _stop_bounds(config: RunConfig) -> None:
    from rlexp.run.stop import StopRules

    StopRules(config.stop)
    stop = config.stop
    if not (stop.env_steps or stop.iterations or stop.wall_s or stop.metric or stop.plateau):
        raise ConfigError("stop: nothing would ever end this run", key="stop", fix="stop.env_steps=100000")


def _metric_specs(config: RunConfig) -> None:
    from rlexp.metrics.custom import check_spec

    for name, spec in config.metrics.items():
        check_spec(name, spec)


def _metric_names(config: RunConfig) -> None:
    """Names under `custom/` wait until the callbacks that may log them are imported."""
    from rlexp.metrics.catalogue import known
    from rlexp.run.stop import StopRules

    catalogue = known(config)
    read = StopRules(config.stop).metrics()
    if config.checkpoint.best_by:
        read[config.checkpoint.best_by] = "checkpoint.best_by"
    for name, key in read.items():
        if "custom/" not in name:
            catalogue.check(name, key)


def _resources(config: RunConfig) -> None:
    from rlexp.hardware.demand import check_fits
    from rlexp.hardware.machine import look

    if config.hardware.address == "local":
        check_fits(_as_if_least(config), look())


def _as_if_least(config: RunConfig) -> RunConfig:
    """What `hardware=auto` has yet to choose counts as nothing: it never chooses more than there is."""
    if not config.hardware.auto:
        return config
    open_keys = {key: 0 for key, value in config.hardware.settings.items() if value is None}
    settings = {**config.hardware.settings, **open_keys}
    return replace(config, hardware=replace(config.hardware, settings=settings))


def _secrets(config: RunConfig) -> None:
    """The config is written to the run folder, so no key or token may stand in it."""
    from rlexp.run.provenance import looks_secret

    for name in config.hardware.env_vars:
        if looks_secret(name):
            raise ConfigError(
                f"hardware.env_vars.{name} would be written to the run folder",
                key=f"hardware.env_vars.{name}",
                fix=f"export {name}=... in the shell; every process of the run inherits it",
            )


OFFLINE = ("BCConfig", "MARWILConfig", "CQLConfig", "IQLConfig")


def _data(config: RunConfig) -> None:
    """The offline algorithms learn from recorded data and from nothing else."""
    name = config.algorithm.config_class.rpartition(".")[2]
    if name in OFFLINE and not config.data.settings.get("input_"):
        raise ConfigError(
            f"algorithm={name.removesuffix('Config').lower()} learns from recorded data, and there is none",
            key="data.input_",
            fix="data=recorded data.input_=<folder of Parquet files>",
        )
    if name not in OFFLINE and config.data.settings.get("input_"):
        raise ConfigError(
            f"data.input_ would be ignored: {name.removesuffix('Config')} learns from its environment",
            key="data.input_",
            fix="data=none, or algorithm=bc, marwil, cql or iql",
        )

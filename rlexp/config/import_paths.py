"""What a config names by import path: it may be named, is there, takes its arguments. Nothing is imported.

Names of untrusted modules are refused unseen. The rest is looked at again when the run is built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.base.suggest import nearest
from rlexp.config.callables.arguments import check_source, check_there
from rlexp.config.callables.targets import TARGET, is_trusted, untrusted
from rlexp.config.composition.groups import choices_named
from rlexp.config.keys.advice import under
from rlexp.config.schema import CurriculumChoice, RunConfig
from rlexp.config.trust.allow_list import is_import_path


def check_named(config: RunConfig) -> None:
    """Every import path of the config is in a trusted module, and callables take their arguments.

    Raises:
        ConfigError: naming each key at fault.
    """
    problems = [p for key, path in _paths(config) if (p := _refusal(key, path, config.trusted)) is not None]
    if problems:
        raise problems[0] if len(problems) == 1 else ConfigErrors(problems)
    if is_import_path(config.env.id):
        check_there("env.id", config.env.id)
    if config.env.vector_entry_point:
        check_there("env.vector_entry_point", config.env.vector_entry_point)
    if config.model.module_class:
        check_there("model.module_class", config.model.module_class)
    _check_specs(config)
    if TARGET not in config.exploration:
        raise ConfigError("exploration names no strategy", key="exploration", fix="exploration=default")
    _check_strategy(config.exploration)
    check_source("exploration", config.exploration, typed=True)
    if config.curriculum.teacher is not None:
        check_source(
            "curriculum.teacher",
            config.curriculum.teacher,
            positional=1,
            given=given_to_teacher(config.curriculum),
            typed=True,
        )
    if config.stop.function is not None:
        _check_stop_function(config.stop.function)
    for name, metric in config.metrics.items():
        if isinstance(metric, Mapping) and isinstance(metric.get(TARGET), str):
            check_source(f"metrics.{name}", metric, given=("episode",))
    for index, spec in enumerate(config.env.wrappers):
        key = f"env.wrappers[{index}]"
        if TARGET not in spec:
            raise ConfigError(f"{key} has no {TARGET}", key=key, fix=f"{{{TARGET}: <import path>, ...}}")
        check_source(key, spec, positional=1)


def _check_strategy(exploration: Mapping[str, Any]) -> None:
    """RLlib's classic `type` beside a strategy's own arguments is answered; a strategy may have a `type` of its own."""
    if not str(exploration[TARGET]).startswith("rlexp.") or "type" not in exploration:
        return
    from rlexp.config.classic import answer

    known = answer("exploration_config", {k: v for k, v in exploration.items() if k != TARGET})
    assert known is not None
    key = "exploration.type"
    raise ConfigError(f"unknown key {key}: {known.reason}", key=key, fix=known.fix)


def _check_specs(config: RunConfig) -> None:
    problems = []
    for group in ("callbacks", "tracking"):
        for name, spec in getattr(config, group).items():
            try:
                _check_spec(group, name, spec, config)
            except ConfigError as error:
                problems.append(error)
    if problems:
        raise problems[0] if len(problems) == 1 else ConfigErrors(problems)


def given_to_teacher(curriculum: CurriculumChoice) -> tuple[str, ...]:
    """Arguments of a teacher that do not stand beside its `_target_`."""
    return ("seed", "trusted", "measure", *(("task_fn",) if curriculum.task_fn else ()))


_NO_STOP_FUNCTIONS = ("rlexp", "ray", "gymnasium", "minigrid", "ale_py")


def _check_stop_function(spec: Mapping[str, Any]) -> None:
    """A function of one's own: the packages that are trusted with classes have none that is meant for this."""
    key = f"stop.function.{TARGET}"
    path = spec.get(TARGET)
    if not isinstance(path, str) or path.replace(":", ".").partition(".")[0] in _NO_STOP_FUNCTIONS:
        raise ConfigError(
            f"{key} must be the import path of a function of your own, not {path!r}",
            key=key,
            fix="stop.function=envs.my_stops.solved",
        )
    check_source("stop.function", spec, positional=1)


def _check_spec(group: str, name: str, spec: Mapping[str, Any], config: RunConfig) -> None:
    key = f"{group}.{name}"
    if TARGET in spec:
        check_source(key, spec, typed=True)
        return
    named = [other for other in getattr(config, group) if other != name]
    close = [f"{group}.{other}" for other in nearest(name, named)]
    if f"{group}={name}" in choices_named(name):
        fix = f"'{group}=[{','.join([*named, name])}]' beside it"
    else:
        fix = f"{close[0]}.<argument>=<value>" if close else f"{key}.{TARGET}=<import path>"
    raise ConfigError(
        f"{key}: no choice of {group} in use is called {name}, and {TARGET} names no class for it",
        key=key,
        suggestions=close,
        fix=fix,
    )


def _refusal(key: str, path: Any, trusted: list[str]) -> ConfigError | None:
    if not isinstance(path, str):
        fix = f"{key}=envs.mine.MyEnv"
        return ConfigError(f"{key} must be an import path, not {path!r}", key=key, fix=fix)
    dotted = path.replace(":", ".")
    module = dotted.rpartition(".")[0] or dotted
    return None if is_trusted(module, trusted) else under(key, untrusted(path, module))


def _paths(config: RunConfig) -> Iterator[tuple[str, Any]]:
    yield "algorithm.config_class", config.algorithm.config_class
    if config.model.module_class:
        yield "model.module_class", config.model.module_class
    if is_import_path(config.env.id):
        yield "env.id", config.env.id
    if config.env.vector_entry_point:
        yield "env.vector_entry_point", config.env.vector_entry_point
    elif ":" in config.env.id:  # A module that registers the id when it is imported.
        yield "env.id", f"{config.env.id.partition(':')[0]}.{config.env.id.partition(':')[2]}"
    for group in ("callbacks", "tracking", "metrics", "exploration"):
        yield from _targets(group, getattr(config, group))
    yield from _targets("env.wrappers", config.env.wrappers)
    yield from _targets("curriculum.teacher", config.curriculum.teacher)
    yield from _targets("stop.function", config.stop.function)


def _targets(key: str, node: Any) -> Iterator[tuple[str, Any]]:
    """Every `_target_` at any depth."""
    if isinstance(node, Mapping):
        if TARGET in node:
            yield f"{key}.{TARGET}", node[TARGET]
        for name, inner in node.items():
            yield from _targets(f"{key}.{name}", inner)
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from _targets(f"{key}[{index}]", inner)

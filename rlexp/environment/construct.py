"""Makes the bare environment that a config names, and says what is wrong when that fails.

Gymnasium is imported only inside the functions, so that the command line stays quick.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.callables.targets import NEVER_TRUSTED, is_trusted, locate, trust_it
from rlexp.config.schema import EnvChoice
from rlexp.config.trust.allow_list import is_import_path
from rlexp.environment.env_errors import describe
from rlexp.environment.multi_agent import is_multi_agent

if TYPE_CHECKING:
    import gymnasium

CONFIG_ARGUMENTS = ("config", "env_config")
"""Names of the one argument of an RLlib-style environment, which takes all its settings as one dict."""

FAMILIES = {"ALE/": "atari", "MiniGrid-": "minigrid", "BabyAI-": "minigrid"}
"""Ids that a choice of their own makes, by how they begin."""


def env_name(choice: EnvChoice) -> str:
    """The environment's id with its arguments, as messages show it."""
    if not choice.config:
        return choice.id
    return f"{choice.id}({', '.join(f'{k}={v!r}' for k, v in choice.config.items())})"


def check_requirements(choice: EnvChoice) -> None:
    """Raises ConfigError when a package of an extra that `choice.requires` names is missing."""
    for module, extra in choice.requires.items():
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            raise ConfigError(
                f"env: {env_name(choice)} needs the extra `{extra}`: the module {module} is not installed",
                key="env",
                fix=f"pip install 'rlexp[{extra}]'",
            )


def check_counts(choice: EnvChoice) -> None:
    """Raises ConfigError when a number of steps or failures is not one."""
    counts = {"max_consecutive_failures": choice.max_consecutive_failures}
    if choice.max_episode_steps is not None:
        counts["max_episode_steps"] = choice.max_episode_steps
    for name, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            key = f"env.{name}"
            raise ConfigError(
                f"{key} must be a whole number of at least 1, not {value!r}", key=key, fix=f"{key}=10"
            )
    if "num_envs" in choice.config:
        raise ConfigError(
            "env.config.num_envs: how many environments a runner steps is for the hardware to say",
            key="env.config.num_envs",
            fix=f"hardware.num_envs_per_env_runner={choice.config['num_envs']}",
        )


def construct(
    choice: EnvChoice, trusted: Sequence[str], worker_index: int, vector_index: int
) -> gymnasium.Env:
    """The bare environment, without the choice's wrappers.

    `choice.id` is an import path when it has a dot and no version at its end (`envs.multiroom.MultiRoom`);
    otherwise it is a Gymnasium id, with or without a module that registers it (`my_envs:Maze-v0`).
    `choice.config` are keyword arguments. A class whose only argument is called `config` or `env_config` is
    given all of them as one dict instead, an RLlib `EnvContext` with `worker_index` and `vector_index`. What
    takes `num_envs` may make a vector environment: one of one environment is then seen as that environment.

    Raises:
        ConfigError: no such environment, not trusted, or it cannot be made with these arguments.
    """
    import gymnasium

    if is_import_path(choice.id):
        target = located(choice, trusted)
        arguments = _arguments(target, choice.config, worker_index, vector_index)
        if "num_envs" in (takes := parameters_of(target)):
            arguments |= {"num_envs": 1, **own_limit(choice, takes)}
        env = _single(call(choice, target, target, arguments))
    else:
        creator, identifier = registered(choice, trusted)
        arguments = dict(choice.config)
        if choice.max_episode_steps is not None:
            arguments["max_episode_steps"] = -1  # The id's own limit gives way to the choice's.
        make = partial(gymnasium.make, identifier, disable_env_checker=True)
        env = call(choice, creator, make, arguments)
    if not isinstance(env, gymnasium.Env):
        raise ConfigError(
            f"env.id: {choice.id} made a {type(env).__name__}, not a gymnasium.Env",
            key="env.id",
            fix="env.id=<a Gymnasium id, or the import path of what makes a gymnasium.Env>",
        )
    if is_multi_agent(env.unwrapped) and not is_multi_agent(env):
        raise ConfigError(
            f"env.id: {choice.id} is a MultiAgentEnv that Gymnasium has wrapped as if it had one agent",
            key="env.id",
            fix=f"env.id={_path_of(env.unwrapped)}",
        )
    return env


def _path_of(thing: Any) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def own_limit(choice: EnvChoice, takes: Sequence[str]) -> dict[str, int]:
    """`env.max_episode_steps` as an argument for what takes it by that name."""
    if choice.max_episode_steps is None or "max_episode_steps" not in takes:
        return {}
    return {"max_episode_steps": choice.max_episode_steps}


def _single(made: Any) -> Any:
    """A vector environment of one environment as that environment; anything else as it is."""
    from gymnasium.vector import VectorEnv

    from rlexp.environment.vector_as_single import SingleView

    return SingleView(made) if isinstance(made, VectorEnv) else made


def located(choice: EnvChoice, trusted: Sequence[str], key: str = "id") -> Callable[..., Any]:
    """What the import path in the choice's field `key` names, with that key in the errors."""
    try:
        return locate(getattr(choice, key), trusted)
    except ConfigError as error:
        message = str(error).partition("\n")[0]
        raise ConfigError(
            f"env.{key}: {message}", key=f"env.{key}", suggestions=error.suggestions, fix=error.fix
        ) from error.__cause__


def check_id(identifier: str) -> None:
    """Raises ConfigError when Gymnasium has no environment of this id (without a module before it)."""
    import gymnasium

    try:
        gymnasium.spec(identifier)
    except gymnasium.error.Error as error:
        raise _unknown_id(identifier, error) from None


def registered(choice: EnvChoice, trusted: Sequence[str]) -> tuple[Callable[..., Any], str]:
    """The creator behind a Gymnasium id, and the id without its module."""
    import gymnasium
    from gymnasium.envs.registration import load_env_creator

    module, _, identifier = choice.id.rpartition(":")
    if module:
        _import_registering(module, choice.id, trusted)
    try:
        spec = gymnasium.spec(identifier)
    except gymnasium.error.Error as error:
        raise _unknown_id(identifier, error) from None
    entry = spec.entry_point
    try:
        return (load_env_creator(entry) if isinstance(entry, str) else entry), identifier
    except Exception as error:
        raise _not_made(choice, error) from error


def _import_registering(module: str, env_id: str, trusted: Sequence[str]) -> None:
    if not is_trusted(module, trusted):
        raise ConfigError(
            f"env.id: {env_id} is refused: {module} is not among the trusted modules",
            key="env.id",
            fix=None if module.partition(".")[0] in NEVER_TRUSTED else trust_it(module),
        )
    try:
        importlib.import_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too.
        raise ConfigError(
            f"env.id: {env_id}: importing {module} failed: {describe(error)}",
            key="env.id",
            fix=_version_fix(error) or f"a version of {module} that can be imported here",
        ) from error


def _unknown_id(identifier: str, error: Exception) -> ConfigError:
    import gymnasium

    family = next((name for prefix, name in FAMILIES.items() if identifier.startswith(prefix)), None)
    return ConfigError(
        f"env.id: Gymnasium knows no environment {identifier!r} ({error})",
        key="env.id",
        suggestions=nearest(identifier, gymnasium.registry.keys()),
        fix=f"env={family} env.config.id={identifier}" if family else None,
    )


def _arguments(
    target: Callable[..., Any], config: Mapping[str, Any], worker: int, vector: int
) -> dict[str, Any]:
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return dict(config)
    if len(parameters) == 1 and parameters[0].name in CONFIG_ARGUMENTS:
        from ray.rllib.env.env_context import EnvContext

        return {parameters[0].name: EnvContext(dict(config), worker_index=worker, vector_index=vector)}
    return dict(config)


def call(choice: EnvChoice, creator: Any, make: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Calls `make`; `creator` is what the arguments end up in, for its parameters' names."""
    try:
        return make(**arguments)
    except (ConfigError, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit too.
        known = parameters_of(creator)
        wrong = [name for name in choice.config if name not in known]
        if isinstance(error, TypeError) and wrong and known:
            raise ConfigError(
                f"env.config.{wrong[0]}: {choice.id} takes no such argument; it takes {', '.join(known)}",
                key=f"env.config.{wrong[0]}",
                suggestions=nearest(wrong[0], known),
            ) from error
        raise _not_made(choice, error, known) from error


def _not_made(choice: EnvChoice, error: BaseException, takes: Sequence[str] = ()) -> ConfigError:
    key = "env.config" if choice.config else "env.id"
    return ConfigError(
        f"{key}: {env_name(choice)} cannot be made: {describe(error)}",
        key=key,
        fix=_version_fix(error) or _arguments_fix(error, takes),
    )


_MISSING = re.compile(
    r"missing \d+ required (?:positional|keyword-only) arguments?: ((?:(?:, | and |, and )?'\w+')+)"
)
_BY_FUNCTION = "env.id=<import path of a function of yours that makes it>"


def _version_fix(error: BaseException) -> str | None:
    """What to install, where that is what is wrong."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"install the package that has the module {error.name.partition('.')[0]}"
    if "NumPy 2" in str(error):
        return "a version of the package that runs with NumPy 2, or a copy of it that you have changed"
    return None


def _arguments_fix(error: BaseException, takes: Sequence[str]) -> str:
    """Which arguments to give, or to try."""
    if isinstance(error, TypeError) and (missing := _MISSING.search(str(error))):
        given = " ".join(f"env.config.{name}=<value>" for name in re.findall(r"'(\w+)'", missing[1]))
        return f"{given}; for what is no text, number or list, {_BY_FUNCTION}"
    named = f" (it takes {', '.join(takes)})" if takes else ""
    return f"other values under env.config{named}, or {_BY_FUNCTION}"


def parameters_of(creator: Any) -> list[str]:
    """Names of the arguments that a callable takes, those of a class's bases included."""
    functions = [vars(c).get("__init__") for c in creator.__mro__] if isinstance(creator, type) else [creator]
    names: list[str] = []
    for function in functions:
        try:
            parameters = inspect.signature(function).parameters.values() if function is not None else []
        except (TypeError, ValueError):
            continue
        names += [
            p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name != "self"
        ]
    return list(dict.fromkeys(names))

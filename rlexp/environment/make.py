"""From `EnvChoice` to a guarded Gymnasium environment, here and in RLlib's processes.

Gymnasium and Ray are imported only inside the functions, so that the command line stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.config.callables.targets import build
from rlexp.config.schema import CurriculumChoice, EnvChoice, RunConfig
from rlexp.environment.construct import check_counts, check_requirements, construct, env_name
from rlexp.environment.env_errors import describe
from rlexp.environment.lab_paths import add_import_paths, import_paths
from rlexp.environment.multi_agent import is_multi_agent
from rlexp.environment.pickled_by_value import packed, unpack
from rlexp.environment.time_limits import bounded_steps, has_limit

if TYPE_CHECKING:
    import gymnasium

RLLIB_NAME = "rlexp"
"""The one name under which RLlib knows every environment; which one it is stands in `env_config`."""


def make_env(
    choice: EnvChoice,
    trusted: Sequence[str],
    tasks: CurriculumChoice | None = None,
    *,
    worker_index: int = 0,
    vector_index: int = 0,
    bound: str | int | None = None,
) -> gymnasium.Env:
    """Makes the environment, its wrappers (innermost first), its time limit, and the guard around them all.

    Args:
        choice: what to make; see `construct` for how `id` and `config` are read.
        trusted: prefixes of the modules that `id` and the wrappers may come from.
        tasks: a curriculum whose tasks it is to take.
        worker_index: number of the env runner it is for, 0 in the main process; environments that take one
            `config` dict find it there.
        vector_index: number of the environment in its env runner, handed over in the same way.
        bound: `evaluation.max_episode_steps`, for an environment of evaluation.

    Raises:
        ConfigError: it cannot be made as the config says.
    """
    check_counts(choice)
    check_requirements(choice)

    def make(arguments: Mapping[str, Any]) -> gymnasium.Env:
        changed = replace(choice, config={**choice.config, **arguments})
        return _wrapped(changed, trusted, worker_index, vector_index)

    guard = _guarded(choice, make, worker_index, bound)
    if tasks is None or tasks.teacher is None:
        return guard
    from rlexp.environment.tasks.wrap_with_tasks import with_tasks

    return with_tasks(guard, tasks, make)


def env_creator(env_config: Mapping[str, Any]) -> gymnasium.Env | gymnasium.vector.VectorEnv:
    """Makes the environment, or its own vector form, in whatever process RLlib asks for it.

    Args:
        env_config: the fields of `EnvChoice` without `settings`, with `trusted`, `curriculum`, `import_paths`, in
            evaluation `bound` and, where there is something, `by_value`; an `EnvContext` for a single environment.
            For the vector form it is a plain dict with `num_envs`, and with `worker_index`, which the env runner adds
            because RLlib drops it there.

    Raises:
        ConfigError: it cannot be made, or has no vector form of its own.
    """
    values = dict(env_config)
    add_import_paths(values.pop("import_paths", ()))
    unpack(values.pop("by_value", {}))
    trusted = values.pop("trusted")
    tasks = CurriculumChoice(**values.pop("curriculum", {}))
    num_envs, bound = values.pop("num_envs", None), values.pop("bound", None)
    given = values.pop("worker_index", None)
    worker = getattr(env_config, "worker_index", given) or 0
    if num_envs is not None:
        from rlexp.environment.native_vector import make_native

        guard = make_native(EnvChoice(**values), trusted, num_envs, worker_index=worker, bound=bound)
        if tasks.teacher is None:
            return guard
        from rlexp.environment.tasks.wrap_with_tasks import with_vector_tasks

        return with_vector_tasks(guard, tasks)
    return make_env(
        EnvChoice(**values),
        trusted,
        tasks,
        worker_index=worker,
        vector_index=getattr(env_config, "vector_index", 0) or 0,
        bound=bound,
    )


def rllib_environment(config: RunConfig, *, evaluation: bool = False) -> dict[str, Any]:
    """Registers the environments with RLlib and says which one to make.

    Args:
        config: the run.
        evaluation: whether `evaluation.env_config` goes over `env.config`.

    Returns:
        Keyword arguments of `AlgorithmConfig.environment()`; all values are plain.
    """
    from ray.tune.registry import register_env

    register_env(RLLIB_NAME, env_creator)
    wire = asdict(config.env)
    settings = {name: value for name, value in wire.pop("settings").items() if value is not None}
    if evaluation:
        wire["config"] = {**wire["config"], **config.evaluation.env_config}
        wire["bound"] = config.evaluation.max_episode_steps
    wire["curriculum"] = asdict(config.curriculum)
    wire |= {"trusted": list(config.trusted), "import_paths": import_paths(config.trusted)}
    if by_value := packed(config):
        wire["by_value"] = by_value
    return {"env": RLLIB_NAME, "env_config": wire, **settings}


def _guarded(
    choice: EnvChoice,
    make: Callable[[Mapping[str, Any]], gymnasium.Env],
    worker_index: int,
    bound: str | int | None,
) -> gymnasium.Env:
    from rlexp.environment.guards.guard import Guard

    first = [make({})]
    limit = bounded_steps(bound, limited=has_limit(first[0]))
    again: dict[str, Any] = {
        "make": lambda: first.pop() if first else make({}),
        "name": env_name(choice) + (f" of env runner {worker_index}" if worker_index else ""),
        "max_consecutive_failures": choice.max_consecutive_failures,
        "check_finite": choice.check_finite,
        "check": choice.check,
    }
    if not is_multi_agent(first[0]):
        return Guard(**again, max_steps=limit)
    from rlexp.environment.guards.multi_agent_guard import MultiAgentGuard

    if choice.max_episode_steps is not None:
        limit = min(choice.max_episode_steps, limit or choice.max_episode_steps)
    return MultiAgentGuard(**again, max_steps=limit)


def _wrapped(
    choice: EnvChoice, trusted: Sequence[str], worker_index: int, vector_index: int
) -> gymnasium.Env:
    from gymnasium.wrappers import TimeLimit

    env = construct(choice, trusted, worker_index, vector_index)
    for position, spec in enumerate(choice.wrappers):
        env = _wrap(env, spec, trusted, f"env.wrappers[{position}]")
    if choice.max_episode_steps is None or is_multi_agent(env):  # Whose guard has the limit.
        return env
    return TimeLimit(env, choice.max_episode_steps)


def _wrap(env: gymnasium.Env, spec: dict[str, Any], trusted: Sequence[str], key: str) -> gymnasium.Env:
    import gymnasium

    try:
        wrapped = build(spec, trusted, env)
    except ConfigError as error:
        message = str(error).partition("\n")[0]
        raise ConfigError(
            f"{key}: {message}", key=key, suggestions=error.suggestions, fix=error.fix
        ) from error
    except Exception as error:
        if is_multi_agent(env):
            raise _of_one_agent(env, spec, key) from error
        raise ConfigError(
            f"{key}: {spec['_target_']} cannot wrap {env}: {describe(error)}", key=key
        ) from error
    if not isinstance(wrapped, gymnasium.Env):
        raise ConfigError(
            f"{key}: {spec['_target_']} made a {type(wrapped).__name__}, not a gymnasium.Env", key=key
        )
    if is_multi_agent(env) and not is_multi_agent(wrapped):
        raise _of_one_agent(env, spec, key)
    return wrapped


def _of_one_agent(env: gymnasium.Env, spec: dict[str, Any], key: str) -> ConfigError:
    return ConfigError(
        f"{key}: {spec['_target_']} wraps environments of one agent, and {env} has several; a wrapper of it must be a "
        "MultiAgentEnv too",
        key=key,
        fix="env.wrappers=[]",
    )

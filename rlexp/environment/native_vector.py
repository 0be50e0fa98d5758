"""An environment's own vector form: many environments stepped by one implementation, often in C++ or on arrays.

`hardware.gym_env_vectorize_mode=vector_entry_point` takes it: what `env.vector_entry_point` names, the vector entry
point that a Gymnasium id registers, or what `env.id` imports where that takes `num_envs`. Gymnasium is imported only
inside the functions, so that the command line stays quick.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.config.schema import EnvChoice
from rlexp.environment.construct import (
    call,
    check_counts,
    check_requirements,
    construct,
    env_name,
    is_import_path,
    located,
    own_limit,
    parameters_of,
    registered,
)
from rlexp.environment.env_errors import SINGLE_ENVS, VECTOR_ENTRY_POINT, VECTOR_MODE
from rlexp.environment.time_limits import bounded_steps

if TYPE_CHECKING:
    from gymnasium.vector import VectorEnv

    from rlexp.environment.guards.vector_guard import VectorGuard


@dataclass(frozen=True)
class _VectorForm:
    """What makes the vector environment: `make(num_envs=..., **arguments)`, on behalf of `creator`.

    `limit` is the step limit that it is given by Gymnasium, `twin` says that single environments are something else.
    """

    name: str
    creator: Any
    make: Callable[..., Any]
    limit: int | None = None
    twin: bool = False


def native_form(choice: EnvChoice, trusted: Sequence[str]) -> str | None:
    """The name of the vector form that is the very same environment as the single one; None when there is none.

    A form that `env.vector_entry_point` names is only taken when it is asked for: it may differ in random streams or
    in documented details. Makes one environment of either kind, and closes them.
    """
    if choice.vector_entry_point is not None:
        return None
    try:
        check_native(choice, trusted)
        return _form(choice, trusted).name
    except ConfigError:
        return None


def check_native(choice: EnvChoice, trusted: Sequence[str]) -> None:
    """Checks that an environment can be stepped in its own vector form, and has the same spaces there.

    Raises:
        ConfigError: naming the key that stands in the way.
    """
    vector = make_native(choice, trusted, 1)
    try:
        _check_plain(choice, vector)
        if _form(choice, trusted).twin:
            _check_spaces(choice, vector, trusted)
    finally:
        vector.close()


def make_native(
    choice: EnvChoice,
    trusted: Sequence[str],
    num_envs: int,
    *,
    worker_index: int = 0,
    bound: str | int | None = None,
) -> VectorGuard:
    """Makes the environment's own vector form, guarded.

    Args:
        choice: what to make. `config` goes to what makes the vector form, and so does `max_episode_steps`.
        trusted: prefixes of the modules that it may come from.
        num_envs: how many environments it steps.
        worker_index: number of the env runner it is for, for messages; 0 in the main process.
        bound: `evaluation.max_episode_steps`, for environments of evaluation.

    Raises:
        ConfigError: it has none, or none as the config says.
    """
    from rlexp.environment.guards.vector_guard import VectorGuard

    check_counts(choice)
    check_requirements(choice)
    form = _form(choice, trusted)
    return VectorGuard(
        lambda: _vector(choice, trusted, num_envs),
        env_name(choice) + (f" of env runner {worker_index}" if worker_index else ""),
        max_consecutive_failures=choice.max_consecutive_failures,
        check_finite=choice.check_finite,
        max_steps=bounded_steps(bound, limited=bool(form.limit or _limit(choice, form))),
    )


def _vector(choice: EnvChoice, trusted: Sequence[str], num_envs: int) -> VectorEnv:
    from gymnasium.vector import VectorEnv

    if choice.wrappers:
        raise _refused(choice, "env.wrappers go around single environments")
    form = _form(choice, trusted)
    limit = _limit(choice, form)

    def make(**arguments: Any) -> Any:
        # Gymnasium's, made by half, would complain once more when they are thrown away.
        inspect.signature(form.creator).bind_partial(num_envs=num_envs, **arguments)
        return form.make(num_envs=num_envs, **arguments)

    vector = call(choice, form.creator, make, choice.config | limit)
    if not isinstance(vector, VectorEnv):
        raise _refused(
            choice, f"{form.name} made a {type(vector).__name__}, not a gymnasium.vector.VectorEnv"
        )
    if vector.num_envs != num_envs:
        raise _refused(choice, f"{form.name} made {vector.num_envs} environments, not {num_envs}")
    _check_autoreset(choice, form, vector)
    return vector


def _form(choice: EnvChoice, trusted: Sequence[str]) -> _VectorForm:
    if choice.vector_entry_point is not None:
        creator = located(choice, trusted, "vector_entry_point")
        if "num_envs" not in parameters_of(creator):
            raise ConfigError(
                f"env.vector_entry_point: {choice.vector_entry_point} takes no num_envs",
                key="env.vector_entry_point",
                fix="env.vector_entry_point=null, or the import path of what makes a gymnasium.vector.VectorEnv",
            )
        return _VectorForm(_name(creator), creator, creator, twin=True)
    if is_import_path(choice.id):
        creator = located(choice, trusted)
        if "num_envs" not in parameters_of(creator):
            raise _refused(choice, f"{choice.id} takes no num_envs, so it makes single environments only")
        return _VectorForm(_name(creator), creator, creator)
    return _registered_form(choice, trusted)


def _registered_form(choice: EnvChoice, trusted: Sequence[str]) -> _VectorForm:
    import gymnasium
    from gymnasium.envs.registration import load_env_creator

    _, identifier = registered(choice, trusted)
    spec = gymnasium.spec(identifier)
    entry = spec.vector_entry_point
    if entry is None:
        raise _refused(choice, f"Gymnasium has no vector entry point for {identifier}")
    creator = load_env_creator(entry) if isinstance(entry, str) else entry
    make = partial(gymnasium.make_vec, identifier, vectorization_mode=VECTOR_ENTRY_POINT)
    return _VectorForm(_name(creator), creator, make, limit=spec.max_episode_steps, twin=True)


def _name(creator: Any) -> str:
    return getattr(creator, "__name__", str(creator))


def _limit(choice: EnvChoice, form: _VectorForm) -> dict[str, int]:
    """The step limit for the vector form; Gymnasium hands it an id's own."""
    takes = parameters_of(form.creator)
    wanted = choice.max_episode_steps if choice.max_episode_steps is not None else form.limit
    if wanted is not None and "max_episode_steps" not in takes:
        raise ConfigError(
            f"env.max_episode_steps: {form.name}, the vector form of {choice.id}, takes no max_episode_steps, so "
            f"episodes would not end after {wanted} steps",
            key="env.max_episode_steps",
            fix=SINGLE_ENVS,
        )
    return own_limit(choice, takes)


def _check_autoreset(choice: EnvChoice, form: _VectorForm, vector: VectorEnv) -> None:
    from gymnasium.vector import AutoresetMode

    mode = vector.metadata.get("autoreset_mode")
    if mode == AutoresetMode.NEXT_STEP:
        return
    how = (
        mode.value if isinstance(mode, AutoresetMode) else f"a mode that its metadata does not name ({mode})"
    )
    vector.close()
    raise _refused(
        choice,
        f"{form.name} resets environments by {how}; only next-step autoreset keeps both an episode's last observation "
        f"and the next one's first for RLlib",
    )


def _check_plain(choice: EnvChoice, vector: VectorEnv) -> None:
    """Guards of single environments put right what RLlib mishandles; there are none around a vector form."""
    from rlexp.environment.plain_spaces import plain_actions, plain_observations

    looks = (("single_observation_space", plain_observations), ("single_action_space", plain_actions))
    for name, plain in looks:
        space = getattr(vector, name)
        if plain(space) is not None:
            raise _refused(
                choice, f"RLlib mishandles {space}, which is put right for single environments only"
            )


def _check_spaces(choice: EnvChoice, vector: VectorEnv, trusted: Sequence[str]) -> None:
    single = construct(choice, trusted, 0, 0)
    try:
        for name in ("observation_space", "action_space"):
            alone, many = getattr(single, name), getattr(vector, f"single_{name}")
            if alone != many:
                raise _refused(choice, f"its {name} is {many} there, and {alone} for a single environment")
    finally:
        single.close()


def _refused(choice: EnvChoice, reason: str) -> ConfigError:
    return ConfigError(
        f"{VECTOR_MODE}: {choice.id} cannot be stepped in a vector form of its own: {reason}",
        key=VECTOR_MODE,
        fix=SINGLE_ENVS,
    )

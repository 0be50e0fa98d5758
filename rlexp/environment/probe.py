"""Tries an environment out before a run starts, of one agent or of several.

Gymnasium and RLlib are imported only inside the functions, so that the command line stays quick.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.config.schema import CurriculumChoice, EnvChoice
from rlexp.environment.construct import env_name
from rlexp.environment.env_errors import RIGHT_SPACE, FatalEnvError, describe
from rlexp.environment.guards.process_state import process_kept
from rlexp.environment.make import make_env
from rlexp.environment.multi_agent import ended, is_multi_agent

if TYPE_CHECKING:
    import gymnasium

    from rlexp.environment.multi_agent_wrapper import MultiAgentWrapper

_STEPS = 32


@dataclass(frozen=True)
class EnvProbe:
    """What an environment is like.

    Attributes:
        observation_space: of one environment, after its wrappers.
        action_space: likewise.
        step_seconds: mean seconds of a step with random actions, resets left out; None when none succeeded.
        agents: of an environment with several, whose spaces are then those of each; else none.
        notices: harmless oddities, a line each.
    """

    observation_space: gymnasium.Space
    action_space: gymnasium.Space
    step_seconds: float | None
    agents: tuple[Any, ...] = ()
    notices: tuple[str, ...] = ()


def probe(
    choice: EnvChoice, trusted: Sequence[str], tasks: CurriculumChoice | None = None, *, seed: int = 0
) -> EnvProbe:
    """Makes the environment, resets it, takes at most 32 random steps or 0.2 s of them, and closes it.

    With a curriculum, its targets and some of its other tasks are tried too. Single failures are left to the
    guard, as in training.

    Raises:
        ConfigError: it cannot be made, always fails, returns NaN or infinity, or what it returns does not lie
            in its observation space.
    """
    with process_kept():
        env: Any = None
        try:
            env = make_env(choice, trusted, tasks)
            if tasks is not None and tasks.teacher is not None:
                _try_tasks(env, choice, tasks, seed)
            return replace(_tried(env, choice, seed), notices=tuple(_noticed(env)))
        except FatalEnvError as error:
            message, _, fix = str(error).partition("\n  fix: ")
            raise ConfigError(f"env: {message}", key="env", fix=fix or None) from error
        finally:
            if env is not None:
                env.close()


def _tried(env: Any, choice: EnvChoice, seed: int) -> EnvProbe:
    return _try_agents(env, choice, seed) if is_multi_agent(env) else _try_out(env, choice, seed)


def _noticed(env: Any) -> list[str]:
    while env is not None:
        if (notices := getattr(env, "_notices", None)) is not None:
            return list(notices.seen)
        env = getattr(env, "env", None)
    return []


def _try_tasks(env: Any, choice: EnvChoice, tasks: CurriculumChoice, seed: int) -> None:
    from rlexp.environment.tasks.wrap_with_tasks import try_tasks

    if is_multi_agent(env):
        try_tasks(env, tasks, seed, lambda seen: _check_observations(choice, env, seen, "reset"))
    else:
        try_tasks(
            env, tasks, seed, lambda seen: _check_observation(choice, env.observation_space, seen, "reset")
        )


def probe_vector_tasks(
    choice: EnvChoice, trusted: Sequence[str], tasks: CurriculumChoice, *, seed: int = 0
) -> None:
    """Tries the targets and some other tasks on the environment's own vector form.

    Raises:
        ConfigError: it takes none, refuses one, or what it then returns does not lie in its observation space.
    """
    from rlexp.environment.native_vector import make_native
    from rlexp.environment.tasks.wrap_with_tasks import try_tasks, with_vector_tasks

    guard = make_native(choice, trusted, 2)  # The second has an index of its own.
    try:
        env = with_vector_tasks(guard, tasks)
        try_tasks(
            env, tasks, seed, lambda seen: _check_observation(choice, env.observation_space, seen, "reset")
        )
    finally:
        guard.close()


def _try_out(env: gymnasium.Env, choice: EnvChoice, seed: int) -> EnvProbe:
    from rlexp.environment.info_keys import FAILURE

    env.action_space.seed(seed)
    _check_observation(choice, env.observation_space, env.reset(seed=seed)[0], "reset")
    spent, steps, begin = 0.0, 0, time.perf_counter()
    for _ in range(_STEPS):
        action = env.action_space.sample()
        start = time.perf_counter()
        observation, _, terminated, truncated, info = env.step(action)
        if FAILURE not in info:
            spent, steps = spent + time.perf_counter() - start, steps + 1
        _check_observation(choice, env.observation_space, observation, "step")
        if terminated or truncated:
            observation, _ = env.reset()
            _check_observation(choice, env.observation_space, observation, "reset")
        if time.perf_counter() - begin > _budget_s(FAILURE in info):
            break
    return EnvProbe(env.observation_space, env.action_space, spent / steps if steps else None)


def _shared_spaces(choice: EnvChoice, env: MultiAgentWrapper) -> tuple[gymnasium.Space, gymnasium.Space]:
    """The observation and action space that all agents have, so that one policy can act for each.

    Raises:
        ConfigError: there are no agents, or their spaces differ.
    """
    if not env.possible_agents:
        raise ConfigError(
            f"env: {env_name(choice)} names no agents",
            key="env",
            fix="set possible_agents in its constructor",
        )
    first, *others = env.possible_agents
    for what, spaces in (("observation", env.observation_spaces), ("action", env.action_spaces)):
        for agent in others:
            if spaces[agent] != spaces[first]:
                raise ConfigError(
                    f"env: {env_name(choice)}: one policy acts for all agents, and their {what} spaces differ: "
                    f"{first!r} has {spaces[first]}, {agent!r} has {spaces[agent]}",
                    key="env",
                    fix=f"equal {what} spaces in the environment, the smaller ones padded",
                )
    return env.observation_spaces[first], env.action_spaces[first]


def _check_observations(choice: EnvChoice, env: MultiAgentWrapper, observations: Any, source: str) -> None:
    """Checks what each agent observes.

    Raises:
        ConfigError: it is no dict by agent, or lies outside of the agent's space.
    """
    if not isinstance(observations, dict):
        raise ConfigError(
            f"env: {env_name(choice)}: {source} must return a dict of observations by agent, not {observations!r}",
            key="env",
        )
    for agent, observation in observations.items():
        _check_observation(choice, env.observation_spaces[agent], observation, f"{source} for {agent!r}")


def _try_agents(env: MultiAgentWrapper, choice: EnvChoice, seed: int) -> EnvProbe:
    """Steps it with random actions, as `probe` does with an environment of one agent.

    Raises:
        ConfigError: it breaks RLlib's rules for several agents.
    """
    from rlexp.environment.info_keys import FAILURE

    observation_space, action_space = _shared_spaces(choice, env)
    for position, agent in enumerate(env.possible_agents):
        env.action_spaces[agent].seed(seed + position)
    acting = _reset_agents(env, choice, seed)
    spent, steps, begin = 0.0, 0, time.perf_counter()
    for _ in range(_STEPS):
        actions = {agent: env.action_spaces[agent].sample() for agent in acting}
        start = time.perf_counter()
        observations, _, terminateds, truncateds, _ = env.step(actions)
        if FAILURE not in env.last_info:
            spent, steps = spent + time.perf_counter() - start, steps + 1
        _check_observations(choice, env, observations, "step")
        acting = [a for a in observations if not (terminateds.get(a) or truncateds.get(a))]
        if ended(terminateds, truncateds):
            acting = _reset_agents(env, choice, None)
        if time.perf_counter() - begin > _budget_s(FAILURE in env.last_info):
            break
    agents = tuple(env.possible_agents)
    return EnvProbe(observation_space, action_space, spent / steps if steps else None, agents)


def _reset_agents(env: MultiAgentWrapper, choice: EnvChoice, seed: int | None) -> list[Any]:
    observations = env.reset(seed=seed)[0]
    _check_observations(choice, env, observations, "reset")
    return list(observations)


def _budget_s(failed: bool) -> float:
    """Seconds that the steps may take; more after one that failed, since whether all fail is worth knowing."""
    return 2.0 if failed else 0.2


def _check_observation(choice: EnvChoice, space: gymnasium.Space, observation: Any, source: str) -> None:
    """Raises ConfigError when what `source` (reset or step) returned is not in its space."""
    try:
        problem = _misfit(space, observation, "obs", choice.check)
    except Exception as error:
        problem = f"obs cannot be compared with it: {describe(error)}"
    if problem is not None:
        raise ConfigError(
            f"env: {env_name(choice)}: what {source} returned is not in its observation_space: {problem}",
            key="env",
            fix=("env.check=off, which takes it as it is, or " if " between " in problem else "")
            + RIGHT_SPACE,
        )


def _misfit(space: gymnasium.Space, value: Any, path: str, check: str) -> str | None:
    """The first part of `value` that is not in `space`, in words; None when all is well.

    A Box may be given as another floating-point type or a list: it is cast when environments are vectorised.
    """
    import numpy as np
    from gymnasium import spaces

    from rlexp.environment.guards.box_checks import tolerance

    if isinstance(space, spaces.Dict):
        if not isinstance(value, dict) or set(value) != set(space.spaces):
            has = list(value) if isinstance(value, dict) else type(value).__name__
            return f"{path} has {has}, not {list(space)}"
        return next(
            (bad for k, inner in space.items() if (bad := _misfit(inner, value[k], f"{path}[{k!r}]", check))),
            None,
        )
    if isinstance(space, spaces.Tuple):
        if not isinstance(value, (tuple, list)) or len(value) != len(space.spaces):
            return f"{path} is not a tuple of {len(space.spaces)}"
        parts = enumerate(space.spaces)
        return next(
            (bad for i, inner in parts if (bad := _misfit(inner, value[i], f"{path}[{i}]", check))), None
        )
    if not isinstance(space, spaces.Box):
        return None if space.contains(value) else f"{path} is {value!r}, not in {space}"
    array = np.asarray(value)
    if array.shape != space.shape:
        return f"{path} has shape {array.shape}, not {space.shape}"
    if not np.can_cast(array.dtype, space.dtype, casting="same_kind"):
        return f"{path} has type {array.dtype}, not {space.dtype}"
    if check == "off":
        return None
    floating = np.issubdtype(space.dtype, np.floating)
    slack = tolerance(space) if check == "warn" and floating else 0
    outside = np.argwhere((array < space.low - slack) | (array > space.high + slack))
    if len(outside) == 0:
        return None
    where = tuple(int(i) for i in outside[0])
    low, high = space.low[where], space.high[where]
    return f"{path}{list(where)} is {array[where]}, not between {low} and {high}"

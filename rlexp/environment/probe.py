"""Tries an environment out before a run starts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.config.schema import CurriculumChoice, EnvChoice
from rlexp.environment.env_probe import STEPS, EnvProbe, budget_s, check_observation
from rlexp.environment.errors import FatalEnvError
from rlexp.environment.guards.process_state import process_kept
from rlexp.environment.make import make_env
from rlexp.environment.multi_agent import is_multi_agent

if TYPE_CHECKING:
    import gymnasium


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
    if not is_multi_agent(env):
        return _try_out(env, choice, seed)
    from rlexp.environment.multi_agent_probe import try_agents

    return try_agents(env, choice, seed)


def _noticed(env: Any) -> list[str]:
    while env is not None:
        if (notices := getattr(env, "_notices", None)) is not None:
            return list(notices.seen)
        env = getattr(env, "env", None)
    return []


def _try_tasks(env: Any, choice: EnvChoice, tasks: CurriculumChoice, seed: int) -> None:
    from rlexp.environment.tasks.wrap import try_tasks

    if is_multi_agent(env):
        from rlexp.environment.multi_agent_probe import check_observations

        try_tasks(env, tasks, seed, lambda seen: check_observations(choice, env, seen, "reset"))
    else:
        try_tasks(
            env, tasks, seed, lambda seen: check_observation(choice, env.observation_space, seen, "reset")
        )


def probe_vector_tasks(
    choice: EnvChoice, trusted: Sequence[str], tasks: CurriculumChoice, *, seed: int = 0
) -> None:
    """Tries the targets and some other tasks on the environment's own vector form.

    Raises:
        ConfigError: it takes none, refuses one, or what it then returns does not lie in its observation space.
    """
    from rlexp.environment.native import make_native
    from rlexp.environment.tasks.wrap import try_tasks, with_vector_tasks

    guard = make_native(choice, trusted, 2)  # The second has an index of its own.
    try:
        env = with_vector_tasks(guard, tasks)
        try_tasks(
            env, tasks, seed, lambda seen: check_observation(choice, env.observation_space, seen, "reset")
        )
    finally:
        guard.close()


def _try_out(env: gymnasium.Env, choice: EnvChoice, seed: int) -> EnvProbe:
    from rlexp.environment.guards.guard import FAILURE

    env.action_space.seed(seed)
    check_observation(choice, env.observation_space, env.reset(seed=seed)[0], "reset")
    spent, steps, begin = 0.0, 0, time.perf_counter()
    for _ in range(STEPS):
        action = env.action_space.sample()
        start = time.perf_counter()
        observation, _, terminated, truncated, info = env.step(action)
        if FAILURE not in info:
            spent, steps = spent + time.perf_counter() - start, steps + 1
        check_observation(choice, env.observation_space, observation, "step")
        if terminated or truncated:
            observation, _ = env.reset()
            check_observation(choice, env.observation_space, observation, "reset")
        if time.perf_counter() - begin > budget_s(FAILURE in info):
            break
    return EnvProbe(env.observation_space, env.action_space, spent / steps if steps else None)

"""Whether an environment can be trained in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.config.schema import EnvChoice
from rlexp.config.trust.allow_list import is_import_path
from rlexp.environment.make import make_env
from rlexp.environment.probe import EnvProbe, probe
from rlexp.testing.part import Part

STEPS = 50
"""Steps of the episodes that are compared."""


def check_environment(
    environment: Callable[..., Any] | str, *, max_episode_steps: int | None = None, **config: Any
) -> None:
    """Tries an environment as a run does before it starts, and whether a seed gives the same episode again.

    Args:
        environment: its class, import path, or Gymnasium id.
        max_episode_steps: steps after which an episode is cut off, as `env.max_episode_steps`.
        config: arguments of the class, as `env.config`.

    Raises:
        AssertionError: it cannot be made or stepped, leaves its spaces, returns what is not finite, is different each
            time although the seed is the same, or shares its state with others of its class.
    """
    named = isinstance(environment, str) and not is_import_path(environment)
    part = _gymnasium_id(str(environment)) if named else Part(environment)
    choice = EnvChoice(id=part.path, config=config, max_episode_steps=max_episode_steps, check="strict")
    try:
        found = probe(choice, part.trusted)
    except ConfigError as error:
        part.stop(str(error))
        return
    for notice in found.notices:
        part.flaw(notice)
    if not found.agents:
        with part.noting("resetting and stepping it with a seed"):
            _check_seeds(part, choice, found)
        with part.noting("closing it a second time"):
            _close_twice(part, choice)
    part.finish()


def _gymnasium_id(name: str) -> Part:
    """A part that Gymnasium's registry knows, and no import path."""
    import gymnasium

    part = Part(gymnasium.make)
    part.path = name
    return part


def _episode(env: Any, actions: list[Any], beside: Any = None) -> list[tuple[Any, ...]]:
    """Observation, reward and end of each step after `reset(seed=7)`; `beside` is stepped in between."""
    seen: list[tuple[Any, ...]] = [(_copy(env.reset(seed=7)[0]), 0.0, False)]
    for action in actions:
        if beside is not None:
            beside.step(beside.action_space.sample())
        observation, reward, terminated, truncated, _ = env.step(action)
        seen.append((_copy(observation), float(reward), bool(terminated)))
        if terminated or truncated:
            break
    return seen


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [_copy(part) for part in value]
    return np.array(value)


def _check_seeds(part: Part, choice: EnvChoice, found: EnvProbe) -> None:
    found.action_space.seed(7)
    actions = [found.action_space.sample() for _ in range(STEPS)]
    one, two = (make_env(choice, part.trusted) for _ in range(2))
    try:
        first = _episode(one, actions)
        if (step := _differ(first, _episode(one, actions))) is not None:
            part.flaw(_again(step))
            return
        two.action_space.seed(8)
        two.reset(seed=8)
        if (step := _differ(first, _episode(one, actions, _Restarting(two)))) is not None:
            if (later := _differ(first, _episode(one, actions))) is not None:
                part.flaw(_again(later))
                return
            part.flaw(
                f"an environment beside it changes its episode, from step {step} on; keep state on self, not on the "
                "class or the module: a run has several in one process"
            )
    finally:
        one.close()
        two.close()


def _again(step: int) -> str:
    return (
        f"reset(seed=7) and the same actions give another episode another time, from step {step} on; call "
        "super().reset(seed=seed), draw from self.np_random alone, and set all state anew in reset"
    )


class _Restarting:
    """Steps an environment over the ends of its episodes."""

    def __init__(self, env: Any) -> None:
        self._env, self.action_space = env, env.action_space

    def step(self, action: Any) -> None:
        _, _, terminated, truncated, _ = self._env.step(action)
        if terminated or truncated:
            self._env.reset()


def _differ(one: list[tuple[Any, ...]], two: list[tuple[Any, ...]]) -> int | None:
    """The first step in which two episodes differ; None where they are equal."""
    for step, (left, right) in enumerate(zip(one, two, strict=False)):
        if not _equal(left[0], right[0]) or left[1:] != right[1:]:
            return step
    return None if len(one) == len(two) else min(len(one), len(two))


def _equal(one: Any, two: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(_equal(part, two[key]) for key, part in one.items())
    if isinstance(one, list):
        return len(one) == len(two) and all(map(_equal, one, two))
    return bool(np.array_equal(one, two))


def _close_twice(part: Part, choice: EnvChoice) -> None:
    env = make_env(choice, part.trusted).unwrapped
    env.close()
    env.close()

"""Episode objects that grow with every step, for callbacks that follow an episode from its start."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

from ray.rllib.core.columns import Columns
from ray.rllib.env.single_agent_episode import SingleAgentEpisode

from rlexp.engine.sampling.episode_view import info_of, row_of
from rlexp.engine.sampling.steps import Steps, step_bytes
from rlexp.environment.guards.long_episodes import most_steps, thinned


class Caller(Protocol):
    """Calls one hook of all that listen to it."""

    def call(self, hook: str, episode: Any, env: int, **more: Any) -> None:
        """See `rlexp.engine.sampling.episode_hooks.Hooks`."""

    def forget(self, part: Any, env: int, steps: int) -> None:
        """See `rlexp.engine.sampling.episode_hooks.Hooks`."""


class LiveEpisodeHooks:
    """As RLlib's env runner keeps them: an object per sub-environment, the same from `created` to `end`."""

    def __init__(self, hooks: Caller, num_envs: int, spaces: tuple[Any, Any], lookback: int) -> None:
        self._hooks, self._num_envs, self._spaces, self._lookback = hooks, num_envs, spaces, lookback

    def resetting(self) -> None:
        """Before all environments are reset."""
        self._chunks: list[list[Any]] = [[] for _ in range(self._num_envs)]
        self._episodes = [self._create(env) for env in range(self._num_envs)]

    def reset(self, steps: Steps) -> None:
        """After all environments were reset."""
        for env in range(self._num_envs):
            self._begin(steps, env)
        for env, episode in enumerate(self._episodes):
            self._hooks.call("on_episode_start", episode, env)

    def stepped(self, steps: Steps, began: list[int], ended: list[int]) -> None:
        """After each vector step: the sub-environments whose episode began or ended with it."""
        for env in range(self._num_envs):
            if env in began:
                self._begin(steps, env)
            else:
                self._add(steps, env)
        for env in range(self._num_envs):
            hook = "on_episode_start" if env in began else "on_episode_step"
            self._hooks.call(hook, self._episodes[env], env)
            if env in ended:
                chunks, self._chunks[env] = self._chunks[env], []
                self._hooks.call("on_episode_end", self._episodes[env], env, prev_episode_chunks=chunks)
                self._episodes[env] = self._create(env)

    def cut(self, steps: Steps) -> None:
        """The rollout ends here: the episodes go on as new chunks of themselves."""
        for env, episode in enumerate(self._episodes):
            if episode.t > 0:
                self._episodes[env] = episode.cut(len_lookback_buffer=self._lookback)
                chunks, most = [*self._chunks[env], episode], most_steps(step_bytes(steps), self._num_envs)
                self._chunks[env] = thinned(chunks, most, partial(self._forget, env))

    def _forget(self, env: int, part: Any, steps: int) -> None:
        self._hooks.forget(part, env, steps)

    def _create(self, env: int) -> SingleAgentEpisode:
        episode = SingleAgentEpisode(observation_space=self._spaces[0], action_space=self._spaces[1])
        self._hooks.call("on_episode_created", episode, env)
        return episode

    def _begin(self, steps: Steps, env: int) -> None:
        self._episodes[env].add_env_reset(row_of(steps.observations[-1], env), info_of(steps.infos[-1], env))

    def _add(self, steps: Steps, env: int) -> None:
        outputs = {name: value[env] for name, value in steps.outputs[-1].items()}
        if steps.states[-1] is not None:
            outputs[Columns.STATE_OUT] = row_of(steps.states[-1], env)
        self._episodes[env].add_env_step(
            observation=row_of(steps.observations[-1], env),
            action=row_of(steps.actions[-1], env),
            reward=float(steps.rewards[-1][env]),
            infos=info_of(steps.infos[-1], env),
            terminated=bool(steps.terminated[-1][env]),
            truncated=bool(steps.truncated[-1][env]),
            extra_model_outputs=outputs,
        )

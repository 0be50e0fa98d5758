"""Callbacks' episode hooks: episode objects are made only for those that somebody overrode."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.callbacks.utils import make_callback

from rlexp.engine.sampling.episode_view import EpisodeView
from rlexp.engine.sampling.live_episodes import LiveEpisodeHooks
from rlexp.engine.sampling.steps import Steps, step_bytes
from rlexp.environment.guards.long_episodes import most_steps, thinned

if TYPE_CHECKING:
    from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

BEFORE_THE_END = ("on_episode_created", "on_episode_start", "on_episode_step")
END = "on_episode_end"

LOGGED_BY_FAST_RUNNER = "logged_by_fast_runner"
"""Attribute of callback classes: True if their episode hooks log what the fast runner logs by itself."""


def listeners(callbacks: Iterable[Any], hook: str) -> list[Any]:
    """The callbacks that define `hook` themselves, but for what the runner does for them."""
    return [
        callback
        for callback in callbacks
        if getattr(type(callback), hook) is not getattr(RLlibCallback, hook)
        and not vars(type(callback)).get(LOGGED_BY_FAST_RUNNER)
    ]


class CallbackHooks:
    """Calls the episode hooks of a runner's callbacks, in RLlib's order."""

    def __init__(self, runner: SingleAgentEnvRunner) -> None:
        self._runner = runner
        self._listeners = {hook: listeners(runner._callbacks, hook) for hook in (*BEFORE_THE_END, END)}

    def call(self, hook: str, episode: Any, env: int, **more: Any) -> None:
        """Calls one hook of all that listen to it."""
        runner = self._runner
        make_callback(
            hook,
            callbacks_objects=self._listeners[hook],
            callbacks_functions=getattr(runner.config, f"callbacks_{hook}"),
            kwargs={
                "episode": episode,
                "env_runner": runner,
                "metrics_logger": runner.metrics,
                "env": runner.env.unwrapped,
                "rl_module": runner.module,
                "env_index": env,
                **more,
            },
        )

    def forget(self, part: Any, env: int, steps: int) -> None:
        """Tells those who want to know that an ongoing episode's earlier part is no longer kept."""
        for listener in self._listeners[END]:
            if (forgets := getattr(listener, "on_steps_forgotten", None)) is not None:
                forgets(part=part, steps=steps, env_index=env)

    def heard(self, hook: str) -> bool:
        """True if anyone listens."""
        return bool(self._listeners[hook] or getattr(self._runner.config, f"callbacks_{hook}"))


class NoHooks:
    """Nobody listens."""

    def resetting(self) -> None:
        """Before all environments are reset."""

    def reset(self, steps: Steps) -> None:
        """After all environments were reset; `steps` has their first observations."""

    def stepped(self, steps: Steps, began: list[int], ended: list[int]) -> None:
        """After each vector step: the sub-environments whose episode began or ended with it."""

    def cut(self, steps: Steps) -> None:
        """The rollout ends here; its rows go to the learner."""


class EpisodeEndHooks(NoHooks):
    """Only `on_episode_end` is listened to: an episode is looked at once it has ended."""

    def __init__(self, hooks: CallbackHooks, num_envs: int, spaces: tuple[Any, Any], lookback: int) -> None:
        self._hooks, self._num_envs, self._spaces, self._lookback = hooks, num_envs, spaces, lookback
        self.resetting()

    def resetting(self) -> None:
        """See `NoHooks`."""
        self._first = [0] * self._num_envs
        self._chunks: list[list[Any]] = [[] for _ in range(self._num_envs)]

    def stepped(self, steps: Steps, began: list[int], ended: list[int]) -> None:
        """See `NoHooks`."""
        rows = len(steps)
        for env in began:
            self._first[env] = rows
        for env in ended:
            chunks, self._chunks[env] = self._chunks[env], []
            self._hooks.call(END, self._view(steps, env, chunks), env, prev_episode_chunks=chunks)
            self._first[env] = rows

    def cut(self, steps: Steps) -> None:
        """See `NoHooks`."""
        rows = len(steps)
        for env in range(self._num_envs):
            if self._first[env] < rows:
                chunks = self._chunks[env]
                chunks.append(self._view(steps, env, chunks))
                most = most_steps(step_bytes(steps), self._num_envs)
                self._chunks[env] = thinned(chunks, most, partial(self._forget, env))
            self._first[env] = 0

    def _forget(self, env: int, part: Any, steps: int) -> None:
        self._hooks.forget(part, env, steps)

    def _view(self, steps: Steps, env: int, chunks: list[Any]) -> EpisodeView:
        before = chunks[-1] if chunks else None
        return EpisodeView(steps, env, self._first[env], len(steps), self._spaces, before, self._lookback)


def episode_hooks(
    runner: SingleAgentEnvRunner, num_envs: int, spaces: tuple[Any, Any]
) -> NoHooks | LiveEpisodeHooks:
    """What the runner's callbacks need, and no more."""
    hooks = CallbackHooks(runner)
    lookback = runner.config.episode_lookback_horizon
    if any(hooks.heard(hook) for hook in BEFORE_THE_END):
        return LiveEpisodeHooks(hooks, num_envs, spaces, lookback)
    return EpisodeEndHooks(hooks, num_envs, spaces, lookback) if hooks.heard(END) else NoHooks()

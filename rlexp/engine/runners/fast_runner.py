"""The fast env runner: RLlib's, stepping all sub-environments at once on arrays."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
import tree
from numpy.typing import NDArray

from rlexp.engine.acting.actor import Actor, TorchActor, initial_states
from rlexp.engine.acting.numpy_actors import numpy_actor
from rlexp.engine.dense import kernels
from rlexp.engine.network_functions import overwrite_activations
from rlexp.engine.rollout import Rollout
from rlexp.engine.runners.guarded_runner import GuardedEnvRunner
from rlexp.engine.sampling.env_actions import env_actions
from rlexp.engine.sampling.episode_hooks import episode_hooks
from rlexp.engine.sampling.observations import ObservationPipeline, PreviousStep
from rlexp.engine.sampling.runner_metrics import RunnerMetrics
from rlexp.engine.sampling.steps import EpisodeTasks, Steps, ended_episodes, step_bytes
from rlexp.engine.sampling.vector_stepper import stepper
from rlexp.environment.guards.long_episodes import most_steps
from rlexp.environment.hangs import interrupt_sampling
from rlexp.environment.hangs.hang_watch import watched

LET_GO = 256
"""Rows, at least, of which an evaluation keeps the number of steps alone."""


class CountedSteps(NamedTuple):
    """Steps of an evaluation that are no longer there: RLlib only counts them."""

    steps: int

    def env_steps(self) -> int:
        """As a rollout's."""
        return self.steps

    def agent_steps(self) -> int:
        """As a rollout's."""
        return self.steps


class FastEnvRunner(GuardedEnvRunner):
    """Samples `Rollout`s; everything else (state, weights, environments, faults) is RLlib's.

    Raises:
        NotImplementedError: a connector or the action space has no vectorised form
            (`rlexp.engine.fast_path_refusals` asks before).
    """

    _steps: Steps
    _done: NDArray[np.bool_]
    _needs_initial_reset: bool

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.runner_metrics = RunnerMetrics()
        if self.env is None:
            return
        spaces = self._env_to_module.observation_space, self.env.single_action_space
        self._observe = ObservationPipeline(self._env_to_module)
        self._for_env = env_actions(self._module_to_env, self.env.single_action_space)
        self._hooks = episode_hooks(self, self.num_envs, spaces)
        self._tasks = EpisodeTasks(self.num_envs)
        self._kernels = kernels.kernels_of(self.config)
        self._actor = self._make_actor()
        reads = getattr(self.config.learner_class, "reads_embeddings", False)
        self._keeps_embeddings = reads and not self.config.in_evaluation
        self._initial_states = initial_states(self.module, self.num_envs) if self.module else None

    def make_env(self) -> None:
        """As RLlib's; called again when the environments have failed."""
        super().make_env()
        self._step_vector = stepper(
            self.env.env
        )  # RLlib's wrapper makes a list of infos that nobody may want.

    def _make_actor(self) -> Actor | None:
        if self.module is None:
            return None
        overwrite_activations(self.module)
        with kernels.using(self._kernels):
            quick = (
                numpy_actor(self.module, self.num_envs, self._seed) if str(self._device) == "cpu" else None
            )
        return quick or TorchActor(self.module, self._device)

    def _sample(
        self,
        *,
        num_timesteps: int | None = None,
        num_episodes: int | None = None,
        explore: bool,
        random_actions: bool = False,
        force_reset: bool = False,
    ) -> list[Any]:
        return self.collect(num_timesteps, num_episodes, explore, random_actions, force_reset)

    @watched
    def collect(
        self,
        num_timesteps: int | None = None,
        num_episodes: int | None = None,
        explore: bool = True,
        random_actions: bool = False,
        force_reset: bool = False,
    ) -> list[Any]:
        """Steps the environments without a word to RLlib's metrics (`get_metrics` tells them all at once).

        Args:
            num_timesteps: env steps to make at least, over all sub-environments.
            num_episodes: episodes to end, instead; all environments are reset before and after.
            explore: whether to explore.
            random_actions: whether to draw from the action space instead of asking the module.
            force_reset: whether to reset all environments first.

        Returns:
            One rollout; several when the environments had to be made anew in between. Of episodes that were asked for,
            the earlier steps only as `CountedSteps`.
        """
        self._dispatch_tasks()
        if force_reset or num_episodes is not None or self._needs_initial_reset:
            self._reset()
        if self._actor is not None:
            self._actor.refresh()
        limit = num_timesteps if num_timesteps is not None else np.inf
        made, episodes, parts = 0, 0, []
        counted: list[Any] = []
        while made < limit and (num_episodes is None or episodes < num_episodes):
            if not self._step(explore, random_actions, made):
                parts.append(self._steps)
                self._reset()
                continue
            made += int(np.count_nonzero(self._steps.valid[-1]))
            episodes += self._account(None if num_episodes is None else num_episodes - episodes)
            if num_episodes is not None and self._may_let_go():
                parts.append(self._steps)
                self._steps = self._next_steps()
                counted += [CountedSteps(len(self._rollout(steps))) for steps in parts if len(steps)]
                parts = []
        parts.append(self._steps)
        self._steps = self._next_steps()
        self._needs_initial_reset = num_episodes is not None
        self._kernels.settle()
        return [*counted, *(self._rollout(steps) for steps in parts if len(steps))]

    def _may_let_go(self) -> bool:
        """True if the rows are enough for a piece, where entire episodes are sampled (in evaluation) and only counted.

        Episodes stay in one piece for the callbacks, but for those that go on and on.
        """
        rows = len(self._steps)
        if rows < LET_GO:
            return False
        return bool(self._done.all()) or rows >= most_steps(step_bytes(self._steps), self.num_envs)

    def _rollout(self, steps: Steps) -> Rollout:
        """The rows as columns, with what a curriculum's learner must know; outcomes go there or to the metrics."""
        rollout = steps.rollout(self.worker_index or 0, self._weights_seq_no)
        if self._dispatcher is None:
            return rollout
        rollout.learnt, found = self._tasks.learnt(steps), ended_episodes(steps)
        if self._dispatcher.with_signals:
            rollout.ended = found
        else:
            self.runner_metrics.outcomes += [each.outcome for each in found]
        return rollout

    def _step(self, explore: bool, random_actions: bool, made: int) -> bool:
        """One vector step, added to the rows; false when the environments failed."""
        interrupt_sampling.check()
        steps, counts = self._steps, self.runner_metrics
        begin = time.perf_counter()
        self._watch.beat(begin)
        if random_actions or self._actor is None:
            actions, outputs, states = self.env.action_space.sample(), {}, steps.states[-1]
            for_env, embeddings = actions, None
        else:
            choice = self._actor.act(steps.observations[-1], steps.states[-1], explore, self._env_step(made))
            actions, outputs, states = choice.actions, choice.outputs, choice.states
            embeddings = choice.embeddings if self._keeps_embeddings else None
            for_env = self._for_env(actions)
        acted = time.perf_counter()
        result = self._step_env(for_env)
        stepped = time.perf_counter()
        counts.inference_s += acted - begin
        counts.env_s += stepped - acted
        if result is None:
            return False
        raw, rewards, terminated, truncated, infos = result
        began = self._done
        steps.actions.append(actions)
        steps.rewards.append(rewards)
        steps.terminated.append(terminated)
        steps.truncated.append(truncated)
        steps.valid.append(~began)
        steps.outputs.append(outputs)
        steps.embeddings.append(embeddings)
        steps.infos.append(infos)
        steps.observations.append(self._observe(raw, PreviousStep(actions, rewards, began)))
        if states is not None and np.count_nonzero(began):
            states = _where(began, self._initial_states, states)
        steps.states.append(states)
        return True

    def _account(self, episodes_wanted: int | None) -> int:
        """Counts the last row's step; returns how many episodes ended with it, at most those wanted."""
        steps, counts = self._steps, self.runner_metrics
        began = self._done
        self._done = done = steps.terminated[-1] | steps.truncated[-1]
        counts.count(steps.rewards[-1], began, done, episodes_wanted)
        if infos := steps.infos[-1]:
            counts.read(infos)
        begin = time.perf_counter()
        finished = done.nonzero()[0][:episodes_wanted].tolist()
        self._hooks.stepped(steps, began.nonzero()[0].tolist(), finished)
        counts.callbacks_s += time.perf_counter() - begin
        return len(finished)

    def _next_steps(self) -> Steps:
        """The rows that go on where these end."""
        last = self._steps
        self._hooks.cut(last)
        started = np.where(self._done, 0, self.runner_metrics.episode_steps)
        return Steps(last.observations[-1], last.states[-1], last.infos[-1], started, continues=True)

    def _reset(self) -> None:
        """Resets all environments; what had been sampled of their episodes was handed out before."""
        self._hooks.resetting()
        raw, infos = self._reset_env()
        began = np.ones(self.num_envs, bool)
        self._done = np.zeros(self.num_envs, bool)
        self.runner_metrics.begin(self.num_envs)
        observations = self._observe(raw, PreviousStep(None, None, began))
        self._steps = Steps(
            observations, self._initial_states, infos, np.zeros(self.num_envs, np.int64), continues=False
        )
        self.runner_metrics.read(infos)
        self._hooks.reset(self._steps)
        self._needs_initial_reset = False

    def _reset_env(self) -> tuple[Any, dict[str, Any]]:
        while True:
            seed = self._seed_after_crashes(self._seed if self._needs_initial_reset else None)
            try:
                started = self.env.env.reset(seed=seed)
                self._process.restore()
                return started
            except Exception as error:
                self._renew_after(error)

    def _step_env(self, actions: Any) -> tuple[Any, Any, Any, Any, Any] | None:
        try:
            result = self._step_vector(actions)
            self._process.restore()
        except Exception as error:
            self.runner_metrics.step_failures += 1
            self._renew_after(error)
            return None
        self._crashes_in_a_row = 0
        return result

    def _count_failure(self) -> None:
        self.runner_metrics.failures += 1

    def _env_step(self, made: int) -> int:
        """Env steps of the run so far, roughly, for exploration schedules; RLlib's formula."""
        runners = self.config.num_env_runners or 1
        return (self.num_env_steps_sampled_lifetime // runners + made) * runners

    def get_metrics(self) -> Any:
        """What was sampled since the last call, as RLlib's env runner tells it."""
        self.runner_metrics.log(self)
        return self.metrics.reduce()


def _where(rows: NDArray[np.bool_], new: Any, old: Any) -> Any:
    """Row by row `new` or `old`, of trees of [N, ...] arrays."""

    def choose(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
        shaped = rows.reshape(-1, *[1] * (other.ndim - 1))
        return np.asarray(np.where(shaped, one, other)).astype(other.dtype)

    return tree.map_structure(choose, new, old)

"""DQN and SAC as algorithms of the fast path: many rounds of sampling, storing and updating in a training step.

Meaning, counts and names are those of RLlib's `training_step`, which makes one round a call and talks to its metrics
some hundred times in it. Here a call makes rounds until what the config asks of an iteration is reached, which is the
same round as RLlib's, and talks to the metrics once: means over calls would depend on when each call ended. Each timer
gets the seconds of an entire call.

With remote env runners, a round's samples are collected while the updates of the round before are made. The weights
that act are then one round older than RLlib's; which weights act in which round does not depend on timing, so a
seed still gives one result. Nothing is left running between calls.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from ray.rllib.algorithms.dqn.dqn import DQN, calculate_rr_weights
from ray.rllib.algorithms.sac.sac import SAC
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.execution.rollout_ops import synchronous_parallel_sample
from ray.rllib.utils.metrics import (
    ALL_MODULES,
    ENV_RUNNER_RESULTS,
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_RESULTS,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    NUM_ENV_STEPS_TRAINED_LIFETIME,
    REPLAY_BUFFER_ADD_DATA_TIMER,
    REPLAY_BUFFER_RESULTS,
    REPLAY_BUFFER_SAMPLE_TIMER,
    REPLAY_BUFFER_UPDATE_PRIOS_TIMER,
    SYNCH_WORKER_WEIGHTS_TIMER,
    TIMERS,
)

from rlexp.compat import rllib
from rlexp.engine.algorithms.shared_weights import share_weights
from rlexp.engine.learning.off_policy import ReplayLearner
from rlexp.engine.replay.prioritized import PrioritizedColumnarReplay
from rlexp.engine.replay.uniform import ColumnarReplay
from rlexp.engine.rollout import Rollout
from rlexp.environment.hangs import interrupt_sampling

_REPLAYS: dict[str, type[ColumnarReplay]] = {
    "EpisodeReplayBuffer": ColumnarReplay,
    "PrioritizedEpisodeReplayBuffer": PrioritizedColumnarReplay,
}
_TIMERS = (
    ENV_RUNNER_SAMPLING_TIMER,
    REPLAY_BUFFER_ADD_DATA_TIMER,
    REPLAY_BUFFER_SAMPLE_TIMER,
    LEARNER_UPDATE_TIMER,
    REPLAY_BUFFER_UPDATE_PRIOS_TIMER,
    SYNCH_WORKER_WEIGHTS_TIMER,
)
_SAMPLED = (ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME)
_TRAINED = (LEARNER_RESULTS, ALL_MODULES, NUM_ENV_STEPS_TRAINED_LIFETIME)


class OffPolicyStep(DQN):
    """The training step; put it before RLlib's algorithm class: `class FastX(OffPolicyStep, X)`.

    Attributes:
        horizon: env steps sampled in all at which an iteration ends, however long it should last.
        deadline: as `horizon`, by `time.monotonic()`.

    Raises:
        TypeError: (`setup`) the learner or the replay is not one of the fast path.
    """

    horizon: float = math.inf
    deadline: float = math.inf

    def setup(self, config: Any) -> None:
        """As RLlib's; then looks at what it has built."""
        super().setup(config)
        learner = rllib.local_learner(self.learner_group) if self.learner_group.is_local else None
        if not isinstance(learner, ReplayLearner) or not isinstance(self.local_replay_buffer, ColumnarReplay):
            raise TypeError(f"{type(self).__name__} needs a local ReplayLearner and a ColumnarReplay")
        self._learner = learner
        self._begun = _Begun(-1, 0, 0)
        self._thread: ThreadPoolExecutor | None = None
        self._collected: Future[Any] | None = None

    def _create_local_replay_buffer_if_necessary(self, config: Any) -> Any:
        """The columnar form of the buffer that the config names; RLlib checks the config by stock's names."""
        settings = dict(config["replay_buffer_config"])
        name = str(settings.pop("type", "EpisodeReplayBuffer")).rpartition(".")[2]
        if name not in _REPLAYS:
            return super()._create_local_replay_buffer_if_necessary(config)
        window = self.config.metrics_num_episodes_for_smoothing
        return _REPLAYS[name](**{"metrics_num_episodes_for_smoothing": window, **settings})

    def training_step(self) -> None:
        """Rounds of sampling and learning; everything is logged at the end."""
        config = self.config
        sampled, trained = (int(self.metrics.peek(key, default=0)) for key in (_SAMPLED, _TRAINED))
        if self._begun.iteration != self.iteration:
            self._begun = _Begun(self.iteration, sampled, trained)
        seconds, updates, rounds = _Seconds(), 0, 0
        shared = self._share()
        store, per_round = calculate_rr_weights(config)
        while True:
            try:
                made = sum(self._collect(seconds) for _ in range(store))
            except interrupt_sampling.SamplingCut:
                if not rounds:
                    raise
                break
            rounds += 1
            sampled += made
            if sampled >= config.num_steps_sampled_before_learning_starts and len(self.local_replay_buffer):
                made_now = self._updates(per_round, sampled, seconds)
                updates += made_now
                trained += made_now * config.total_train_batch_size
                if not shared:
                    self._send_weights(seconds)
            over = sampled >= self.horizon or time.monotonic() >= self.deadline
            enough = over or self._begun.reached(config, sampled, trained)
            if enough or not made or interrupt_sampling.requested():
                break
        self._finish(seconds, updates)

    def _share(self) -> bool:
        """True if the runner acts with the learner's own tensors; asked anew, since a runner may be made anew."""
        return self.env_runner_group.num_remote_workers() == 0 and share_weights(self)

    def _collect(self, seconds: _Seconds) -> int:
        """One round of sampling into the replay; returns env steps."""
        with seconds.of(ENV_RUNNER_SAMPLING_TIMER):
            rollouts = (
                self._collect_remotely()
                if self.env_runner_group.num_remote_workers()
                else self._collect_here()
            )
        with seconds.of(REPLAY_BUFFER_ADD_DATA_TIMER):
            self.local_replay_buffer.add(rollouts)
        return sum(len(rollout) for rollout in rollouts)

    def _collect_here(self) -> list[Rollout]:
        config, runner = self.config, self.env_runner
        steps = config.get_rollout_fragment_length() * config.num_envs_per_env_runner
        rollouts: list[Rollout] = runner.collect(num_timesteps=steps, explore=config.explore)
        return rollouts

    def _collect_remotely(self) -> list[Rollout]:
        """What was asked for a round ago; and asks for the next."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="sampling")
        asked = self._collected or self._thread.submit(self._sample_remotely)
        self._collected = None
        with interrupt_sampling.breakable():
            rollouts, results = asked.result()
        self.metrics.aggregate(results, key=ENV_RUNNER_RESULTS)
        self._collected = self._thread.submit(self._sample_remotely)
        return rollouts

    def _sample_remotely(self) -> Any:
        return synchronous_parallel_sample(
            worker_set=self.env_runner_group,
            concat=True,
            sample_timeout_s=self.config.sample_timeout_s,
            _uses_new_env_runners=True,
            _return_metrics=True,
        )

    def _updates(self, count: int, sampled: int, seconds: _Seconds) -> int:
        """So many updates, or as many as an interrupt leaves time for; returns how many were made."""
        for made in range(count):
            if interrupt_sampling.requested():
                return made
            self._update(sampled, seconds)
        return count

    def _update(self, sampled: int, seconds: _Seconds) -> None:
        config, buffer = self.config, self.local_replay_buffer
        with seconds.of(REPLAY_BUFFER_SAMPLE_TIMER):
            batch = buffer.sample(
                num_items=config.total_train_batch_size,
                n_step=config.n_step,
                gamma=config.gamma,
                beta=config.replay_buffer_config.get("beta"),
            )
        with seconds.of(LEARNER_UPDATE_TIMER):
            errors = self._learner.update_from_replay(batch, {NUM_ENV_STEPS_SAMPLED_LIFETIME: sampled})
        if batch.prioritized:
            with seconds.of(REPLAY_BUFFER_UPDATE_PRIOS_TIMER):
                buffer.update_priorities(errors.cpu().numpy())

    def _send_weights(self, seconds: _Seconds) -> None:
        with seconds.of(SYNCH_WORKER_WEIGHTS_TIMER):
            if self._collected is not None:
                self._collected.exception()  # Waits: the runners' calls come from one thread at a time.
            self.env_runner_group.sync_weights(
                from_worker_or_learner_group=self.learner_group,
                policies=[DEFAULT_MODULE_ID],
                inference_only=True,
            )

    def _finish(self, seconds: _Seconds, updates: int) -> None:
        """Waits for what still runs, and tells RLlib's metrics of all rounds at once."""
        if self._collected is not None and not interrupt_sampling.requested():
            self._collected.exception()
        if not self.env_runner_group.num_remote_workers():
            self.metrics.aggregate([self.env_runner.get_metrics()], key=ENV_RUNNER_RESULTS)
        self.metrics.aggregate([self.local_replay_buffer.get_metrics()], key=REPLAY_BUFFER_RESULTS)
        if updates:
            self._learner.log_updates()
            self.metrics.aggregate([self._learner.metrics.reduce()], key=LEARNER_RESULTS)
        for name, value in seconds.spent.items():
            self.metrics.log_value((TIMERS, name), value)

    def cleanup(self) -> None:
        """As RLlib's; the sampling thread ends first."""
        if self._thread is not None:
            self._thread.shutdown()
        super().cleanup()


class FastDQN(OffPolicyStep, DQN):
    """RLlib's DQN on arrays."""


class FastSAC(OffPolicyStep, SAC):
    """RLlib's SAC on arrays."""


class _Begun:
    """Where an iteration began."""

    def __init__(self, iteration: int, sampled: int, trained: int) -> None:
        self.iteration, self._sampled, self._trained = iteration, sampled, trained
        self._time = time.monotonic()

    def reached(self, config: Any, sampled: int, trained: int) -> bool:
        """True if the iteration has all that the config asks of one, by RLlib's rule (`TrainIterCtx`)."""
        return (
            time.monotonic() - self._time >= (config.min_time_s_per_iteration or 0)
            and sampled - self._sampled >= (config.min_sample_timesteps_per_iteration or 0)
            and trained - self._trained >= (config.min_train_timesteps_per_iteration or 0)
        )


class _Seconds:
    """Seconds by timer; all of RLlib's timers are there, used or not."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(_TIMERS, 0.0)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.spent[name] += time.perf_counter() - begin

"""IMPALA and APPO as algorithms of the fast path.

With remote env runners the training step is RLlib's: the runners sample on their own, and RLlib's thread trains
on what comes. Without them sampling and learning take turns in this thread, so a seed gives one result, nothing goes
through Ray's object store, and the runner acts with the learner's own weights.
"""

from __future__ import annotations

from typing import Any

import ray
from ray.rllib.algorithms.appo.appo import APPO
from ray.rllib.algorithms.impala.impala import (
    IMPALA,
    LEARNER_RESULTS,
    MEAN_NUM_EPISODE_LISTS_RECEIVED,
    MEAN_NUM_LEARNER_GROUP_UPDATE_CALLED,
)
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.utils.metrics import (
    ALL_MODULES,
    ENV_RUNNER_RESULTS,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    NUM_ENV_STEPS_TRAINED_LIFETIME,
    SAMPLE_TIMER,
    SYNCH_WORKER_WEIGHTS_TIMER,
    TIMERS,
)

from rlexp.compat import rllib
from rlexp.engine.algorithms.shared_weights import share_weights
from rlexp.engine.learning.vtrace_learners import VTraceLearner
from rlexp.engine.rollout import Rollout
from rlexp.environment.hangs import interrupt_sampling

IDLE = 0.1
"""Seconds to wait for the next sample of a remote runner, before RLlib looks at everything else."""

_SAMPLE = "sample_get_state_and_metrics"
_SAMPLED = (ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME)
_TRAINED = (LEARNER_RESULTS, ALL_MODULES, NUM_ENV_STEPS_TRAINED_LIFETIME)


class AsyncStep(IMPALA):
    """The training step; put it before RLlib's algorithm class: `class FastX(AsyncStep, X)`.

    Raises:
        TypeError: (`setup`) the learner is not one of the fast path.
    """

    def setup(self, config: Any) -> None:
        """As RLlib's; then looks at what it has built."""
        super().setup(config)
        learner = rllib.local_learner(self.learner_group) if self.learner_group.is_local else None
        if not isinstance(learner, VTraceLearner):
            raise TypeError(f"{type(self).__name__} needs a local VTraceLearner")
        self._learner = learner
        self._updates_not_sent = 0
        if self._env_runner_state_server is not None:
            # Each runner asks this process for weights before it samples; its start is no part of the first iteration.
            ready = self._env_runner_state_server.get_version.remote()
            ray.wait([ready], timeout=self.config.env_runner_restore_timeout_s)

    def training_step(self) -> None:
        """Samples and learns in turn where the main process samples; else RLlib's step."""
        if self.config.num_env_runners:
            self._await_samples()
            super().training_step()
            return
        packages = self._sample_here()
        with self.metrics.log_time((TIMERS, LEARNER_UPDATE_TIMER)):
            for number, package in enumerate(packages):
                if number and interrupt_sampling.requested():
                    break
                self._train(package)
        self.metrics.log_value(MEAN_NUM_LEARNER_GROUP_UPDATE_CALLED, len(packages))
        self._send_weights(len(packages))

    def _await_samples(self) -> None:
        """Waits until a runner has something, instead of asking all the time on a core that they could use."""
        asked = rllib.samples_in_flight(self.env_runner_group, _SAMPLE)
        if asked:
            ray.wait(asked, timeout=IDLE, fetch_local=False)

    def _sample_here(self) -> list[list[list[Rollout]]]:
        """One sample; returns what has become ready for updates."""
        config, runner = self.config, self.env_runner
        steps = config.get_rollout_fragment_length() * config.num_envs_per_env_runner
        with self.metrics.log_time((TIMERS, SAMPLE_TIMER)):
            rollouts = runner.collect(num_timesteps=steps, explore=config.explore)
        self.metrics.aggregate([runner.get_metrics()], key=ENV_RUNNER_RESULTS)
        self.metrics.log_value((ENV_RUNNER_RESULTS, MEAN_NUM_EPISODE_LISTS_RECEIVED), 1)
        packages: list[list[list[Rollout]]] = self._pre_queue_episode_refs(
            [rollouts], package_size=config.total_train_batch_size
        )
        return packages

    def _train(self, package: list[list[Rollout]]) -> None:
        config, learner = self.config, self._learner
        trained = self.metrics.peek(_TRAINED, default=0)
        before = learner.steps_trained
        rollouts = [rollout for sample in package for rollout in sample]
        for number in range(self._passes()):
            if number and interrupt_sampling.requested():
                break
            learner.update_now(
                rollouts,
                timesteps={
                    NUM_ENV_STEPS_SAMPLED_LIFETIME: self.metrics.peek(_SAMPLED, default=0),
                    NUM_ENV_STEPS_TRAINED_LIFETIME: trained + learner.steps_trained - before,
                },
                num_epochs=config.num_epochs,
                minibatch_size=config.minibatch_size,
                shuffle_batch_per_epoch=config.shuffle_batch_per_epoch,
            )
        self.metrics.aggregate([learner.metrics.reduce()], key=LEARNER_RESULTS)

    def _passes(self) -> int:
        """Updates from each batch. A circular buffer never holds more than the newest batch, since nothing waits."""
        if getattr(self.config, "use_circular_buffer", False):
            return int(self.config.circular_buffer_iterations_per_batch)
        return 1

    def _send_weights(self, updates: int) -> None:
        """Every `broadcast_interval` updates; weights that are always sent are shared instead, where they can be."""
        self._updates_not_sent += updates
        interval = self.config.broadcast_interval
        if self._updates_not_sent < interval:
            return
        self._updates_not_sent = 0
        with self.metrics.log_time((TIMERS, SYNCH_WORKER_WEIGHTS_TIMER)):
            if interval <= 1 and share_weights(self):
                self.env_runner._weights_seq_no = self._learner._weights_seq_no
                return
            self.env_runner_group.sync_weights(
                from_worker_or_learner_group=self.learner_group,
                policies=[DEFAULT_MODULE_ID],
                inference_only=True,
            )


class FastIMPALA(AsyncStep, IMPALA):
    """RLlib's IMPALA on arrays."""


class FastAPPO(AsyncStep, APPO):
    """RLlib's APPO on arrays."""

"""What a fast env runner counts between two reports, and how RLlib's metrics get it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from ray.rllib.core import DEFAULT_AGENT_ID, DEFAULT_MODULE_ID
from ray.rllib.utils.metrics import (
    EPISODE_DURATION_SEC_MEAN,
    EPISODE_LEN_MAX,
    EPISODE_LEN_MEAN,
    EPISODE_LEN_MIN,
    EPISODE_RETURN_MAX,
    EPISODE_RETURN_MEAN,
    EPISODE_RETURN_MIN,
)

from rlexp.base.headline_metrics import (
    CALLBACKS_TIMER,
    ENV_FAILURES,
    ENV_TIMER,
    EPISODE_LENGTH,
    EPISODE_RETURN,
    INFERENCE_TIMER,
)
from rlexp.environment.guards import notices
from rlexp.environment.guards.notices import Noticed
from rlexp.environment.info_keys import FAILURE_COUNT, NOTICES
from rlexp.environment.tasks.outcome import Outcome, log_outcome

if TYPE_CHECKING:
    from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

TIMERS = (ENV_TIMER, INFERENCE_TIMER, CALLBACKS_TIMER)
_WINDOWS: tuple[tuple[Any, ...], ...] = (
    (EPISODE_LEN_MEAN, EPISODE_LEN_MIN, EPISODE_LEN_MAX),
    (
        *(EPISODE_RETURN_MEAN, EPISODE_RETURN_MIN, EPISODE_RETURN_MAX),
        ("agent_episode_return_mean", DEFAULT_AGENT_ID),
        ("module_episode_return_mean", DEFAULT_MODULE_ID),
    ),
    (EPISODE_DURATION_SEC_MEAN,),
)
"""Where RLlib's runner logs an episode's length, return and seconds."""

STEP_FAILURES = "num_env_step_failures_lifetime"


class RunnerMetrics:
    """Steps, episodes and seconds since the last report, and the running figures of ongoing episodes."""

    def __init__(self) -> None:
        self.env_s = self.inference_s = self.callbacks_s = 0.0
        self.steps = self.failures = self.step_failures = 0
        self.ended: list[tuple[int, float, float]] = []
        self.outcomes: list[Outcome] = []
        self.noticed: list[Noticed] = []
        self.begin(0)

    def begin(self, num_envs: int) -> None:
        """All episodes start anew."""
        self.episode_steps = np.zeros(num_envs, np.int64)
        self._returns = np.zeros(num_envs)
        self._since = np.full(num_envs, time.perf_counter())

    def count(
        self, rewards: NDArray[Any], began: NDArray[np.bool_], done: NDArray[np.bool_], most: int | None
    ) -> None:
        """One vector step; of the episodes that ended, at most `most` are remembered."""
        starting = int(np.count_nonzero(began))
        if starting:
            self.episode_steps[began] = -1
            self._returns[began] = 0.0
            self._since[began] = time.perf_counter()
        self.episode_steps += 1
        self._returns += rewards
        self.steps += len(rewards) - starting
        if np.count_nonzero(done):
            now = time.perf_counter()
            for env in np.flatnonzero(done)[:most]:
                figures = self.episode_steps[env], self._returns[env], now - self._since[env]
                self.ended.append((int(figures[0]), float(figures[1]), float(figures[2])))

    def read(self, infos: dict[str, Any]) -> None:
        """What the guards say in one row of infos."""
        if FAILURE_COUNT in infos:
            self.failures += int(np.sum(infos[FAILURE_COUNT]))
        if NOTICES in infos:
            self.noticed += notices.noticed_in(infos)

    def log(self, runner: SingleAgentEnvRunner) -> None:
        """Tells RLlib's logger, under the names of RLlib's own env runner, and starts counting anew."""
        metrics = runner.metrics
        runner._increase_sampled_metrics(self.steps, len(self.ended))
        self._log_episodes(runner)
        if self.ended or self.failures:
            metrics.log_value(ENV_FAILURES, self.failures, reduce="sum")
        if self.step_failures:
            metrics.log_value(STEP_FAILURES, self.step_failures, reduce="lifetime_sum")
        for timer, seconds in zip(TIMERS, (self.env_s, self.inference_s, self.callbacks_s), strict=True):
            metrics.log_value(timer, seconds, reduce="sum")
        self.env_s = self.inference_s = self.callbacks_s = 0.0
        for outcome in self.outcomes:
            log_outcome(metrics, outcome)
        notices.log(metrics, self.noticed)
        self.steps = self.failures = self.step_failures = 0
        self.ended, self.outcomes, self.noticed = [], [], []

    def _log_episodes(self, runner: SingleAgentEnvRunner) -> None:
        """Returns, lengths and seconds of the episodes that ended.

        The first goes through RLlib's own method, which makes what is not there; the others go straight to what it
        has made, without its logger's work at each of ten values.
        """
        if not self.ended:
            return
        # RLlib's windows hold so many episodes at most.
        first, *rest = self.ended[-runner.config.metrics_num_episodes_for_smoothing :]
        runner._log_episode_metrics(*first)
        for figure, keys in enumerate(_WINDOWS):
            for key in keys:
                stats = runner.metrics._get_key(key)
                for episode in rest:
                    stats.push(episode[figure])
        for key, figure in ((EPISODE_LENGTH, 0), (EPISODE_RETURN, 1)):
            runner.metrics.log_value(key, self.ended[0][figure], reduce="item_series")
            series = runner.metrics._get_key(key)
            for episode in self.ended[1:]:
                series.push(episode[figure])

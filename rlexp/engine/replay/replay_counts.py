"""A replay's counts between two readings of its metrics, logged under RLlib's names only when they are read."""

from __future__ import annotations

from typing import Any

from ray.rllib.utils.metrics import (
    ACTUAL_N_STEP,
    AGENT_ACTUAL_N_STEP,
    MODULE_ACTUAL_N_STEP,
    NUM_AGENT_STEPS_SAMPLED,
    NUM_AGENT_STEPS_SAMPLED_LIFETIME,
    NUM_ENV_STEPS_SAMPLED,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    NUM_MODULE_STEPS_SAMPLED,
    NUM_MODULE_STEPS_SAMPLED_LIFETIME,
    NUM_RESAMPLES,
)


class ReplayCounts:
    """Plain integers; stock's buffer makes some forty calls of its metrics logger for each sample."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._added = self._added_episodes = self._evicted = self._evicted_episodes = 0
        self._sampled, self._samples, self._n_steps, self._resamples = 0, 0, 0.0, 0

    def added(self, steps: int, episodes: int) -> None:
        """Steps stored, and episodes that began among them."""
        self._added += steps
        self._added_episodes += episodes

    def evicted(self, steps: int, episodes: int) -> None:
        """Steps dropped, and episodes whose first step was among them."""
        self._evicted += steps
        self._evicted_episodes += episodes

    def sampled(self, items: int, mean_n_step: float) -> None:
        """One sample."""
        self._sampled += items
        self._samples += 1
        self._n_steps += mean_n_step

    def resampled(self, items: int) -> None:
        """Items that were drawn and set aside."""
        self._resamples += items

    def log(self, buffer: Any, agent: str, module: str, smoothing: int) -> None:
        """Logs everything to the buffer's logger and starts anew."""
        ids = (("agent", agent), ("module", module))
        buffer._update_add_metrics(
            num_episodes_added=self._added_episodes,
            num_env_steps_added=self._added,
            num_episodes_evicted=self._evicted_episodes,
            num_env_steps_evicted=self._evicted,
            **{f"{kind}_to_num_episodes_added": {name: self._added_episodes} for kind, name in ids},
            **{f"{kind}_to_num_steps_added": {name: self._added} for kind, name in ids},
            **{f"{kind}_to_num_episodes_evicted": {name: self._evicted_episodes} for kind, name in ids},
            **{f"{kind}_to_num_steps_evicted": {name: self._evicted} for kind, name in ids},
        )
        if self._samples:
            self._log_sampled(buffer.metrics, agent, module, smoothing)
        self._clear()

    def _log_sampled(self, metrics: Any, agent: str, module: str, smoothing: int) -> None:
        for key in (
            NUM_ENV_STEPS_SAMPLED,
            (NUM_AGENT_STEPS_SAMPLED, agent),
            (NUM_MODULE_STEPS_SAMPLED, module),
        ):
            metrics.log_value(key, self._sampled, reduce="sum")
        for key in (
            NUM_ENV_STEPS_SAMPLED_LIFETIME,
            (NUM_AGENT_STEPS_SAMPLED_LIFETIME, agent),
            (NUM_MODULE_STEPS_SAMPLED_LIFETIME, module),
        ):
            metrics.log_value(key, self._sampled, reduce="lifetime_sum")
        for key in (ACTUAL_N_STEP, (AGENT_ACTUAL_N_STEP, agent), (MODULE_ACTUAL_N_STEP, module)):
            metrics.log_value(key, self._n_steps / self._samples, reduce="mean", window=smoothing)
        metrics.log_value(NUM_RESAMPLES, self._resamples, reduce="sum")

"""Callbacks as people wrote them for RLlib's old API stack, and one that notes what RLlib hands to its hooks."""

from __future__ import annotations

from typing import Any

from ray.rllib.algorithms.callbacks import DefaultCallbacks

from rlexp.run.building.old_callback_hooks import PASSED


class CountsAgents(DefaultCallbacks):
    def on_episode_end(self, *, episode: Any, **kwargs: Any) -> None:
        episode.get_agents()


class LogsAsBefore(DefaultCallbacks):
    def on_episode_end(self, *, episode: Any, **kwargs: Any) -> None:
        episode.custom_metrics["height"] = 1.0


class AsksWorkers(DefaultCallbacks):
    def on_train_result(self, *, algorithm: Any, **kwargs: Any) -> None:
        algorithm.workers.foreach_worker(lambda worker: None)


class ReadsOldResult(DefaultCallbacks):
    def on_train_result(self, *, result: dict[str, Any], **kwargs: Any) -> None:
        print(result["episode_reward_mean"])


class LooksIntoBaseEnv(DefaultCallbacks):
    def on_episode_step(self, *, episode: Any, base_env: Any = None, **kwargs: Any) -> None:
        base_env.get_sub_environments()


class KeepsData(DefaultCallbacks):
    def on_episode_start(self, *, episode: Any, **kwargs: Any) -> None:
        episode.add_temporary_timestep_data("height", 1.0)


class OldSignature(DefaultCallbacks):
    def on_episode_step(
        self, *, worker: Any, base_env: Any, episode: Any, env_index: int, **kwargs: Any
    ) -> None:
        """Never."""


class ClosedSignature(DefaultCallbacks):
    def on_train_result(self, *, algorithm: Any, result: dict[str, Any]) -> None:
        """Never."""


class Postprocesses(DefaultCallbacks):
    def on_postprocess_trajectory(self, **kwargs: Any) -> None:
        """Never."""


class NoCallback:
    def on_train_result(self, **kwargs: Any) -> None:
        """Never."""


class OwnError(DefaultCallbacks):
    def on_train_result(self, *, result: dict[str, Any], **kwargs: Any) -> None:
        self.workers  # noqa: B018


SEEN: dict[str, set[str]] = {}
"""The arguments of each hook of `PASSED`, as `Notes` and `NotesNoSamples` were given them."""


class Notes(DefaultCallbacks):
    """Has all hooks."""


class NotesNoSamples(DefaultCallbacks):
    """Has all hooks but the one that sampling on arrays cannot serve."""


def _noting(hook: str) -> Any:
    def note(self: Any, **kwargs: Any) -> None:
        SEEN.setdefault(hook, set()).update(kwargs)

    return note


for _hook in PASSED:
    setattr(Notes, _hook, _noting(_hook))
    if _hook != "on_sample_end":
        setattr(NotesNoSamples, _hook, _noting(_hook))

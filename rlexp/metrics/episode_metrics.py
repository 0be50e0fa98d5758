"""The callback that logs the custom metrics of the config at the end of each episode.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ray.rllib.callbacks.callbacks import RLlibCallback

from rlexp.config.suggest import nearest
from rlexp.config.targets import TARGET
from rlexp.errors import RunFailedError
from rlexp.metrics.episodes import step_infos, whole
from rlexp.metrics.log import log_metric

if TYPE_CHECKING:
    from ray.rllib.env.single_agent_episode import SingleAgentEpisode
    from ray.rllib.utils.metrics.metrics_logger import MetricsLogger

ERRORS = "__custom_metric_errors"
"""Branch of RLlib's result in which a runner's complaints reach the driver; RLlib would retry errors."""

PATIENCE = 3
"""Episodes on one runner that may lack an info key before it counts as missing."""


class EpisodeMetrics(RLlibCallback):
    """Logs `specs` (see `rlexp.metrics.custom`) with `log_metric`, in training and evaluation."""

    def __init__(self, specs: Mapping[str, Mapping[str, Any]], build: Callable[..., Any]) -> None:
        super().__init__()
        self.specs, self.build = specs, build
        self._found: set[str] = set()
        self._missed: Counter[str] = Counter()

    def on_episode_end(
        self,
        *,
        episode: SingleAgentEpisode,
        prev_episode_chunks: Sequence[SingleAgentEpisode] | None = None,
        metrics_logger: MetricsLogger,
        **kwargs: Any,
    ) -> None:
        """Logs each metric; an error is told to the driver, which ends the run."""
        pieces = list(prev_episode_chunks or ())
        infos = list(step_infos(episode, pieces)) if any("info" in s for s in self.specs.values()) else []
        if infos and "env_failure" in infos[-1]:
            return  # cut off by a failure of the environment: its figures mean nothing
        for name, spec in self.specs.items():
            try:
                value = self._value(name, spec, episode, pieces, infos)
                if value is not None:
                    log_metric(metrics_logger, name, value)
            except Exception as error:
                metrics_logger.log_value(ERRORS, _explain(name, error), reduce="item_series", window=4)

    def on_train_result(self, *, result: dict[str, Any], **kwargs: Any) -> None:
        """In the driver: ends the run when a metric could not be computed anywhere."""
        evaluation = result.get("evaluation") or {}
        for runners in (result.get("env_runners") or {}, evaluation.get("env_runners") or {}):
            complaints = runners.get(ERRORS)
            if isinstance(complaints, (list, tuple)) and complaints:
                raise RunFailedError(str(complaints[0]))

    def _value(
        self,
        name: str,
        spec: Mapping[str, Any],
        episode: SingleAgentEpisode,
        pieces: Sequence[SingleAgentEpisode],
        infos: list[dict[str, Any]],
    ) -> float | None:
        if TARGET in spec:
            return float(self.build(spec, episode=whole(episode, pieces)))
        return self._from_infos(name, spec["info"], spec.get("reduce", "last"), infos)

    def _from_infos(self, name: str, key: str, reduce: str, infos: list[dict[str, Any]]) -> float | None:
        last = infos[-1] if infos else {}
        values = [float(last[key])] if reduce == "last" and key in last else []
        if reduce != "last":
            values = [float(info[key]) for info in infos if key in info]
        if not values:
            self._miss(name, key, {k for info in infos for k in info} if reduce != "last" else set(last))
            return None
        self._found.add(name)
        if reduce == "mean":
            return sum(values) / len(values)
        return {"last": values[-1], "sum": sum(values), "max": max(values)}[reduce]

    def _miss(self, name: str, key: str, there: set[str]) -> None:
        """Counts an episode without the key; a key that was seen before may be missing now and then."""
        if name in self._found:
            return
        self._missed[name] += 1
        if self._missed[name] >= PATIENCE:
            lines = [f"metrics.{name}: the environment's info has no key {key!r}"]
            if near := nearest(key, there):
                lines.append("  did you mean: " + ", ".join(near))
            lines.append("  keys that are there: " + (", ".join(sorted(there)) or "none"))
            raise KeyError("\n".join(lines))


def _explain(name: str, error: Exception) -> str:
    if isinstance(error, KeyError) and str(error.args[0] if error.args else "").startswith("metrics."):
        return str(error.args[0])
    return f"metrics.{name} could not be computed: {type(error).__name__}: {error}"

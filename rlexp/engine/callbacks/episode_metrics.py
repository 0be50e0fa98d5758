"""The callback that logs the custom metrics of the config at the end of each episode."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ray.rllib.callbacks.callbacks import RLlibCallback

from rlexp.base.errors import RunFailedError
from rlexp.base.suggest import nearest
from rlexp.config.callables.targets import TARGET
from rlexp.engine.callbacks.episode_pieces import full_episode, step_infos
from rlexp.environment.guards import notices
from rlexp.environment.guards.long_episodes import EarlierSteps
from rlexp.environment.guards.notices import Noticed
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
        self._earlier: dict[int | None, _Earlier] = {}
        self._unsaid: list[str] = []
        self._found: set[str] = set()
        self._missed: Counter[str] = Counter()

    def on_episode_end(
        self,
        *,
        episode: SingleAgentEpisode,
        prev_episode_chunks: Sequence[SingleAgentEpisode] | None = None,
        metrics_logger: MetricsLogger,
        env_index: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Logs each metric; an error is sent to the driver, which ends the run."""
        pieces = list(prev_episode_chunks or ())
        earlier = self._earlier.pop(env_index, None)
        if not pieces or not isinstance(pieces[0], EarlierSteps):
            earlier = None  # Of an episode that never ended: the environments were reset.
        infos = list(step_infos(episode, pieces)) if any("info" in s for s in self.specs.values()) else []
        if infos and "env_failure" in infos[-1]:
            return  # cut off by a failure of the environment: its figures mean nothing
        for name, spec in self.specs.items():
            try:
                if earlier is not None and TARGET in spec:
                    notices.log(metrics_logger, [Noticed(1, (_too_long(name, earlier.steps),))])
                    continue
                value = self._value(name, spec, episode, pieces, infos, earlier)
                if value is not None:
                    log_metric(metrics_logger, name, value)
            except Exception as error:
                metrics_logger.log_value(ERRORS, _explain(name, error), reduce="item_series", window=4)
        if self._unsaid:
            said, self._unsaid = tuple(self._unsaid), []
            notices.log(metrics_logger, [Noticed(1, said)])

    def on_steps_forgotten(self, *, part: Any, steps: int, env_index: int | None = None) -> None:
        """Takes the figures of an ongoing episode's earlier part, which is no longer kept."""
        if not part.t_started:
            self._earlier.pop(env_index, None)
        earlier = self._earlier.setdefault(env_index, _Earlier())
        earlier.steps += steps
        keys = {spec["info"] for spec in self.specs.values() if "info" in spec}
        for info in part.get_infos(slice(1, steps + 1)) if keys else ():
            for key in keys & info.keys():
                earlier.add(key, float(info[key]))

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
        earlier: _Earlier | None,
    ) -> float | None:
        if TARGET in spec:
            return float(self.build(spec, episode=full_episode(episode, pieces)))
        return self._from_infos(name, spec["info"], spec.get("reduce", "last"), infos, earlier)

    def _from_infos(
        self, name: str, key: str, reduce: str, infos: list[dict[str, Any]], earlier: _Earlier | None
    ) -> float | None:
        values = [float(info[key]) for info in infos if key in info]
        before = earlier.of.get(key) if earlier is not None else None
        if not values and before is None:
            self._miss(name, key, {k for info in infos for k in info})
            return None
        self._found.add(name)
        count, total, most = before or (0, 0.0, -math.inf)
        if reduce == "mean":
            return (total + sum(values)) / (count + len(values))
        if reduce == "last":
            return values[-1] if values else None
        return {"sum": total + sum(values), "max": max([most, *values])}[reduce]

    def _miss(self, name: str, key: str, there: set[str]) -> None:
        """Counts an episode without the key, which some infos have only at times: a typing error alone ends the run."""
        if name in self._found:
            return
        self._missed[name] += 1
        near = nearest(key, there)
        if near and self._missed[name] >= PATIENCE:
            keys = ", ".join(sorted(map(str, there)))
            raise KeyError(
                f"metrics.{name}: the environment's info has no key {key!r}\n  did you mean: {', '.join(near)}\n"
                f"  keys that are there: {keys}"
            )
        if self._missed[name] == PATIENCE:
            keys = ", ".join(sorted(map(str, there))) or "none"
            self._unsaid.append(
                f"metrics.{name}: no info had the key {key!r} in the first {PATIENCE} episodes; there were: {keys}"
            )


class _Earlier:
    """Of an ongoing episode whose earlier steps are gone.

    Attributes:
        steps: how many.
        of: by info key, how many of them had it, the sum and the largest.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.of: dict[str, tuple[int, float, float]] = {}

    def add(self, key: str, value: float) -> None:
        """One step's."""
        count, total, most = self.of.get(key, (0, 0.0, -math.inf))
        self.of[key] = count + 1, total + value, max(most, value)


def _too_long(name: str, steps: int) -> str:
    return (
        f"metrics.{name} is not computed for episodes as long as one was: its first {steps:,} steps were no longer "
        "kept, so that memory does not grow (a metric of {info: <key>} is)"
    )


def _explain(name: str, error: Exception) -> str:
    if isinstance(error, KeyError) and str(error.args[0] if error.args else "").startswith("metrics."):
        return str(error.args[0])
    return f"metrics.{name} could not be computed: {type(error).__name__}: {error}"


def metrics_callback(specs: Mapping[str, Mapping[str, Any]], build: Callable[..., Any]) -> Callable[[], Any]:
    """What RLlib calls, in every process, to make the callback that logs these metrics at each episode's end.

    Args:
        specs: the checked `metrics` of the config.
        build: `build(spec, episode=...)` calls the function that a spec names; must be picklable, e.g.
            `functools.partial(rlexp.config.callables.targets.build, trusted=...)`.

    Returns:
        A picklable callable without arguments.
    """
    return partial(EpisodeMetrics, specs={name: dict(spec) for name, spec in specs.items()}, build=build)

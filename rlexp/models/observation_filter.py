"""`env.observation_filter`: observations normalised by their running mean and standard deviation.

One connector does so for every env runner; `add_filter` puts it into RLlib's config, where a run can have it. It
imports RLlib.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.connectors.connector_v2 import ConnectorV2

from rlexp.base.errors import ConfigError
from rlexp.compat import rllib
from rlexp.config.algorithms import algorithm_name, is_offline, networks_of
from rlexp.models.module_spec import ConnectorFactory

if TYPE_CHECKING:
    from gymnasium.spaces import Space
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

KEY = "env.observation_filter"
MEAN_STD = "MeanStdFilter"

Array = NDArray[Any]

CLIP = 10.0
"""Normalised observations lie between -CLIP and CLIP, RLlib's own value for its `MeanStdFilter`."""
SMALL = 1e-6
"""Added to the standard deviation, as RLlib does."""


class Moments(NamedTuple):
    """Of n observations: how many, their mean, and the sum of their squared differences from it, both [...]."""

    n: int
    mean: Array
    squares: Array

    def joined(self, other: Moments) -> Moments:
        """Of both sets of observations (Chan, Golub and LeVeque 1979)."""
        if not self.n or not other.n:
            return self if self.n else other
        n = self.n + other.n
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.n / n)
        squares = self.squares + other.squares + apart**2 * (self.n * other.n / n)
        return Moments(n, mean, squares)


class ObservationFilter(ConnectorV2):
    """Subtracts the mean and divides by the standard deviation of all observations so far, by RLlib's formulas.

    Gives what RLlib's `MeanStdFilter` gives with one env runner. With several, RLlib's loses the mean from the
    second merge on (it takes the mean's drift for the mean of what is new); here each env runner's observations are
    a stream of their own under a name of its own, a state is all streams, and to merge is to take the longest of
    each. So a merge that is repeated, late or lost does no harm, and a runner that is started anew goes on from
    what the others know. Integers and doubles become float32.

    It must be the pipeline's first piece: RLlib counts states, not pieces, when it merges those of a pipeline.

    Attributes:
        learns: whether observations that pass are counted; only in training, which the factory of the connectors
            says. A loaded policy and evaluation see what training has learnt.
    """

    learns = False
    _all: Moments
    _own: Moments

    def recompute_output_observation_space(
        self, input_observation_space: gym.Space, input_action_space: gym.Space
    ) -> gym.Space:
        """A float32 Box of the same shape."""
        return gym.spaces.Box(-CLIP, CLIP, input_observation_space.shape, np.float32)

    def __call__(self, *, episodes: list[Any], batch: dict[str, Any], **kwargs: Any) -> Any:
        """Replaces the last observation of each episode, as RLlib's does."""
        found = list(self.single_agent_episode_iterator(episodes, agents_that_stepped_only=False))
        rows = self.normalised(np.array([episode.get_observations(-1) for episode in found]))
        for episode, row in zip(found, rows, strict=True):
            episode.set_observations(at_indices=-1, new_data=row)
            episode.observation_space = self.observation_space
        return batch

    def normalised(self, rows: Array) -> Array:
        """[N, ...] observations to float32, row by row in order.

        Where this learns, a row counts before it is normalised, as in RLlib.
        """
        self._begin()
        rows = np.asarray(rows, np.float64)
        if not self.learns:
            return _normalised(rows, *self._all)
        counts, means, squares = _each(self._all, rows)
        self._all = Moments(int(counts.flat[-1]), means[-1], squares[-1])
        self._own = self._own.joined(_of(rows)) if self._others else self._all
        return _normalised(rows, counts, means, squares)

    def reset_state(self) -> None:
        """Forgets everything, and begins a stream of its own."""
        zeros = np.zeros(self.input_observation_space.shape)
        self._name, self._own = uuid.uuid4().hex, Moments(0, zeros, zeros)
        self._others: dict[str, Moments] = {}
        self._all = self._own

    def _begin(self) -> None:
        """On first use: the spaces are not known when RLlib makes a piece."""
        if not hasattr(self, "_all"):
            self.reset_state()

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """All streams by name: `{n, mean, squares}`, plain enough for any checkpoint format."""
        self._begin()
        streams = {**self._others, self._name: self._own}
        return {"streams": {name: moments._asdict() for name, moments in streams.items()}}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Takes over a merged or a saved state.

        What this runner has seen since is kept when its own stream is in it. A state that does not know this
        runner is a saved one, or comes to a runner that has just been started, and replaces everything.
        """
        self._begin()
        streams = _streams(state)
        if self._name not in streams:
            self.reset_state()
        self._own = _longer(self._own, streams.pop(self._name, self._own))
        self._others = streams
        self._join()

    def merge_states(self, states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Takes over the longest of each stream in its own state and the others, and returns them all."""
        self._begin()
        for state in states:
            for name, moments in _streams(state).items():
                if name != self._name and moments.n:
                    self._others[name] = _longer(self._others.get(name, moments), moments)
        self._join()
        return self.get_state()

    def _join(self) -> None:
        self._all = reduce(Moments.joined, (*self._others.values(), self._own))


class FilterForEvaluation(RLlibCallback):
    """Hands the filter to an evaluation env runner in this process, which RLlib leaves out."""

    def on_evaluate_start(self, *, algorithm: Any, **kwargs: Any) -> None:
        """Before each evaluation; remote runners have their state from RLlib."""
        group = algorithm.eval_env_runner_group
        runner = group.local_env_runner if group is not None else None
        source = rllib.env_to_module(algorithm.env_runner, algorithm.env_to_module_connector)
        target = rllib.env_to_module(runner)
        if source is not None and target is not None:
            target.set_state(source.get_state())


def _streams(state: Mapping[str, Any]) -> dict[str, Moments]:
    return {
        name: Moments(int(part["n"]), np.asarray(part["mean"]), np.asarray(part["squares"]))
        for name, part in state["streams"].items()
    }


def _longer(one: Moments, other: Moments) -> Moments:
    return one if one.n >= other.n else other


def _of(rows: Array) -> Moments:
    mean = rows.mean(axis=0)
    return Moments(len(rows), mean, ((rows - mean) ** 2).sum(axis=0))


def _each(before: Moments, rows: Array) -> tuple[Array, Array, Array]:
    """Count [N, 1...], mean and squares [N, ...] after each of the rows in turn (Welford 1962)."""
    base = before.mean if before.n else rows[0]
    counts = np.arange(before.n + 1, before.n + 1 + len(rows), dtype=np.float64)
    counts = counts.reshape(-1, *[1] * (rows.ndim - 1))
    # Differences from a value near the mean, so that nothing is lost where the mean is far from 0.
    means = base + np.cumsum(rows - base, axis=0) / counts
    earlier = np.concatenate([np.asarray(base)[None], means[:-1]])
    squares = before.squares + np.cumsum((rows - earlier) * (rows - means), axis=0)
    return counts, means, squares


def _normalised(rows: Array, counts: Any, means: Array, squares: Array) -> Array:
    # One observation alone has no deviation: RLlib takes 0, and what is left is 0 too.
    deviations = np.sqrt(np.maximum(squares, 0.0) / np.maximum(np.asarray(counts) - 1, 1))
    return np.clip((rows - means) / (deviations + SMALL), -CLIP, CLIP).astype(np.float32)


def add_filter(
    algorithm: AlgorithmConfig, space: Space, then: ConnectorFactory | None
) -> dict[str, ConnectorFactory]:
    """Puts the filter before the model's own connectors.

    Args:
        algorithm: its env-to-module connectors are set.
        space: the environment's observation space.
        then: makes the model's connectors.

    Returns:
        What `evaluation_config` needs, so that evaluation uses the filter and does not move it.

    Raises:
        ConfigError: the observations are no array of numbers, or no env runner samples for training.
    """
    _check(type(algorithm), space)
    algorithm.env_runners(env_to_module_connector=partial(filtered, then=then, learns=True))
    return {"_env_to_module_connector": partial(filtered, then=then, learns=False)}


def filtered(*args: Any, then: ConnectorFactory | None, learns: bool) -> list[Any]:
    """Fresh env-to-module pieces, the filter first; `args` are RLlib's."""
    piece = ObservationFilter()
    piece.learns = learns
    return [piece, *(then(*args) if then is not None else ())]


def _check(config_class: type, space: Space) -> None:
    if not isinstance(space, gym.spaces.Box):
        reason = f"it normalises arrays of numbers, and the observation is a {type(space).__name__}"
    elif (networks := networks_of(config_class)) is not None and networks.scales_observations:
        reason = f"{algorithm_name(config_class)} squashes its observations by itself"
    elif is_offline(config_class):
        reason = f"{algorithm_name(config_class)} learns from recorded observations, which it does not see"
    else:
        return
    raise ConfigError(f"{KEY}={MEAN_STD}: {reason}", key=KEY, fix=f"{KEY}=NoFilter")

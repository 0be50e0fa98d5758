"""RLlib's default networks acting in numpy: categorical, Gaussian, squashed Gaussian, and epsilon-greedy.

Encoders that are no chain of dense layers (images, dictionaries) run in torch, and the rest of the policy in numpy.

The formulas are those of RLlib's distributions (`ray.rllib.core.distribution.torch`); the random numbers come
from numpy's generator, not torch's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
import tree
from numpy.typing import NDArray
from ray.rllib.algorithms.appo.torch.default_appo_torch_rl_module import DefaultAPPOTorchRLModule
from ray.rllib.algorithms.dqn.torch.default_dqn_torch_rl_module import DefaultDQNTorchRLModule
from ray.rllib.algorithms.ppo.torch.default_ppo_torch_rl_module import DefaultPPOTorchRLModule
from ray.rllib.algorithms.sac.torch.default_sac_torch_rl_module import DefaultSACTorchRLModule
from ray.rllib.core.columns import Columns
from ray.rllib.core.models.torch.encoder import TorchActorCriticEncoder
from ray.rllib.utils.numpy import MAX_LOG_NN_OUTPUT, MIN_LOG_NN_OUTPUT

from rlexp.engine.acting.actor import Actor, ActorOutput, Head
from rlexp.engine.acting.dense_layers import DenseLayers, dense_layers
from rlexp.engine.network_functions import acts_as, encoder_function, head_function

Array = NDArray[np.float32]

MOST_ROWS = 64
"""Sub-environments up to which numpy is faster than torch."""

_HALF_LOG_TWO_PI = 0.5 * float(np.log(2.0 * np.pi))
_LEAST, _MOST = np.float32(MIN_LOG_NN_OUTPUT), np.float32(MAX_LOG_NN_OUTPUT)


class NumpyActor:
    """A chain of dense layers with a head."""

    def __init__(self, layers: DenseLayers, head: Head, parts: tuple[DenseLayers, ...] = ()) -> None:
        self._layers, self._head, self._parts = layers, head, (layers, *parts)

    def refresh(self) -> None:
        """See `Actor`."""
        for part in self._parts:
            part.refresh()

    def act(self, observations: Any, states: Any, explore: bool, env_step: int) -> ActorOutput:
        """See `Actor`."""
        inputs = self._forward(observations)
        return ActorOutput(*self._head.choose(inputs, explore, env_step))

    def _forward(self, observations: Array) -> Array:
        return self._layers(observations)


class DuelingActor(NumpyActor):
    """Values and advantages on one encoder (Wang et al. 2016): Q = V + A - mean A."""

    def __init__(
        self, encoder: DenseLayers, advantages: DenseLayers, values: DenseLayers, head: Head
    ) -> None:
        super().__init__(encoder, head, (advantages, values))
        self._advantages, self._values = advantages, values

    def _forward(self, observations: Array) -> Array:
        encoded = self._layers(observations)
        advantages = self._advantages(encoded)
        return self._values(encoded) + advantages - advantages.mean(axis=-1, keepdims=True)


class Categorical:
    """One of K actions by its logits."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def choose(self, inputs: Array, explore: bool, env_step: int) -> tuple[Array, dict[str, Array]]:
        """See `Head`; without exploration, as RLlib's deterministic distribution, log-probability 0."""
        outputs: dict[str, Array] = {Columns.ACTION_DIST_INPUTS: inputs}
        if not explore:
            actions = inputs.argmax(axis=-1)
            return actions, outputs | {Columns.ACTION_LOGP: np.zeros(actions.shape, np.float32)}
        rows, width = inputs.shape
        weights = np.exp(inputs - np.maximum.reduce(inputs, axis=-1, keepdims=True))
        cumulated = weights.cumsum(axis=-1)
        total = cumulated[:, -1:]
        drawn = self._generator.random((rows, 1), np.float32) * total
        # The last action is what is left, so that no rounding of the sum leaves none.
        actions = np.add.reduce(cumulated[:, :-1] <= drawn, axis=-1, dtype=np.int64)
        chosen = weights.ravel().take(actions + _first_places(rows, width))
        logp: Array = np.log(chosen / total[:, 0])
        return actions, outputs | {Columns.ACTION_LOGP: logp}


class Gaussian:
    """Independent normal distributions by means and logarithms of standard deviations."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def choose(self, inputs: Array, explore: bool, env_step: int) -> tuple[Array, dict[str, Array]]:
        """See `Head`."""
        width = inputs.shape[-1] // 2
        mean, log_std = inputs[:, :width], inputs[:, width:]
        if not explore:
            outputs = {Columns.ACTION_DIST_INPUTS: inputs}
            return mean, outputs | {Columns.ACTION_LOGP: np.zeros(mean.shape, np.float32)}
        noise = self._generator.standard_normal(mean.shape, np.float32)
        # A product with a vector is several times faster than a sum over short rows.
        logp: Array = (noise * noise).dot(_filled(width, -0.5))
        logp -= log_std.dot(_filled(width, 1.0))
        logp -= np.float32(width * _HALF_LOG_TWO_PI)
        actions = mean + noise * np.exp(log_std)
        return actions, {Columns.ACTION_DIST_INPUTS: inputs, Columns.ACTION_LOGP: logp}


class SquashedGaussian:
    """Gaussian through tanh (Haarnoja et al. 2018); what off-policy learners need, the action alone."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def choose(self, inputs: Array, explore: bool, env_step: int) -> tuple[Array, dict[str, Array]]:
        """See `Head`; without exploration the mean itself, as RLlib has it (its action is clipped later)."""
        width = inputs.shape[-1] // 2
        mean, log_std = inputs[:, :width], inputs[:, width:]
        if not explore:
            return mean, {}
        noise = self._generator.standard_normal(mean.shape, np.float32)
        noise *= np.exp(np.minimum(np.maximum(log_std, _LEAST), _MOST))
        return np.tanh(mean + noise), {}


class EpsilonGreedy:
    """The action of the highest value, or any with probability epsilon."""

    def __init__(self, generator: np.random.Generator, schedule: Any) -> None:
        self._generator, self._schedule = generator, schedule

    def choose(self, inputs: Array, explore: bool, env_step: int) -> tuple[Array, dict[str, Array]]:
        """See `Head`."""
        actions = inputs.argmax(axis=-1)
        if not explore:
            return actions, {}
        epsilon = float(self._schedule.update(env_step))
        random = self._generator.random(len(inputs)) < epsilon
        if random.any():
            actions[random] = self._generator.integers(inputs.shape[-1], size=int(random.sum()))
        return actions, {}


@lru_cache(maxsize=16)
def _first_places(rows: int, width: int) -> NDArray[np.int64]:
    """Where each row of a [rows, width] array begins, counted along the rows."""
    return np.arange(0, rows * width, width)


@lru_cache(maxsize=16)
def _filled(width: int, value: float) -> Array:
    return np.full(width, value, np.float32)


def numpy_actor(module: Any, num_envs: int, seed: int | None) -> Actor | None:
    """An actor in numpy, as far as that is faster, for one of RLlib's default modules; None for any other."""
    if module.is_stateful():
        return None
    few = num_envs <= MOST_ROWS and len(module.observation_space.shape or ()) == 1
    generator = np.random.default_rng(seed)
    for known, make in _MAKERS.items():
        if acts_as(module, known):
            return make(module, generator, few)
    return None


def _policy(module: Any, generator: np.random.Generator, few: bool) -> Actor | None:
    encoder = module.encoder
    head = _DISTRIBUTIONS.get(module.get_exploration_action_dist_cls().__name__)
    same = module.get_exploration_action_dist_cls() is module.get_inference_action_dist_cls()
    if not head or not same or type(encoder) is not TorchActorCriticEncoder:
        return None
    layers = dense_layers(getattr(encoder, "actor_encoder", None) or encoder.encoder, module.pi)
    return NumpyActor(layers, head(generator)) if layers and few else EncodedActor(module, head(generator))


def _soft(module: Any, generator: np.random.Generator, few: bool) -> Actor | None:
    if not few:
        return None
    layers = dense_layers(module.pi_encoder, module.pi)
    squashed = module.get_exploration_action_dist_cls().__name__ == "TorchSquashedGaussian"
    return NumpyActor(layers, SquashedGaussian(generator)) if layers and squashed else None


def _q_network(module: Any, generator: np.random.Generator, few: bool) -> Actor | None:
    if not few or module.num_atoms > 1 or module.model_config.get("noisy"):
        return None
    head = EpsilonGreedy(generator, module.epsilon_schedule)
    if not module.uses_dueling:
        layers = dense_layers(module.encoder, module.af)
        return NumpyActor(layers, head) if layers else None
    parts = dense_layers(module.encoder), dense_layers(module.af), dense_layers(module.vf)
    encoder, advantages, values = parts
    if encoder is None or advantages is None or values is None:
        return None
    return DuelingActor(encoder, advantages, values, head)


_DISTRIBUTIONS: dict[str, Any] = {"TorchCategorical": Categorical, "TorchDiagGaussian": Gaussian}
_MAKERS: dict[type, Any] = {
    DefaultAPPOTorchRLModule: _policy,
    DefaultPPOTorchRLModule: _policy,
    DefaultDQNTorchRLModule: _q_network,
    DefaultSACTorchRLModule: _soft,
}


class EncodedActor:
    """An encoder and a policy head, and the distribution that the head's outputs describe.

    For few rows a head of dense layers is in numpy, too: it was never slower there than torch's.
    Where the value function reads the same encoder, its embeddings are kept for the learner, which then need not
    encode a batch a second time; not where they are larger than the observations.
    """

    def __init__(self, module: Any, head: Head) -> None:
        self._module, self._head = module, head
        own = getattr(module.encoder, "actor_encoder", None)
        self._shared = own is None
        self._encode, self._decide = encoder_function(own or module.encoder.encoder), head_function(module.pi)
        self._decide_few = dense_layers(module.pi)

    def refresh(self) -> None:
        """Leaves the training mode, which RLlib's module does at each step."""
        if self._module.training:
            self._module.eval()
        self._decide = head_function(self._module.pi)
        if self._decide_few is not None:
            self._decide_few.refresh()

    def act(self, observations: Any, states: Any, explore: bool, env_step: int) -> ActorOutput:
        """See `Actor`."""
        with torch.no_grad():
            encoded = self._encode(tree.map_structure(_tensor, observations))
            inputs = self._outputs(encoded)
        actions, outputs = self._head.choose(inputs, explore, env_step)
        return ActorOutput(actions, outputs, embeddings=self._kept(encoded, observations))

    def _outputs(self, encoded: torch.Tensor) -> Array:
        if self._decide_few is not None and len(encoded) <= MOST_ROWS and encoded.dtype == torch.float32:
            return self._decide_few(encoded.numpy())
        outputs: Array = self._decide(encoded).numpy()
        return outputs

    def _kept(self, encoded: torch.Tensor, observations: Any) -> Any:
        size = sum(leaf.nbytes for leaf in tree.flatten(observations))
        return encoded.numpy() if self._shared and encoded.nbytes <= size else None


def _tensor(leaf: Any) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(leaf))

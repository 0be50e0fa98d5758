"""From observations to actions: any RLModule through torch, RLlib's default networks through numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
import tree
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns

Array = NDArray[Any]


class Actor(Protocol):
    """Chooses an action for each sub-environment."""

    def refresh(self) -> None:
        """Called before each rollout: the weights may lie elsewhere in memory now."""

    def act(self, observations: Any, states: Any, explore: bool, env_step: int) -> ActorOutput:
        """[N, ...] observations, and [N, ...] recurrent states where the module has any.

        `env_step`: env steps of the run so far, for exploration schedules.
        """


class Head(Protocol):
    """From the network's outputs to actions."""

    def choose(
        self, inputs: NDArray[np.float32], explore: bool, env_step: int
    ) -> tuple[Array, dict[str, Array]]:
        """[N, K] outputs to [N, ...] actions and further columns."""


class ActorOutput:
    """What a module chose for N sub-environments.

    Attributes:
        actions: [N, ...], as the module gives them.
        outputs: [N, ...] each, by RLlib's column name.
        states: [N, ...], the next recurrent states, or None.
        embeddings: [N, E], what the encoder that policy and value share made of the observations, or None.
    """

    __slots__ = ("actions", "embeddings", "outputs", "states")

    def __init__(
        self, actions: Any, outputs: dict[str, Array], states: Any = None, embeddings: Array | None = None
    ) -> None:
        self.actions, self.outputs, self.states, self.embeddings = actions, outputs, states, embeddings


class TorchActor:
    """Any RLModule, by its own `forward_exploration` and `forward_inference`."""

    def __init__(self, module: Any, device: Any) -> None:
        self._module, self._device = module, device
        self._recurrent = bool(module.is_stateful())

    def refresh(self) -> None:
        """Nothing is kept."""

    def act(self, observations: Any, states: Any, explore: bool, env_step: int) -> ActorOutput:
        """See `Actor`."""
        batch = {Columns.OBS: tree.map_structure(self._tensor, observations)}
        if self._recurrent:
            batch[Columns.OBS] = tree.map_structure(lambda leaf: leaf.unsqueeze(1), batch[Columns.OBS])
            batch[Columns.STATE_IN] = tree.map_structure(self._tensor, states)
        with torch.no_grad():
            if explore:
                out = dict(self._module.forward_exploration(batch, t=env_step))
            else:
                out = dict(self._module.forward_inference(batch))
            return self._choice(out, explore)

    def _choice(self, out: dict[str, Any], explore: bool) -> ActorOutput:
        after = out.pop(Columns.STATE_OUT, None)
        if self._recurrent:  # Only the state has no axis of time.
            out = {name: tree.map_structure(lambda leaf: leaf.squeeze(1), v) for name, v in out.items()}
        out.pop(Columns.EMBEDDINGS, None)
        if Columns.ACTIONS not in out:
            self._sample(out, explore)
        arrays = {name: tree.map_structure(_array, value) for name, value in out.items()}
        return ActorOutput(arrays.pop(Columns.ACTIONS), arrays, tree.map_structure(_array, after))

    def _sample(self, out: dict[str, Any], explore: bool) -> None:
        module = self._module
        cls = module.get_exploration_action_dist_cls() if explore else module.get_inference_action_dist_cls()
        distribution = cls.from_logits(out[Columns.ACTION_DIST_INPUTS])
        if not explore:
            distribution = distribution.to_deterministic()
        out[Columns.ACTIONS] = distribution.sample()
        if Columns.ACTION_LOGP not in out:
            out[Columns.ACTION_LOGP] = distribution.logp(out[Columns.ACTIONS])

    def _tensor(self, leaf: Array) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(leaf)).to(self._device)


def _array(leaf: Any) -> Any:
    return leaf.cpu().numpy() if isinstance(leaf, torch.Tensor) else leaf


def initial_states(module: Any, num_envs: int) -> Any:
    """The state at an episode's start, [N, ...] each; None for a module without one."""
    if not module.is_stateful():
        return None
    state: Mapping[str, Any] = module.get_initial_state()
    return tree.map_structure(lambda leaf: np.repeat(np.asarray(_array(leaf))[None], num_envs, axis=0), state)

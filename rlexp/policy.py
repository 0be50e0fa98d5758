"""A trained policy to act with, loaded from a run's or a checkpoint's folder alone; Ray is not started.

policy = rlexp.load("runs/cartpole")
action = policy.act(observation)
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    import gymnasium as gym
    from ray.rllib.connectors.connector_v2 import ConnectorV2
    from ray.rllib.core.rl_module.rl_module import RLModule
    from ray.rllib.env.single_agent_episode import SingleAgentEpisode

    from rlexp.storage.checkpoint.store import Checkpoint

_MODULE = Path("learner_group/learner/rl_module/default_policy")
_ENV_TO_MODULE = Path("env_runner/env_to_module_connector")
_MODULE_TO_ENV = Path("env_runner/module_to_env_connector")

_LONGEST_MEMORY = 1000
"""Steps of an episode held before it is cut, ..."""
_KEPT_MEMORY = 100
"""... and how many stay in reach of connectors that look back, such as frame stacks."""


def load(path: str | Path, *, which: str = "latest", explore: bool = False, trust: bool = False) -> Policy:
    """Load a trained policy.

    >>> policy = rlexp.load("runs/cartpole", which="best")
    >>> env = rlexp.make_env("runs/cartpole")
    >>> observation, info = env.reset(seed=0)
    >>> observation, *_ = env.step(policy.act(observation))

    Where several agents share a policy, it acts for any of them: one agent's observation in, its action out.

    It acts in the run's own environment, wrappers included, which `rlexp.make_env` makes: where a wrapper
    changes the observation (one-hot tiles, stacked frames), the policy takes what the wrapper gives.

    Args:
        path: a run's folder, its `checkpoints`, or one checkpoint's folder.
        which: `latest` or `best`, when `path` is no single checkpoint.
        explore: sample actions as in training; else the most likely action is taken.
        trust: load a checkpoint that someone else made, which runs the code stored in it.

    Raises:
        CheckpointError: there is no complete checkpoint, it is foreign and not trusted, or unreadable here.
        ConfigError: `which` is unknown, `path` already names a checkpoint, or the lab's table is wrong.
    """
    from rlexp.config.labs.search_path import lab_of
    from rlexp.storage.buckets.fetch import fetched
    from rlexp.storage.checkpoint.store import require_trust, resolve

    folder = fetched(path)
    with lab_of(folder):
        checkpoint, messages = resolve(_wanted(folder, which))
        for message in messages:
            warnings.warn(message, stacklevel=2)
        require_trust(checkpoint, trust)
        return from_checkpoint(checkpoint, explore=explore)


def from_checkpoint(checkpoint: Checkpoint, *, explore: bool = False) -> Policy:
    """The policy of a checkpoint that is already found, checked and trusted.

    Raises:
        CheckpointError: a part is missing, or needs code that is not here.
    """
    from ray.rllib.connectors.env_to_module import EnvToModulePipeline
    from ray.rllib.connectors.module_to_env import ModuleToEnvPipeline
    from ray.rllib.core.rl_module.rl_module import RLModule

    from rlexp.models.shared_policy import for_one_agent

    folder = checkpoint.path / "algorithm"
    env_to_module, module_to_env = for_one_agent(
        _restore(EnvToModulePipeline, folder / _ENV_TO_MODULE),
        _restore(ModuleToEnvPipeline, folder / _MODULE_TO_ENV),
    )
    return Policy(
        module=_restore(RLModule, folder / _MODULE),
        env_to_module=env_to_module,
        module_to_env=module_to_env,
        explore=explore,
        step=checkpoint.step,
    )


class Policy:
    """Acts as the run's env runner would: the same preprocessing, network, distribution and action bounds.

    It remembers the episode it is in, for recurrent networks and frame stacks: call `reset` where one ends.
    For other policies `reset` makes no difference.

    Args:
        module: the network.
        env_to_module: the connectors that prepare observations.
        module_to_env: the connectors that turn the network's output into actions.
        explore: sample actions as in training.
        step: environment steps trained, which schedules such as DQN's epsilon are read at.
    """

    def __init__(
        self,
        module: RLModule,
        env_to_module: ConnectorV2,
        module_to_env: ConnectorV2,
        *,
        explore: bool = False,
        step: int = 0,
    ) -> None:
        self.module = module
        self.explore = explore
        self.step = step
        self._env_to_module = env_to_module
        self._module_to_env = module_to_env
        self._episodes: list[SingleAgentEpisode] = []
        self._last: list[tuple[Any, dict[str, Any]]] = []

    @property
    def observation_space(self) -> gym.Space:
        """The observation space of the environment with its wrappers, as `act` takes it."""
        return self._env_to_module.input_observation_space

    @property
    def action_space(self) -> gym.Space:
        """The environment's action space, as `act` gives it."""
        return self._env_to_module.input_action_space

    def act(self, observation: Any, *, reward: float = 0.0) -> Any:
        """The action for one observation.

        Args:
            observation: as the environment with its wrappers gives it.
            reward: received since the last action; read only by models with `lstm_use_prev_reward`.

        Returns:
            An action ready for `env.step`, within the bounds of the action space.

        Raises:
            ValueError: the observation is not of the observation space.
        """
        return self.act_batch([observation], rewards=[reward])[0]

    def act_batch(self, observations: Any, *, rewards: Sequence[float] | None = None) -> Any:
        """The actions for one observation of each of several environments, in the same places at each call.

        Args:
            observations: shape (n, ...), or a sequence of n. Another n than before begins n new episodes.
            rewards: received since the last actions, shape (n,); see `act`.

        Returns:
            An array of shape (n, ...), or a list where the action space is no array's.
        """
        import torch

        observations = [fitting(observation, self.observation_space) for observation in observations]
        if rewards is None:
            rewards = [0.0] * len(observations)
        if len(rewards) != len(observations):
            raise ValueError(f"{len(observations)} observations need as many rewards, got {len(rewards)}")
        self._remember(observations, rewards)
        with torch.no_grad():
            actions = self._forward()
        return _as_batch(actions, self.action_space)

    def reset(self, indices: Sequence[int] | None = None) -> None:
        """Forget the episode, as an environment's reset begins a new one.

        Args:
            indices: which places of the batch; None: all.
        """
        if indices is None:
            self._episodes, self._last = [], []
            return
        for index in indices:
            self._episodes[index] = self._new_episode()

    def _new_episode(self) -> SingleAgentEpisode:
        from ray.rllib.env.single_agent_episode import SingleAgentEpisode

        return SingleAgentEpisode(observation_space=self.observation_space, action_space=self.action_space)

    def _remember(self, observations: list[Any], rewards: Sequence[float]) -> None:
        """Add the observations, and the actions that led to them, to the episodes."""
        if len(self._episodes) != len(observations):
            self._episodes = [self._new_episode() for _ in observations]
        for index, observation in enumerate(observations):
            episode = self._episodes[index]
            if not episode.is_reset:
                episode.add_env_reset(observation=observation)
                continue
            if len(episode) >= _LONGEST_MEMORY:
                episode = self._episodes[index] = episode.cut(len_lookback_buffer=_KEPT_MEMORY)
            action, outputs = self._last[index]
            episode.add_env_step(observation, action, float(rewards[index]), extra_model_outputs=outputs)

    def _forward(self) -> list[Any]:
        """Connectors, network, connectors, as `SingleAgentEnvRunner` runs them."""
        from ray.rllib.core.columns import Columns
        from ray.rllib.utils.spaces.space_utils import unbatch

        shared: dict[str, Any] = {}
        common = {
            "rl_module": self.module,
            "episodes": self._episodes,
            "explore": self.explore,
            "shared_data": shared,
        }
        batch = self._env_to_module(batch={}, **common)
        if self.explore:
            output = self.module.forward_exploration(batch, t=self.step)
        else:
            output = self.module.forward_inference(batch)
        to_env = self._module_to_env(batch=output, **common)
        actions = to_env.pop(Columns.ACTIONS)
        for_env = to_env.pop(Columns.ACTIONS_FOR_ENV, actions)
        outputs = [{key: value[i] for key, value in to_env.items()} for i in range(len(self._episodes))]
        self._last = list(zip(unbatch(actions), outputs, strict=True))
        return unbatch(for_env)


def _wanted(path: Path, which: str) -> Path:
    """The path that `which` means below `path`."""
    if which not in ("latest", "best"):
        raise ConfigError(f"which must be latest or best, got {which!r}", fix='load(path, which="best")')
    if (path / "checkpoints").is_dir():
        return path / "checkpoints" / which
    if path.name == "checkpoints":
        return path / which
    if which == "best":
        raise ConfigError(
            f"{path} names one checkpoint, so there is no best to choose", fix=f"load({str(path)!r})"
        )
    return path


def _restore(cls: type, folder: Path) -> Any:
    """One component of RLlib's checkpoint."""
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is missing: this is no whole checkpoint of a single-agent policy")
    try:
        return cls.from_checkpoint(folder.absolute())  # type: ignore[attr-defined]
    except (ImportError, AttributeError) as error:
        message = f"{folder} needs code that is not here ({error}); load it where the run's packages are"
        raise CheckpointError(message) from error


def _as_batch(actions: list[Any], space: gym.Space) -> Any:
    import numpy as np
    from gymnasium import spaces

    if isinstance(space, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
        return np.asarray(actions, dtype=space.dtype)
    return actions


def fitting(observation: Any, space: gym.Space, name: str = "the observation") -> Any:
    """The observation, arrays in the space's dtype.

    Bounds are not checked: environments overstep their own by a rounding error.

    Args:
        observation: an element of `space`; a list may stand for an array.
        space: what the policy was trained on.
        name: what to call it in the error.

    Raises:
        ValueError: it has another shape or kind.
    """
    import numpy as np
    from gymnasium import spaces

    if isinstance(space, spaces.Box):
        if np.shape(observation) != space.shape:
            raise ValueError(
                f"{name} has shape {np.shape(observation)}, the policy takes {space.shape}{_HINT}"
            )
        return np.asarray(observation, dtype=space.dtype)
    if isinstance(space, spaces.Dict):
        if not isinstance(observation, Mapping) or observation.keys() != space.spaces.keys():
            raise ValueError(f"{name} is {observation!r}, the policy takes a dict of {list(space)}{_HINT}")
        return {key: fitting(observation[key], space[key], f"{name}[{key!r}]") for key in space}
    if not space.contains(observation):
        raise ValueError(f"{name} is {observation!r}, the policy takes an element of {space}{_HINT}")
    return observation


_HINT = " (it acts in the run's environment with its wrappers: rlexp.make_env(PATH) makes that)"

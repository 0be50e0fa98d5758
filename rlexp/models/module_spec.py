"""From the `model` group to RLlib: arguments of `AlgorithmConfig.rl_module` and the model's connectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import OTHER_NETWORKS, Networks, algorithm_name, networks_of, resolve
from rlexp.config.callables.targets import locate
from rlexp.config.schema import ModelChoice
from rlexp.models.conv_filters import default_filters, tiny_filters
from rlexp.models.model_settings import given
from rlexp.models.observation_fit import check_fit
from rlexp.models.observation_kind import DISCRETE, IMAGE, kind

if TYPE_CHECKING:
    from gymnasium.spaces import Space

ConnectorFactory = Callable[..., "list[Any]"]
"""Called with RLlib's `(env, spaces, device)`; returns fresh env-to-module pieces, in order."""


def rl_module_settings(
    model: ModelChoice,
    trusted: Sequence[str],
    observation_space: Space,
    action_space: Space,
    config_class: str | type,
) -> dict[str, Any]:
    """Check the model against the spaces and turn it into RLlib's terms.

    Args:
        model: the model choice.
        trusted: modules that `model.module_class` may come from.
        observation_space: the environment's, after its wrappers.
        action_space: the environment's, after its wrappers.
        config_class: the algorithm's RLlib config class, or its import path.

    Returns:
        Keywords of `AlgorithmConfig.rl_module` (none when the algorithm sizes its own networks) and,
        where the model needs connectors, `env_to_module_connector`: a factory of them, after those of the
        environment, for `AlgorithmConfig.env_runners`.

    Raises:
        ConfigError: the model does not fit, or one of its settings would be ignored.
    """
    algorithm = resolve(config_class)
    check_fit(model, observation_space, algorithm, action_space)
    if model.module_class is not None:
        return _custom(model, algorithm, trusted)
    settings: dict[str, Any] = {}
    networks = networks_of(algorithm)
    if networks is None or networks.sized_by is None:
        settings["model_config"] = complete_settings(model.settings, networks, observation_space, model.size)
    connectors = _connectors(model, observation_space)
    return settings if connectors is None else settings | {"env_to_module_connector": connectors}


def _custom(model: ModelChoice, config_class: type, trusted: Sequence[str]) -> dict[str, Any]:
    from ray.rllib.core.rl_module.rl_module import RLModule, RLModuleSpec

    module_class = locate(model.module_class or "", trusted)
    if not (isinstance(module_class, type) and issubclass(module_class, RLModule)):
        message = f"model.module_class={model.module_class} is no RLModule"
        raise ConfigError(message, key="model.module_class", fix="derive it from TorchRLModule")
    _check_apis(module_class, config_class)
    # A dict, never None, so that RLlib merges the algorithm's own settings (e.g. DQN's epsilon) under it.
    return {"rl_module_spec": RLModuleSpec(module_class=module_class, model_config=dict(model.module_config))}


def _check_apis(module_class: type, config_class: type) -> None:
    """Refuse a module that lacks what the algorithm's learner calls, e.g. `compute_values`."""
    learner_class = config_class().get_default_learner_class()
    missing = [api for api in learner_class.rl_module_required_apis() if not issubclass(module_class, api)]
    if missing:
        names = ", ".join(api.__name__ for api in missing)
        algorithm = algorithm_name(config_class)
        message = f"model.module_class={module_class.__name__} lacks what {algorithm} calls: {names}"
        raise ConfigError(
            message, key="model.module_class", fix=f"derive it from {names} too, or name another algorithm"
        )


def _connectors(model: ModelChoice, space: Space) -> ConnectorFactory | None:
    """A picklable factory of the connectors that make the observation fit the default networks."""
    import numpy as np

    settings = given(model.settings)
    flatten = kind(space) == DISCRETE
    wanted = {
        "flatten": flatten,
        "floats": not flatten and not np.issubdtype(space.dtype, np.floating),
        "prev_action": bool(settings.get("lstm_use_prev_action")),
        "prev_reward": bool(settings.get("lstm_use_prev_reward")),
    }
    if not any(wanted.values()):
        return None
    return partial(make_connectors, **wanted)


def make_connectors(*args: Any, **wanted: bool) -> list[Any]:
    """Build the connectors where they are used, so that this module needs no RLlib."""
    from rlexp.models.observation_connectors import connectors

    return connectors(*args, **wanted)


_WIDTHS = ("fcnet_hiddens", "head_fcnet_hiddens", "fusionnet_hiddens")
_TINY_WIDTH = 16
_IMAGE_HEAD: dict[str, Any] = {"head_fcnet_hiddens": [256], "head_fcnet_activation": "relu"}


def complete_settings(
    settings: Mapping[str, Any], networks: Networks | None, space: Space, size: str = "normal"
) -> dict[str, Any]:
    """Returns all fields of RLlib's `DefaultModelConfig`: what was given first, then ours, then RLlib's own.

    Args:
        settings: of the model group; None where ours or RLlib's is meant.
        networks: the algorithm's; None where they are not known.
        space: the observation space.
        size: `normal`, or `tiny` for the least of what was not given.
    """
    import dataclasses

    from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

    chosen = dataclasses.asdict(DefaultModelConfig()) | dict((networks or OTHER_NETWORKS).defaults)
    if kind(space) == IMAGE:
        chosen |= _IMAGE_HEAD
        if not settings.get("conv_filters"):
            fitting = tiny_filters if size == "tiny" else default_filters
            chosen["conv_filters"] = fitting(space.shape or ())
    return (_shrunk(chosen) if size == "tiny" else chosen) | given(settings)


def _shrunk(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The same dense layers and LSTM, of 16 units at most."""
    widths = {name: [min(width, _TINY_WIDTH) for width in chosen[name]] for name in _WIDTHS}
    return {**chosen, **widths, "lstm_cell_size": min(chosen["lstm_cell_size"], _TINY_WIDTH)}

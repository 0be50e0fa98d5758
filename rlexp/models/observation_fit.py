"""Checks before anything starts that a model can take an environment's observations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.config.algorithms import Networks, algorithm_name, networks_of
from rlexp.config.callables.targets import DEFAULT_TRUSTED
from rlexp.config.schema import ModelChoice
from rlexp.models.conv_filters import check_filters
from rlexp.models.model_settings import ModelContext, given, without_effect
from rlexp.models.observation_kind import (
    DISCRETE,
    IMAGE,
    PLANE,
    STRUCTURED,
    VECTOR,
    is_channels_first,
    is_picture,
    kind,
)

if TYPE_CHECKING:
    from gymnasium.spaces import Space

TAKES = ("any", "vector", "image")
"""What `model.observation` may be."""

FLATTEN = "'env.wrappers=[{_target_: gymnasium.wrappers.FlattenObservation}]'"
_CUSTOM = "or model=custom with an RLModule of your own"


def check_fit(
    model: ModelChoice,
    observation_space: Space,
    config_class: str | type,
    action_space: Space | None = None,
    *,
    trusted: Sequence[str] = DEFAULT_TRUSTED,
) -> None:
    """Raise when the model cannot take the observations, or would ignore one of its settings.

    Args:
        model: the model choice.
        observation_space: the environment's, after its wrappers.
        config_class: the algorithm's RLlib config class, or its import path.
        action_space: the environment's; None leaves out what depends on it.
        trusted: modules that the class may be imported from where its source does not tell what it is.

    Raises:
        ConfigError: with the `model=` choices, wrappers or filters that fit.
        ConfigErrors: when several settings are at fault.
    """
    if model.observation not in TAKES:
        message = f"model.observation must be any, vector or image, got {model.observation!r}"
        raise ConfigError(message, key="model.observation", fix="model.observation=any")
    if model.module_class is not None:
        _check_custom(model)
        return
    if model.module_config:
        message = "model.module_config is read only beside model.module_class"
        raise ConfigError(
            message, key="model.module_config", fix="model.module_class=<import path of an RLModule>"
        )
    _check_space(observation_space)
    _check_choice(model, observation_space)
    networks, algorithm = networks_of(config_class, trusted), algorithm_name(config_class)
    settings = given(model.settings)
    errors: list[ConfigError] = []
    if networks is not None:
        _check_image(networks, algorithm, observation_space)
        seen = ModelContext(networks, algorithm, kind(observation_space), action_space, settings)
        errors = without_effect(seen)
    _check_settings(settings, observation_space, errors)


def _check_custom(model: ModelChoice) -> None:
    settings = given(model.settings)
    if settings:
        name = next(iter(settings))
        message = (
            f"model.{name} has no effect beside model.module_class, which reads model.module_config alone"
        )
        raise ConfigError(message, key=f"model.{name}", fix=f"+model.module_config.{name}={settings[name]}")


def _check_space(space: Space) -> None:
    """Refuse observations that none of RLlib's default networks takes."""
    sort = kind(space)
    if sort == STRUCTURED:
        raise ConfigError(
            _structured_message(space), key="env.wrappers", fix=f"{_flat_fix(space)}, {_CUSTOM}"
        )
    if sort == PLANE:
        message = (
            f"the observation has the shape {space.shape}; the default models take vectors (one dimension) "
            "and images (height, width, channels)"
        )
        raise ConfigError(message, key="env.wrappers", fix=f"{_plane_fix(space)}, {_CUSTOM}")
    if sort == IMAGE and is_channels_first(space.shape or ()):
        message = f"the image's shape {space.shape} has its channels first; RLlib's CNN reads them last"
        fix = f"'env.wrappers=[{{_target_: envs.wrappers.ChannelsLast}}]', {_CUSTOM}"
        raise ConfigError(message, key="env.wrappers", fix=fix)


def _plane_fix(space: Space) -> str:
    """A grey picture is given its one channel; what is no picture is flattened."""
    if not is_picture(space):
        return FLATTEN
    shape = [*(space.shape or ()), 1]
    wrapper = f"{{_target_: gymnasium.wrappers.ReshapeObservation, shape: {shape}}}"
    return f"'env.wrappers=[{wrapper}]'"


def _structured_message(space: Space) -> str:
    name = type(space).__name__
    parts = list(space.keys()) if hasattr(space, "keys") else []
    named = f" ({', '.join(str(part) for part in parts)})" if parts else ""
    return f"the observation is a {name}{named}; the default models take one array"


def _flat_fix(space: Space) -> str:
    """Numbers are joined to one vector; beside them, an image's bytes would drown them, so one part is kept."""
    pictures = [key for key, part in _parts(space) if is_picture(part)]
    if pictures:
        wrapper = f"{{_target_: envs.wrappers.PartOfObservation, key: {pictures[0]}}}"
        return f"'env.wrappers=[{wrapper}]' (that part alone)"
    if space.is_np_flattenable:
        return FLATTEN
    return "a wrapper in env.wrappers that keeps one array of the observation"


def _parts(space: Space) -> list[tuple[Any, Space]]:
    """The parts of a Dict or Tuple with their keys; none of other spaces."""
    from gymnasium import spaces

    if isinstance(space, spaces.Dict):
        return list(space.spaces.items())
    return list(enumerate(space.spaces)) if isinstance(space, spaces.Tuple) else []


def _check_choice(model: ModelChoice, space: Space) -> None:
    """Compare what the choice says it takes with what the environment gives."""
    sort = kind(space)
    if model.observation == "image" and sort != IMAGE:
        what = "one of a few states" if sort == DISCRETE else f"a vector of shape {space.shape}"
        message = f"this model reads images, and the observation is {what}"
        raise ConfigError(message, key="model", suggestions=["model=auto", "model=mlp"], fix="model=mlp")
    if model.observation == "vector" and sort not in (VECTOR, DISCRETE):
        message = f"this model reads vectors, and the observation is an image of shape {space.shape}"
        fix = "model=cnn" if is_picture(space) else f"model=cnn, or flatten it: {FLATTEN}"
        raise ConfigError(message, key="model", suggestions=["model=auto", "model=cnn"], fix=fix)


def _check_image(networks: Networks, algorithm: str, space: Space) -> None:
    """Refuse an image of another size where the CNN is built for one."""
    if kind(space) == IMAGE and networks.image_shape not in (None, space.shape):
        height, width, channels = networks.image_shape or ()
        wanted = f"images of {height}x{width} with {channels} channels"
        message = f"{algorithm} reads {wanted}, not of the shape {space.shape}"
        raise ConfigError(message, key="env.wrappers", fix="a wrapper that resizes it, or algorithm=ppo")


def _check_settings(settings: dict[str, Any], space: Space, errors: list[ConfigError]) -> None:
    """Raise those of `errors` (settings without effect) and those of wrong values."""
    if kind(space) == IMAGE and "conv_filters" in settings and not errors:
        check_filters(space.shape or (), settings["conv_filters"])
    errors += _wrong_values(settings)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigErrors(errors)


_WIDTHS = ("fcnet_hiddens", "head_fcnet_hiddens", "fusionnet_hiddens")
_COUNTS = ("lstm_cell_size", "max_seq_len")
_ACTIVATIONS = ("fcnet_activation", "head_fcnet_activation", "fusionnet_activation", "conv_activation")
_KNOWN_ACTIVATIONS = ("tanh", "relu", "silu", "swish", "elu", "linear")


def _wrong_values(settings: dict[str, Any]) -> list[ConfigError]:
    """Values that RLlib would fail on only after everything has started."""
    errors = []
    for name, value in settings.items():
        key = f"model.{name}"
        if name in _WIDTHS and not _are_counts(value):
            message = f"{key} must be a list of layer sizes, each at least 1, got {value!r}"
            errors.append(ConfigError(message, key=key, fix=f"{key}=[64,64]"))
        elif name == "fcnet_hiddens" and not value:
            errors.append(ConfigError(f"{key} needs at least one layer", key=key, fix=f"{key}=[64]"))
        elif name in _COUNTS and not _are_counts([value]):
            errors.append(ConfigError(f"{key} must be a whole number of at least 1, got {value!r}", key=key))
        elif name in _ACTIVATIONS and str(value).lower() not in _KNOWN_ACTIVATIONS:
            message = f"{key} must be one of {', '.join(_KNOWN_ACTIVATIONS)}, got {value!r}"
            errors.append(ConfigError(message, key=key, fix=f"{key}=relu"))
    return errors


def _are_counts(values: Any) -> bool:
    return isinstance(values, (list, tuple)) and all(type(v) is int and v >= 1 for v in values)

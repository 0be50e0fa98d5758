"""What an observation space is to a network: an image, a vector, states, or nothing it can take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gymnasium.spaces import Space

IMAGE = "image"
VECTOR = "vector"
DISCRETE = "discrete"
PLANE = "plane"
STRUCTURED = "structured"


def kind(space: Space) -> str:
    """The kind of an observation space.

    Returns:
        `image` (a Box of shape height, width, channels), `vector` (a Box of one dimension), `discrete` (made
        one-hot before the network), `plane` (a Box of any other number of dimensions) or `structured` (Dict,
        Tuple, Text, ...).
    """
    from gymnasium import spaces

    if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
        return DISCRETE
    if isinstance(space, spaces.MultiBinary):
        return VECTOR if len(space.shape) == 1 else PLANE
    if not isinstance(space, spaces.Box):
        return STRUCTURED
    return {3: IMAGE, 1: VECTOR}.get(len(space.shape), PLANE)


def is_channels_first(shape: tuple[int, ...]) -> bool:
    """True if a shape of three dimensions reads as channels, height, width, which RLlib's CNN cannot take."""
    few = (1, 2, 3, 4)
    return len(shape) == 3 and shape[0] in few and shape[1] > 4 and shape[2] > 4


def is_picture(space: Space) -> bool:
    """True if a space holds pictures, grey ones without a channel too: as a vector their bytes are noise."""
    from gymnasium import spaces

    if not isinstance(space, spaces.Box) or space.dtype is None or len(space.shape) not in (2, 3):
        return False
    return space.dtype.kind == "u" or (len(space.shape) == 3 and min(sorted(space.shape)[1:]) > 4)

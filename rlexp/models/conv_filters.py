"""Convolution stacks: the right one for an image's size, and what a given one makes of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlexp.base.errors import ConfigError

Filters = list[list[Any]]
"""Layers as RLlib writes them: `[channels, kernel, stride]`; a fourth, `"valid"`, takes padding away."""

_LARGEST_MAP = 10
_LARGEST_TINY_MAP = 3
_KEY = "model.conv_filters"


def default_filters(shape: Sequence[int]) -> Filters:
    """A stack for images of `shape` (height, width, channels).

    That of Mnih et al. 2015 where the image is large enough; larger images get more strided layers, so that
    at most 10 by 10 places reach the dense layer; small ones (grid worlds) get 2 by 2 kernels, which keep
    neighbourhoods; tiny ones keep their size.
    """
    side = min(shape[0], shape[1])
    if side >= 36:
        filters: Filters = [[32, 8, 4, "valid"], [64, 4, 2, "valid"], [64, 3, 1, "valid"]]
    elif side >= 12:
        filters = [[32, 3, 2], [64, 3, 2], [64, 3, 1]]
    elif side >= 4:
        filters = [[16, 2, 1, "valid"], [32, 2, 1, "valid"], [64, 2, 1, "valid"]]
    else:
        filters = [[32, 3, 1], [64, 3, 1]]
    while max(output_size(shape, filters)) > _LARGEST_MAP:
        filters.append([64, 3, 2])
    return filters


def tiny_filters(shape: Sequence[int]) -> Filters:
    """The smallest stack for images of `shape`: 4 channels, halved until at most 3 by 3 places are left."""
    filters: Filters = [[4, 3, 2]]
    while max(output_size(shape, filters)) > _LARGEST_TINY_MAP:
        filters.append([4, 3, 2])
    return filters


def output_size(shape: Sequence[int], filters: Sequence[Sequence[Any]]) -> tuple[int, int]:
    """Height and width of the last feature map; zero or less when a layer's kernel no longer fits."""
    size = (int(shape[0]), int(shape[1]))
    for number, layer in enumerate(filters):
        _, kernel, stride, padding = _read(layer, number)
        size = (
            _length(size[0], kernel[0], stride[0], padding),
            _length(size[1], kernel[1], stride[1], padding),
        )
        if min(size) < 1:
            return size
    return size


def check_filters(shape: Sequence[int], filters: Any) -> None:
    """Raise ConfigError when the stack is malformed or leaves nothing of an image of `shape`."""
    fix = f"model.conv_filters={written(default_filters(shape))}"
    if not isinstance(filters, (list, tuple)) or not filters:
        raise ConfigError(
            f"{_KEY} must be a list of [channels, kernel, stride], got {filters!r}", key=_KEY, fix=fix
        )
    try:
        size = output_size(shape, filters)
    except ConfigError as error:
        raise ConfigError(str(error), key=_KEY, fix=fix) from None
    if min(size) < 1:
        message = f"{_KEY}: the kernels leave nothing of an image of {shape[0]}x{shape[1]}"
        raise ConfigError(message, key=_KEY, fix=fix)


def written(filters: Filters) -> str:
    """The stack as it is typed on the command line."""
    layers = (",".join(str(value) for value in layer) for layer in filters)
    return "[" + ",".join(f"[{layer}]" for layer in layers) + "]"


def _read(layer: Sequence[Any], number: int) -> tuple[int, tuple[int, int], tuple[int, int], str]:
    where = f"{_KEY}[{number}]"
    if not isinstance(layer, (list, tuple)) or len(layer) not in (3, 4):
        raise ConfigError(
            f"{where} must be [channels, kernel, stride] with an optional padding, got {layer!r}", key=_KEY
        )
    padding = layer[3] if len(layer) == 4 else "same"
    if padding not in ("same", "valid"):
        raise ConfigError(f"{where}: the padding is same or valid, got {padding!r}", key=_KEY)
    if not _is_size(layer[0]):
        raise ConfigError(f"{where}: the number of channels must be a whole number of at least 1", key=_KEY)
    return layer[0], _pair(layer[1], where, "kernel"), _pair(layer[2], where, "stride"), padding


def _pair(value: Any, where: str, name: str) -> tuple[int, int]:
    if _is_size(value):
        return value, value
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(_is_size(v) for v in value):
        return value[0], value[1]
    raise ConfigError(f"{where}: the {name} must be a whole number or two of them, got {value!r}", key=_KEY)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _length(length: int, kernel: int, stride: int, padding: str) -> int:
    if padding == "same":
        return -(-length // stride)
    return (length - kernel) // stride + 1

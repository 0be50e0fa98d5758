"""RLlib's packed columns read as arrays and nothing else: a packed column is a pickle, which can run anything."""

from __future__ import annotations

import base64
import io
import pickle
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any

from rlexp.base.errors import RunFailedError
from rlexp.compat.applied import need

_ARRAYS = frozenset(
    (module, name)
    for package in ("numpy.core", "numpy._core")
    for module, name in (
        (f"{package}.multiarray", "_reconstruct"),
        (f"{package}.multiarray", "scalar"),
        (f"{package}.numeric", "_frombuffer"),
    )
) | {("numpy", "ndarray"), ("numpy", "dtype")}
"""What a pickled array of numpy's, and nothing that runs other code, is made of."""


class _ArrayUnpickler(pickle.Unpickler):
    """Makes arrays, numbers, texts and containers of them."""

    def find_class(self, module: str, name: str) -> Any:
        """The parts of numpy that arrays are made of."""
        if (module, name) not in _ARRAYS:
            raise refused(f"it names {module}.{name}")
        return super().find_class(module, name)


def refused(why: str) -> RunFailedError:
    """The refusal of data that would have to be unpickled, with the way to read it all the same."""
    return RunFailedError(
        f"data.input_: a packed column is no array of numbers ({why}), and unpickling it could run any code\n"
        "  if you trust whoever recorded it, write: data.trust=true"
    )


def unpacked(column: Any) -> Any:
    """What `ray.rllib.utils.compression.pack` made of an array; what is not packed as it is.

    Raises:
        RunFailedError: it is something else than an array.
    """
    if not isinstance(column, (bytes, str)):
        return column
    import lz4.frame

    try:
        pickled = lz4.frame.decompress(base64.b64decode(column))
        return _ArrayUnpickler(io.BytesIO(pickled)).load()
    except RunFailedError:
        raise
    except Exception as error:
        raise refused(f"{type(error).__name__}: {error}") from error


def decoded(decode: Callable[[Any], Any], value: Mapping[Any, Any]) -> Any:
    """What `msgpack_numpy.decode` makes of a value, without arrays of objects: those are pickles.

    Args:
        decode: that function.
        value: one mapping of what was packed.

    Raises:
        RunFailedError: it is an array of objects.
    """
    if b"nd" in value and (value.get(b"kind") == b"O" or _holds_objects(value.get(b"type"))):
        raise refused("it is an array of objects")
    return decode(value)


def _holds_objects(described: Any) -> bool:
    """Whether a dtype's description, as `msgpack_numpy` writes it, speaks of objects."""
    if isinstance(described, (list, tuple)):
        return any(map(_holds_objects, described[1:2] if isinstance(described[0], str) else described))
    text = described.decode("ascii", "replace") if isinstance(described, bytes) else str(described)
    return "O" in text or "object" in text


def decode_without_pickles() -> None:
    """Replaces the decoder that RLlib looks up at each batch of whole episodes; doing it twice is harmless."""
    if find_spec("msgpack_numpy") is None:
        return
    import msgpack_numpy

    if not isinstance(msgpack_numpy.decode, partial):
        need("msgpack_numpy.decode")
        msgpack_numpy.decode = partial(decoded, msgpack_numpy.decode)

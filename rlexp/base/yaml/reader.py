"""The one reader of YAML: strict, bounded in size and depth, and every refusal names the file, the line and the fault.

A config may come from a stranger, so a file is read as a stream of events and refused as soon as it outgrows a limit:
aliases count with all that they stand for. What YAML allows and no config means (two documents, a key twice, tags of
other types, keys that are no text) is refused rather than guessed at.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from rlexp.base.errors import ConfigError
from rlexp.base.yaml.text import MAX_BYTES, read_text
from rlexp.base.yaml.yaml_events import MAX_DEPTH, MAX_VALUES, Interpolations, Reading

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_VALUES",
    "Dumper",
    "HydraLoader",
    "RunLoader",
    "count",
    "parse",
    "read",
]
__all__ += ["read_mapping", "read_text"]

_TAG = "tag:yaml.org,2002:"
_HYDRA_FLOAT = re.compile(
    r"^(?:[-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9]+(?:_[0-9]+)*[eE][-+]?[0-9]+"
    r"|\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
"""Numbers as Hydra reads them: `1e-3` is one, as it is not in YAML 1.1."""


class RunLoader(yaml.SafeLoader):
    """How a run's own `config.yaml` is read: YAML 1.1, and a date is text."""


class HydraLoader(RunLoader):
    """How files of choices are read: as a run's, and `1e-3` is a number."""


class Dumper(yaml.SafeDumper):
    """Writes a config so that every reader finds text where text was: what looks like a number is quoted."""


RunLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TAG + "timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _kind in (HydraLoader, Dumper):
    _kind.add_implicit_resolver(_TAG + "float", _HYDRA_FLOAT, list("-+0123456789."))


def read(
    path: Path,
    *,
    origin: str | None = None,
    interpolations: Interpolations = "all",
    loader: type[yaml.SafeLoader] = HydraLoader,
) -> Any:
    """The one document in a file, as plain values; None where it holds nothing.

    Args:
        path: the file.
        origin: how messages begin; the path where it is None.
        interpolations: what may stand in `${...}`.
        loader: the dialect of its numbers.

    Raises:
        ConfigError: it cannot be read, is no YAML, or not what a config may be.
    """
    return parse(read_text(path, origin), origin or str(path), interpolations=interpolations, loader=loader)


def read_mapping(
    path: Path,
    *,
    origin: str | None = None,
    interpolations: Interpolations = "all",
    loader: type[yaml.SafeLoader] = HydraLoader,
) -> dict[Any, Any]:
    """As `read`, of a file that holds a mapping of keys, or nothing.

    Raises:
        ConfigError: see `read`; or it holds something else.
    """
    plain = read(path, origin=origin, interpolations=interpolations, loader=loader)
    if plain is None:
        return {}
    if not isinstance(plain, dict):
        kind = "a list" if isinstance(plain, list) else f"the single value {plain!r:.60}"
        raise ConfigError(f"{origin or path}: it holds {kind}, no mapping of keys", fix="key: value")
    return plain


def parse(
    text: str,
    origin: str,
    *,
    interpolations: Interpolations = "all",
    loader: type[yaml.SafeLoader] = HydraLoader,
) -> Any:
    """The one document in a text, as plain values.

    Args:
        text: YAML.
        origin: what the text came from, for messages.
        interpolations: what may stand in `${...}`.
        loader: the dialect of its numbers.

    Raises:
        ConfigError: see `read`.
    """
    return Reading(text, origin, interpolations, loader).document()


def count(plain: Any) -> int:
    """How many values there are in a plain value, keys included."""
    total, waiting = 0, [plain]
    while waiting:
        node = waiting.pop()
        total += 1
        if isinstance(node, dict):
            total += len(node)
            waiting += node.values()
        elif isinstance(node, (list, tuple)):
            waiting += node
    return total

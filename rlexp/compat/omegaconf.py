"""OmegaConf's lookups, watched: rows `omegaconf.*`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rlexp.compat.applied import needed


def watch_lookups(watch: Callable[[Any], Any]) -> None:
    """From now on OmegaConf hands what an interpolation stands for through `watch`, for all of the process.

    Raises:
        ConfigError: it no longer looks up in the way that is known.
    """
    from omegaconf.base import Container

    with needed("omegaconf.lookup"):
        lookup, call = Container._resolve_node_interpolation, Container._evaluate_custom_resolver

    def watched_lookup(self: Container, *args: Any, **kwargs: Any) -> Any:
        return watch(lookup(self, *args, **kwargs))

    def watched_call(self: Container, *args: Any, **kwargs: Any) -> Any:
        return watch(call(self, *args, **kwargs))

    Container._resolve_node_interpolation = watched_lookup  # type: ignore[method-assign]
    Container._evaluate_custom_resolver = watched_call  # type: ignore[method-assign]


def content_of(node: Any) -> Any:
    """What a node holds, nothing in it resolved; anything else as it is."""
    return getattr(node, "_content", node)


def value_of(node: Any) -> Any:
    """The value of a leaf; anything else as it is."""
    return getattr(node, "_val", node)

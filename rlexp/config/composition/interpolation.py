"""A limit on what `${...}` may grow to while a config is composed: a few lines can stand for gigabytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from rlexp.compat.omegaconf import content_of, value_of, watch_lookups

MOST = 50_000
"""Values that all interpolations of one config may stand for together; the shipped configs need a few dozen."""

_LOOKUP = 50
"""Values that looking one up counts as: it takes a millisecond."""
_CHARACTERS = 64
"""Characters of a text that count as one value."""

_left: ContextVar[list[int] | None] = ContextVar("interpolations left", default=None)


@contextmanager
def bounded() -> Iterator[None]:
    """Inside it OmegaConf resolves no more than `MOST` values, and says so as an error of its own."""
    _install()
    token = _left.set([MOST])
    try:
        yield
    finally:
        _left.reset(token)


@lru_cache(maxsize=1)
def _install() -> None:
    """Counts in the one place where OmegaConf looks up what an interpolation names."""
    from omegaconf.errors import InterpolationResolutionError

    def count(value: Any) -> Any:
        left = _left.get()
        if left is not None:
            left[0] -= _LOOKUP + _size(value, left[0])
            if left[0] < 0:
                raise InterpolationResolutionError(f"the ${{...}} stand for more than {MOST:,} values in all")
        return value

    watch_lookups(count)


def _size(value: Any, enough: int) -> int:
    """How many values there are in a node of a config; counts no further than `enough`."""
    total, waiting = 0, [value]
    while waiting and total <= enough:
        node = waiting.pop()
        content = content_of(node)
        if isinstance(content, dict):
            waiting += content.values()
        elif isinstance(content, (list, tuple)):
            waiting += content
        text = value_of(content)
        total += 1 + (len(text) // _CHARACTERS if isinstance(text, str) else 0)
    return total

"""Arguments that a teacher takes as another one does: written once, listed and checked for both."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeVar

Init = TypeVar("Init", bound=Callable[..., None])


def passes_on(base: Callable[..., None]) -> Callable[[Init], Init]:
    """For an `__init__` that hands its `**kwargs` to `base`: its signature lists them, with their defaults.

    So a misspelt argument is found before the call, as for a signature that is written out.
    """

    def listed(init: Init) -> Init:
        own = inspect.signature(init)
        named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        more = [
            p
            for p in inspect.signature(base).parameters.values()
            if p.kind is p.KEYWORD_ONLY and p.name not in own.parameters
        ]
        init.__signature__ = own.replace(parameters=[*named, *more])  # type: ignore[attr-defined]
        return init

    return listed

"""What differs between two plain configs, key by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

ABSENT = object()


def differences(old: Any, new: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each dotted key whose values differ, with the old and the new one: `ABSENT`, which is as None, for none."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            inner = f"{key}.{name}" if key else str(name)
            yield from differences(old.get(name, ABSENT), new.get(name, ABSENT), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{key}[{index}]")
    elif (None if old is ABSENT else old) != (None if new is ABSENT else new):
        yield key, old, new


def shown(value: Any) -> str:
    """A value of `differences`, for people."""
    return "nothing" if value is ABSENT else repr(value)

"""The records of storing: which state of a folder a store has, and which of them this machine knows."""

from __future__ import annotations

from typing import Any

from rlexp.base.files.json_records import parse
from rlexp.base.files.record_names import is_plain
from rlexp.storage.buckets.bucket import Bucket

STATE = "storage.json"
"""Here: the states that this machine knows, and the files as they were brought. In the store: the last state."""
LONGEST = 1 << 20
"""Bytes of it in the store."""
SEEN = ".storage-seen"
"""Here: the state that a run's records are of, where the rest of its folder was not brought."""


class DamagedStateError(OSError):
    """A store's record of its last state cannot be what rlexp has written."""


def read_state(store: Bucket) -> dict[str, Any] | None:
    """What the store says of its last state: its name as `push`, names that are left out as `without`; None if nothing.

    Raises:
        DamagedStateError: it says something else, or names what does not lie directly in the folder.
    """
    content = store.read(STATE, LONGEST)
    if content is None:
        return None
    try:
        state = parse(content)
        push, without = state["push"], state.get("without", [])
        if isinstance(push, str) and isinstance(without, list) and all(map(is_plain, without)):
            return {"push": push, "without": without}
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise DamagedStateError(f"{store.uri}/{STATE} is damaged")

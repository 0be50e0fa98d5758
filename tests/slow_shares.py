"""Which slow tests run: the k-th of n equal shares, and none that would begin too late.

`RLEXP_SLOW_SHARE=2/5 pytest -m slow` runs the second fifth. A test keeps its share whatever else is selected.
`RLEXP_SLOW_UNTIL=<seconds since 1970>` skips the slow tests that would begin later.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

SHARE = "RLEXP_SLOW_SHARE"
UNTIL = "RLEXP_SLOW_UNTIL"


class Share(NamedTuple):
    """The `position`-th of `count` shares, counted from 1."""

    position: int
    count: int

    def holds(self, node_id: str) -> bool:
        """Whether the test of this node id belongs to the share."""
        digest = hashlib.sha256(node_id.encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.position - 1


def parse_share(text: str) -> Share | None:
    """The share that `text` names, such as `2/5`; None for an empty text.

    Raises:
        ValueError: it names none.
    """
    if not text:
        return None
    position, slash, count = text.partition("/")
    if not (slash and position.isdecimal() and count.isdecimal() and 1 <= int(position) <= int(count)):
        raise ValueError(f"{SHARE}={text} is no share; write k/n with k from 1 to n, such as 2/5")
    return Share(int(position), int(count))

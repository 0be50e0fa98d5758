"""Names read from a record (a manifest, a plan, a pointer, a store's listing), judged before they become paths."""

from __future__ import annotations

import os

LONGEST = 255  # bytes, as most filesystems allow
_NOT_IN_NAMES = {"\0", "/", os.sep, os.altsep or os.sep}


def is_plain(name: object) -> bool:
    """True for a name of one file or folder that is not hidden: joined to a folder, it lies directly in it."""
    return (
        isinstance(name, str)
        and name.isprintable()
        and 0 < len(os.fsencode(name)) <= LONGEST
        and not name.startswith(".")
        and not _NOT_IN_NAMES & set(name)
    )


def is_inside(path: object) -> bool:
    """True for a relative path with slashes whose parts are all plain: joined to a folder, it lies below it."""
    return isinstance(path, str) and all(map(is_plain, path.split("/")))

"""Python's collector of reference cycles, while much is imported: it goes through the same objects again and again."""

from __future__ import annotations

import gc

RARELY = (50_000, 50, 1_000)
_before: tuple[int, int, int] | None = None


def begin() -> None:
    """Much is going to be imported: an eighth of the time that RLlib's modules take is the collector's."""
    global _before
    if _before is None:
        _before = gc.get_threshold()
        gc.set_threshold(*RARELY)


def end() -> None:
    """The collector works as before, and leaves alone what is there by now; harmless without `begin`."""
    global _before
    if _before is not None:
        gc.freeze()
        gc.set_threshold(*_before)
        _before = None

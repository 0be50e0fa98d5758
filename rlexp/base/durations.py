"""Time spans as people read them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """A time span to read: `38 s`, `4 min 05 s`, `2 h 07 min`, `3 d 04 h`."""
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 3600:
        return f"{rounded // 60} min {rounded % 60:02d} s"
    if rounded < 86400:
        return f"{rounded // 3600} h {rounded % 3600 // 60:02d} min"
    return f"{rounded // 86400} d {rounded % 86400 // 3600:02d} h"

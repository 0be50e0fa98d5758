"""What an answer to a name from another time or another library holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LEAVE_OUT = "leave it out"
OWN_MODULE = "model=custom model.module_class=<import path of an RLModule>"


@dataclass(frozen=True)
class Answer:
    """What became of a setting, and what to write for it.

    Attributes:
        reason: a sentence that goes on after "unknown key x: ".
        fix: overrides to type, or a few words where nothing takes the setting's place.
        keys: keys of ours to name as near ones, best first.
    """

    reason: str
    fix: str = LEAVE_OUT
    keys: tuple[str, ...] = ()


Entry = Answer | Callable[[Any], Answer]
"""An answer, or what makes one from the value that was given."""


def switch(on: Answer, off: str) -> Entry:
    """The answer to a setting that is on or off; off is what holds without it, for the reason `off`."""
    return lambda value: on if value else Answer(off)


def is_count(value: Any) -> bool:
    """True for numbers; true and false are none here."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)

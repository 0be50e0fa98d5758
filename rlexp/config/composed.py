"""What composition hands over to be judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Composed:
    """What Hydra made of the overrides: plain values, and which choice each group got."""

    plain: dict[str, Any]
    choices: dict[str, str | list[str]]

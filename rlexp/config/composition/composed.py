"""What composition hands over to be judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Composed:
    """What Hydra made of the overrides.

    Attributes:
        plain: the values.
        choices: which choice each group got.
        kept: `${...}` by dotted key, of values that look like secrets from the environment: these are written to no
            file, and what they are made of is.
    """

    plain: dict[str, Any]
    choices: dict[str, str | list[str]]
    kept: Mapping[str, str] = field(default_factory=dict)

"""What libraries say at every start and nobody can do anything about: it is left out of `log.txt`."""

from __future__ import annotations

import re

_NOISE = re.compile(
    r"You are running \w+ on the new API stack!"
    # RLlib's own modules are built in the way that RLlib calls deprecated.
    r"|`RLModule\(config=\[RLModuleConfig object\]\)` has been deprecated"
    # RLlib registers its environment anew for each runner.
    r"|Overriding environment rllib-(?:single|multi)-agent-env-v0 already in registry"
)
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def is_noise(text: str) -> bool:
    """Whether a line is one of those of every run."""
    return _NOISE.search(text) is not None


def without_colour(text: str) -> str:
    """The text without the codes that colour it on a terminal."""
    return _COLOUR.sub("", text) if "\x1b" in text else text

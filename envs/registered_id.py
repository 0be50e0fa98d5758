"""Ids of Gymnasium's registry that make what they say, and nothing that their text or their arguments name."""

from __future__ import annotations

from rlexp.base.errors import ConfigError


def registered_id(identifier: str) -> str:
    """The id as it is.

    Raises:
        ConfigError: Gymnasium would import the module before its colon, or make another id that stands in its
            arguments.
    """
    if ":" in identifier or identifier.startswith("GymV2"):
        raise ConfigError(
            f"env.config.id: {identifier} is refused: here stands the id of an environment that is registered already",
            key="env.config.id",
            fix=f"env=gym env.id={identifier}",
        )
    return identifier

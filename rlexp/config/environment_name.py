"""What an environment is called where several are compared."""

from __future__ import annotations

GENERAL = ("gym", "minigrid", "atari", "envpool", "")
"""Choices of environments that go by an id."""


def environment_name(choice: object, identity: object) -> str:
    """The choice's name where it says which environment it is, else the id.

    Args:
        choice: of the group `env`; empty or None where there was none.
        identity: `env.id`.
    """
    named = str(choice or "")
    return str(identity or "") if named in GENERAL else named

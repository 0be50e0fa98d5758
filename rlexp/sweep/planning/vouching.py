"""What in a sweep's plan bears its user's signature: the name of the key that its trials are lent, and the command."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from rlexp.storage.checkpoint.seal_key import vouch, vouches


def fresh_seals() -> dict[str, Any]:
    """Fields of a plan: a new name for the key that trials seal with, and this user's word that it was lent.

    Raises:
        ConfigError: the user's own key cannot be had.
    """
    seals = f"sweep-{secrets.token_hex(8)}"
    return {"seals": seals, "vouched": {seals: vouch("seals", seals)}}


def sign_command(plan: Mapping[str, Any]) -> str:
    """The signature under what a new sweep was asked for."""
    return vouch("asked", [plan["seals"], plan["asked"]])


def is_own_command(plan: Mapping[str, Any]) -> bool:
    """Whether this user has asked for the sweep: what somebody else did may not be composed as this user's word."""
    names = [plan["seals"], *_vouched(plan)]
    return any(vouches("asked", [seals, plan["asked"]], plan.get("asked_by")) for seals in names)


def adopted(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan with a key name that this user vouches for; the one it has, if that is so."""
    before = _vouched(plan)
    if vouches("seals", plan["seals"], before.get(plan["seals"])):
        return dict(plan)
    fresh = fresh_seals()
    return {**plan, **fresh, "vouched": {**before, **fresh["vouched"]}}


def _vouched(plan: Mapping[str, Any]) -> dict[str, Any]:
    found = plan.get("vouched")
    return found if isinstance(found, dict) else {}

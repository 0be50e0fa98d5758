"""What a sweep was planned from, and how it is run: `plan.json`, written once but for what may change."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.files.atomic import to_json
from rlexp.storage.checkpoint.seal_key import vouch, vouches
from rlexp.storage.signed_files import write_signed
from rlexp.storage.sweeps.sweep_view import PLAN, SweepView
from rlexp.sweep.settings import SweepSettings, to_settings
from rlexp.sweep.space.search_space import Space


@dataclass(frozen=True)
class SweepRequest:
    """What a sweep was planned from: the command line's overrides and where the configs lie."""

    overrides: tuple[str, ...] = ()
    config_name: str = "config"
    config_dir: str | None = None


NO_OVERRIDES = SweepRequest()


class PlanRecord(SweepView):
    """The record of the plan in a sweep's folder."""

    def change(self, settings: SweepSettings) -> None:
        """Replaces the settings."""
        plain = {**self.plan(), "settings": dataclasses.asdict(settings)}
        write_signed(self.path / PLAN, to_json(plain))

    def space(self) -> Space:
        """The space that the trials were drawn from."""
        try:
            return Space.of_plain(self.plan()["space"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"{self.path / PLAN} is damaged: space: {error}") from error

    def request(self) -> SweepRequest:
        """The command line that it was planned from."""
        recorded = self.plan()["asked"]
        try:
            return SweepRequest(
                tuple(map(str, recorded["overrides"])),
                recorded["config_name"],
                recorded["config_dir"],
            )
        except (KeyError, TypeError) as error:
            raise ConfigError(f"{self.path / PLAN} is damaged: asked: {error}") from error

    @property
    def seals(self) -> str:
        """A name for the key that its trials' checkpoints are sealed with; no secret."""
        return str(self.plan()["seals"])

    def adopt_seals(self) -> None:
        """Makes the key one of this user's own, before trials are lent it, also if somebody else planned the sweep."""
        plan = self.plan()
        if (ours := with_own_seals(plan)) != plan:
            write_signed(self.path / PLAN, to_json(ours))

    def refuse_others_command(self) -> None:
        """Refuses to compose anew what somebody else has asked for: it would count as this user's own word.

        Raises:
            ConfigError: the sweep's plan was not made with this user's key.
        """
        if not is_own_command(self.plan()):
            raise ConfigError(
                f"sweep.trials: {self.place} was not planned by this user on this machine; its command is not repeated",
                key="sweep.trials",
                fix="rlexp -m ... for another sweep",
            )

    def settings(self) -> SweepSettings:
        """The settings, as chosen when it was planned."""
        return to_settings(self.plan()["settings"])


def fresh_seals() -> dict[str, Any]:
    """New fields of a plan: a name for the key that trials seal with, and this user's signature that it was lent.

    Raises:
        ConfigError: the user's own key cannot be had.
    """
    seals = f"sweep-{secrets.token_hex(8)}"
    return {"seals": seals, "vouched": {seals: vouch("seals", seals)}}


def sign_command(plan: Mapping[str, Any]) -> str:
    """Signs the command line of a new sweep with this user's key."""
    return vouch("asked", [plan["seals"], plan["asked"]])


def is_own_command(plan: Mapping[str, Any]) -> bool:
    """Whether this user has asked for the sweep: what somebody else did may not count as this user's command."""
    names = [plan["seals"], *_vouched(plan)]
    return any(vouches("asked", [seals, plan["asked"]], plan.get("asked_by")) for seals in names)


def with_own_seals(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan with a key name that this user vouches for; the one it has, if that is so."""
    before = _vouched(plan)
    if vouches("seals", plan["seals"], before.get(plan["seals"])):
        return dict(plan)
    fresh = fresh_seals()
    return {**plan, **fresh, "vouched": {**before, **fresh["vouched"]}}


def _vouched(plan: Mapping[str, Any]) -> dict[str, Any]:
    vouched = plan.get("vouched")
    return vouched if isinstance(vouched, dict) else {}

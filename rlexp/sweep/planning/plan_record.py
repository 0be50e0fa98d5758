"""What a sweep was planned from, and how it is run: `plan.json`, written once but for what may change."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from rlexp.base.errors import ConfigError
from rlexp.base.files.atomic import to_json
from rlexp.storage.signed_files import write_signed
from rlexp.storage.sweeps.sweep_view import PLAN, SweepView
from rlexp.sweep.planning import vouching
from rlexp.sweep.planning.space import Space
from rlexp.sweep.settings import SweepChoice, typed


@dataclass(frozen=True)
class Asked:
    """What a sweep was planned from: the command line's overrides and where the configs lie."""

    overrides: tuple[str, ...] = ()
    config_name: str = "config"
    config_dir: str | None = None


NO_OVERRIDES = Asked()


class PlanRecord(SweepView):
    """The record of the plan in a sweep's folder."""

    def change(self, settings: SweepChoice) -> None:
        """Takes over other settings."""
        plain = {**self.plan(), "settings": dataclasses.asdict(settings)}
        write_signed(self.path / PLAN, to_json(plain))

    def space(self) -> Space:
        """What the trials were drawn from."""
        try:
            return Space.of_plain(self.plan()["space"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"{self.path / PLAN} is damaged: space: {error}") from error

    def asked(self) -> Asked:
        """What it was planned from."""
        told = self.plan()["asked"]
        try:
            return Asked(tuple(map(str, told["overrides"])), told["config_name"], told["config_dir"])
        except (KeyError, TypeError) as error:
            raise ConfigError(f"{self.path / PLAN} is damaged: asked: {error}") from error

    @property
    def seals(self) -> str:
        """Stands for the key that its trials' checkpoints are sealed with; no secret."""
        return str(self.plan()["seals"])

    def adopt(self) -> None:
        """Before the trials are lent a key: it is one of this user's own, also if somebody else planned the sweep."""
        plan = self.plan()
        if (ours := vouching.adopted(plan)) != plan:
            write_signed(self.path / PLAN, to_json(ours))

    def refuse_others_command(self) -> None:
        """Refuses to compose anew what somebody else has asked for: it would count as this user's own word.

        Raises:
            ConfigError: the sweep's plan was not made with this user's key.
        """
        if not vouching.is_own_command(self.plan()):
            raise ConfigError(
                f"sweep.trials: {self.place} was not planned by this user on this machine; its command is not repeated",
                key="sweep.trials",
                fix="rlexp -m ... for another sweep",
            )

    def settings(self) -> SweepChoice:
        """As chosen when it was planned."""
        return typed(self.plan()["settings"])

"""What may be changed when a sweep goes on: how it is run, a longer budget, more trials of a random search."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rlexp.base.errors import ConfigError
from rlexp.config.composition.override_syntax import value_of
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.planning.fits import try_environments
from rlexp.sweep.planning.plan import plan
from rlexp.sweep.settings import GROUP, SweepChoice, is_setting, typed

MAY_CHANGE = ("max_failures", "fail_fast", "concurrency", "wall_s", "trials")


def apply(folder: SweepFolder, overrides: Sequence[str]) -> tuple[SweepChoice, list[str]]:
    """Takes the sweep's own settings among `overrides` into its folder; returns all settings, and the other overrides.

    Raises:
        ConfigError: a setting that cannot be changed any more, or an override that a trial refuses.
    """
    before = folder.settings()
    chosen = _changed(before, [text for text in overrides if is_setting(text)])
    others = [text for text in overrides if not is_setting(text)]
    if others:
        folder.frozen.all(others)
    if chosen != before:
        if (chosen.trials or 0) > (before.trials or 0) and chosen.search == "random":
            _add_trials(folder, chosen)
        folder.change(chosen)
    return chosen, others


def _changed(settings: SweepChoice, overrides: Sequence[str]) -> SweepChoice:
    changes = {}
    for text in overrides:
        key, _, value = text.lstrip("+").partition("=")
        name = key.removeprefix(f"{GROUP}.")
        if name not in MAY_CHANGE:
            raise ConfigError(
                f"{key} is settled when a sweep is planned; now may change: {', '.join(MAY_CHANGE)}",
                key=key,
                fix="rlexp -m ... for another sweep",
            )
        changes[name] = value_of(value)
    changed = typed({**dataclasses.asdict(settings), **changes})
    if (changed.trials or 0) < (settings.trials or 0):
        raise ConfigError(
            f"sweep.trials={changed.trials}: {settings.trials} are planned already", key="sweep.trials"
        )
    return changed


def _add_trials(folder: SweepFolder, chosen: SweepChoice) -> None:
    """The same seed draws the same trials and then more; those that are there stay as they were frozen."""
    folder.refuse_others_command()
    asked = folder.asked()
    again = [text for text in asked.overrides if not text.startswith(f"{GROUP}.trials=")]
    longer = plan(
        [*again, f"{GROUP}.trials={chosen.trials}"],
        config_name=asked.config_name,
        config_dir=asked.config_dir,
    )
    more = longer.trials[len(folder.frozen.all()) :]
    try_environments(more)
    folder.frozen.add(more)

"""Configs composed with a folder of choices from elsewhere: looked through before they are accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rlexp.config.composition.composed import Composed
from rlexp.config.labs.search_path import find_lab
from rlexp.config.trust.foreign import refuse_foreign, said_by
from rlexp.config.trust.trusted_modules import trusting_own


def is_foreign(config_dir: Path | str | None) -> bool:
    """True for a folder of choices that the command line adds and that is not the lab's own, nor lies in it."""
    if config_dir is None:
        return False
    lab = find_lab()
    return lab is None or not Path(config_dir).resolve().is_relative_to(lab.conf)


def accepted_from(config_dir: Path | str, composed: Composed, overrides: Sequence[str]) -> Composed:
    """What was composed with a foreign folder of choices, with all trusted that is the person's own word.

    Args:
        config_dir: the folder.
        composed: with the overrides on top.
        overrides: of the command line.

    Raises:
        ConfigError: the folder's choices set what only the command line may.
    """
    origin = f"--config-dir {config_dir}"
    refuse_foreign(composed.plain, overrides, origin=origin, choices_are_theirs=True)
    plain = trusting_own(composed.plain, said_by(overrides, choices_are_theirs=True))
    return replace(composed, plain=plain)

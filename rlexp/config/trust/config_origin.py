"""Whether a composed config is the person's own word, or a stranger's that is looked through first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rlexp.config.composition.composed import Composed
from rlexp.config.composition.search_path import find_lab
from rlexp.config.trust.foreign import refuse_foreign, said_by
from rlexp.config.trust.trusted_modules import trusting_own


def accepted_from(config_dir: Path | str | None, composed: Composed, overrides: Sequence[str]) -> Composed:
    """What was composed, with all trusted that is the person's own word.

    Args:
        config_dir: a folder of choices that the command line adds; None for one's own choices alone.
        composed: with the overrides on top.
        overrides: of the command line.

    Raises:
        ConfigError: the folder's choices set what only the command line may.
    """
    if config_dir is None or _is_labs(Path(config_dir)):
        return replace(composed, plain=trusting_own(composed.plain))
    origin = f"--config-dir {config_dir}"
    refuse_foreign(composed.plain, overrides, origin=origin, choices_are_theirs=True)
    plain = trusting_own(composed.plain, said_by(overrides, choices_are_theirs=True))
    return replace(composed, plain=plain)


def _is_labs(config_dir: Path) -> bool:
    """Whether the folder is the lab's own of choices, or lies in it."""
    lab = find_lab()
    return lab is not None and config_dir.resolve().is_relative_to(lab.conf)

"""Overrides to one plain, typed `RunConfig`: Hydra composes, this project judges.

Hydra's own answer to a key it does not know is "use +key". Here every value override is handed to Hydra as a
forced one, and the keys are judged afterwards against the schema and RLlib's signatures, so a plus sign
changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rlexp.config.composition.composed import Composed
from rlexp.config.composition.hydra_app import compose_forced, hydra_app, readable_errors
from rlexp.config.composition.override_syntax import parse_all
from rlexp.config.composition.overrides import force
from rlexp.config.labs.search_path import lab_of
from rlexp.config.rerun import composed_again, is_saved_run
from rlexp.config.schema import RunConfig
from rlexp.config.trust.config_origin import accepted_from, is_foreign
from rlexp.config.trust.trusted_modules import trusting_own
from rlexp.run.checks import check, check_start
from rlexp.storage.buckets.fetch import fetched


def compose(
    overrides: Sequence[str] = (), *, config_name: str = "config", config_dir: Path | str | None = None
) -> RunConfig:
    """Composes and checks a run, as `rlexp [overrides]` does.

    >>> config = rlexp.compose(["env=acrobot", "algorithm.lr=3e-4"])
    >>> config.env.id
    'Acrobot-v1'

    Args:
        overrides: as on the command line, e.g. `["env=acrobot", "algorithm.lr=3e-4"]`.
        config_name: the primary config.
        config_dir: one more folder of choices, searched first; or a run's folder, or address, to run it again.

    Raises:
        ConfigError: an override that is unknown, ill-typed, out of range, or does not fit the others.
        CheckpointError: `checkpoint.from` names none that can be used.
    """
    if config_dir is not None:
        config_dir = fetched(config_dir)
    config = check(compose_plain(overrides, config_name=config_name, config_dir=config_dir))
    check_start(config)
    return config


def compose_plain(
    overrides: Sequence[str], *, config_name: str = "config", config_dir: Path | str | None = None
) -> Composed:
    """Composes without judging the values; unknown groups and choices, and bad syntax, are refused."""
    if config_dir is not None and is_saved_run(config_dir, config_name):
        with lab_of(Path(config_dir)):
            return composed_again(Path(config_dir), overrides)
    with hydra_app(config_dir) as app:
        with readable_errors(app, config_name):
            forced = force(parse_all(overrides, app), app, config_name=config_name)
        composed = compose_forced(app, forced, config_name=config_name)
    if config_dir is not None and is_foreign(config_dir):
        return accepted_from(config_dir, composed, overrides)
    return replace(composed, plain=trusting_own(composed.plain))

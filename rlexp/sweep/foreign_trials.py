"""What was frozen in a sweep by somebody else is looked through before any of it runs: every config it can come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rlexp.config.composition.composed import Composed
from rlexp.config.composition.hydra_app import with_values
from rlexp.config.convert import to_plain
from rlexp.config.trust.foreign import refuse_foreign
from rlexp.run.checks import check
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.search.adaptive import Adaptive, trusting

ORIGIN = "this sweep's config"


def refuse_untrusted(folder: SweepFolder, overrides: Sequence[str]) -> None:
    """Refuses what would let the sweep's author run code here, unless it is this user or the command line grants it.

    Raises:
        ConfigError: damaged; or names a key, and what to write if its author is trusted.
    """
    own = folder.is_own
    adaptive = folder.adaptive()
    bases = adaptive.bases if adaptive is not None else ()
    # As they stand in the files: to make a typed config of one may already import what it names.
    trials = list(folder.frozen.plain())
    for plain in [*(base.composed.plain for base in bases), *trials]:
        refuse_foreign(plain, overrides, origin=ORIGIN, own=own)
    if not own:
        for plain in _reachable(folder, adaptive, trials):
            refuse_foreign(plain, overrides, origin=ORIGIN)
    for composed in [
        *(trusting(base.composed) for base in bases),
        *(Composed(to_plain(trial.config), trial.config.choices) for trial in folder.frozen.all()),
    ]:
        check(composed)


def _reachable(
    folder: SweepFolder, adaptive: Adaptive | None, trials: Sequence[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Configs with each value that the search, or a scheduler, may put on top of them."""
    points = [point for dimension in folder.space().dimensions for point in dimension.ends()]
    for base in adaptive.bases if adaptive is not None else ():
        for point in points:
            heads = (
                {key: adaptive.heads.get(key) for key in point if key not in base.choices} if adaptive else {}
            )
            values = [f"{head}={point[key]}" for key, head in heads.items() if head is not None]
            yield with_values(base.composed.plain, values)
    for point in points if trials else ():
        yield with_values(trials[0], [f"++{key}={value}" for key, value in point.items() if "." in key])

"""One run to be, of a sweep, and its name."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rlexp.base.seeds import consecutive_seeds
from rlexp.config.schema import RunConfig
from rlexp.sweep.space.search_space import Point

SEED = "seed"
_UNFIT = re.compile(r"[^\w.=+-]+")
_LONGEST = 80


@dataclass(frozen=True)
class Trial:
    """One run to be.

    Attributes:
        name: of its folder: its number, and what it has of its own.
        overrides: it alone of all, the sweep's fixed ones included.
        varied: the keys that the sweep varies, with this trial's values as written.
        config: composed and checked.
    """

    name: str
    overrides: tuple[str, ...]
    varied: Point
    config: RunConfig


def seed_trials(point: Point, overrides: Sequence[str], config: RunConfig, seeds: int) -> list[Trial]:
    """A point's trials, yet without names: itself, or one for each of the seeds from the config's own on."""
    if seeds == 1:
        return [Trial("", tuple(overrides), point, config)]
    others = [text for text in overrides if not text.startswith(f"{SEED}=")]
    return [
        Trial(
            "",
            (*others, f"{SEED}={seed}"),
            {**point, SEED: str(seed)},
            dataclasses.replace(config, seed=seed),
        )
        for seed in consecutive_seeds(config.seed, seeds)
    ]


def with_names(trials: Sequence[Trial], *, first: int = 0, count: int | None = None) -> tuple[Trial, ...]:
    """The trials with their names, `007-lr=0.001-seed=2`: sorted as they are planned, and telling what differs.

    Args:
        trials: in their order.
        first: number of the first.
        count: how many the sweep has; these are all by default.
    """
    width = max(3, len(str((len(trials) if count is None else count) - 1)))
    return tuple(
        dataclasses.replace(trial, name=f"{number:0{width}d}{_label(trial.varied)}")
        for number, trial in enumerate(trials, start=first)
    )


def _label(point: Point) -> str:
    lasts = Counter(key.rpartition(".")[2] for key in point)
    parts = [
        f"{key.rpartition('.')[2] if lasts[key.rpartition('.')[2]] == 1 else key}={value}"
        for key, value in point.items()
    ]
    label = _UNFIT.sub("_", "-".join(parts))[:_LONGEST].rstrip("-_.")
    return f"-{label}" if label else ""

"""The space that overrides span: lists, ranges, globs, intervals and their tags, as Hydra's grammar reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.sweep.space.overlaps import merged
from rlexp.sweep.space.search_space import MOST_TRIALS, SCALES, Interval, Listed, SearchDimension, Space

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


def space_of(overrides: Sequence[Override]) -> Space:
    """The space of overrides that hold several values each.

    `key=a,b`, `choice(...)`, `range(...)`, `glob(...)` list values; those tagged alike, `tag(zip, choice(...))`, are
    tried pairwise. `interval(low, high)` is continuous, `tag(log, interval(...))` and the other scales on theirs,
    `tag(int, interval(...))` whole.

    A key that is listed twice with dictionaries has each pair of them, merged.

    Raises:
        ConfigError: an empty list, lists of different lengths that go together, bounds or tags that make no sense,
            a key that is varied twice.
    """
    dimensions: list[SearchDimension | str] = []  # a text stands for the keys that go together under that tag
    zipped_columns: dict[str, list[tuple[str, list[str]]]] = {}
    for override, texts in _each_key_once(overrides):
        key, tags = override.key_or_group, set(getattr(override.value(), "tags", None) or ())
        if not override.is_discrete_sweep():
            dimensions.append(_interval(key, override.value(), tags))
            continue
        if not texts:
            raise ConfigError(
                f"{override.input_line}: there is no value to try", key=key, fix=f"{key}=choice(...)"
            )
        zipped = next((tag for tag in tags if tag.startswith("zip")), None)
        _know(key, tags - {zipped})
        if zipped is not None:
            if zipped not in zipped_columns:
                dimensions.append(zipped)
            zipped_columns.setdefault(zipped, []).append((key, texts))
        else:
            dimensions.append(Listed(tuple(((key, text),) for text in texts)))
    return Space(tuple(_zipped(zipped_columns[d]) if isinstance(d, str) else d for d in dimensions))


def _each_key_once(overrides: Sequence[Override]) -> list[tuple[Override, list[str]]]:
    """Each override of another key, with its values where they are listed."""
    by_key: dict[str, tuple[Override, list[str]]] = {}
    for override in overrides:
        _refuse_long_range(override)
        key = override.key_or_group
        if key in by_key:
            by_key[key] = (override, merged(by_key[key][0], override))
        else:
            listed = override.is_discrete_sweep()
            by_key[key] = (
                override,
                [str(text) for text in override.sweep_string_iterator()] if listed else [],
            )
    return list(by_key.values())


def _refuse_long_range(override: Override) -> None:
    """Refuses a range that never ends, or would fill the memory before anyone could count its values.

    Raises:
        ConfigError: saying how many values it has.
    """
    from hydra.core.override_parser.types import RangeSweep

    span = override.value()
    if not isinstance(span, RangeSweep):
        return
    key, step = override.key_or_group, float(span.step)
    start, stop = float(span.start or 0), float(span.stop or 0)
    if not step or not math.isfinite(stop - start) or not math.isfinite(step):
        message = f"{override.input_line}: in steps of {step:g} a range from {start:g} to {stop:g} has no end"
        raise ConfigError(message, key=key, fix=f"{key}=range(0,10)")
    refuse_many(f"{override.input_line}", key, (stop - start) / step)


def refuse_many(what: str, key: str | None, count: float) -> None:
    """Refuses more trials than a sweep may have.

    Raises:
        ConfigError: saying how many it would be.
    """
    if count > MOST_TRIALS:
        message = f"{what}: that would be {count:,.0f} trials; a sweep has at most {MOST_TRIALS:,}"
        raise ConfigError(message, key=key, fix="fewer values, or sweep=random sweep.trials=100")


def _zipped(columns: Sequence[tuple[str, list[str]]]) -> Listed:
    lengths = {key: len(texts) for key, texts in columns}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{key} has {count}" for key, count in lengths.items())
        raise ConfigError(f"lists that are zipped need as many values each: {counts}", key=columns[-1][0])
    keys = [key for key, _ in columns]
    rows = zip(*(texts for _, texts in columns), strict=True)
    return Listed(tuple(tuple(zip(keys, row, strict=True)) for row in rows))


def _interval(key: str, interval: Any, tags: set[str]) -> Interval:
    low, high = float(interval.start), float(interval.end)
    whole = "int" in tags
    scales = [tag for tag in SCALES if tag in tags]
    _know(key, tags - {"int", *scales})
    if not low < high or not math.isfinite(high - low):
        raise ConfigError(
            f"{key}: interval({low:g},{high:g}) is empty", key=key, fix=f"{key}=interval(low,high)"
        )
    if whole and max(abs(low), abs(high)) >= 2**63:
        raise ConfigError(f"{key}: whole numbers to {max(abs(low), abs(high)):g} are beyond 64 bits", key=key)
    if len(scales) > 1:
        raise ConfigError(f"{key}: an interval has one scale, not {' and '.join(scales)}", key=key)
    scale = scales[0] if scales else None
    if scale in ("log", "pow2") and low <= 0:
        raise ConfigError(f"{key}: a {scale} scale begins above 0, not at {low:g}", key=key)
    if scale == "one_minus" and high >= 1:
        fix = f"{key}=tag(one_minus,interval({low:g},0.9999))"
        raise ConfigError(f"{key}: a one_minus scale ends below 1, not at {high:g}", key=key, fix=fix)
    made = Interval(key, low, high, scale, whole)
    if whole and math.ceil(low) > math.floor(high):
        raise ConfigError(f"{key}: there is no whole number from {low:g} to {high:g}", key=key)
    if scale == "pow2" and not made.values():
        raise ConfigError(f"{key}: there is no power of two from {low:g} to {high:g}", key=key)
    return made


def _know(key: str, tags: set[Any]) -> None:
    if unknown := sorted(tags - {None}):
        raise ConfigError(
            f"{key}: unknown tag {unknown[0]}; tags are {', '.join((*SCALES, 'int', 'zip'))}", key=key
        )

"""When a stage is left: a condition, and how much has to have been seen before it is believed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY, check_keys, integer, number, positive
from rlexp.curriculum.teachers.staging.condition import (
    MEANS,
    RANGES,
    Comparison,
    Condition,
    check_possible,
    parse,
)
from rlexp.environment.tasks.episode_measure import KEY as MEASURE
from rlexp.environment.tasks.episode_measure import range_of

WINDOW = 100
MIN_EPISODES = 100
THRESHOLD = 0.8
MARGIN = 0.2
PROMOTE_PATIENCE = 1
DEMOTE_PATIENCE = 3

_USUAL = "usual min_episodes"
"""In a rule's mapping: the general one, which a stage's own condition may lower."""

Spec = Mapping[str, Any]
"""A rule as YAML has it, text already turned into `{when: text}`."""


@dataclass(frozen=True)
class StageRule:
    """A condition with its provisos.

    Attributes:
        condition: to be met.
        window: latest episodes of the stage that means are over.
        min_episodes: of the stage, before which means and metrics count as unknown.
        patience: checks in a row that must find it met.
    """

    condition: Condition
    window: int
    min_episodes: int
    patience: int

    @property
    def threshold(self) -> Comparison | None:
        """The one mean that is to be reached; None where there is none, or a choice of several."""
        ways = self.condition.ways()
        thresholds = [c for way in ways for c in way if c.name in MEANS and c.sign[0] == ">"]
        return thresholds[0] if len(ways) == len(thresholds) == 1 else None


def spelled_out(spec: Any, word: str, name: str) -> Spec:
    """A rule's mapping, from a mapping or text.

    Args:
        spec: what stands in YAML.
        word: `threshold` or `margin`, which a mapping may have instead of `when`.
        name: the key without its prefix.

    Raises:
        ConfigError: it is neither, or has an unknown or contradictory key.
    """
    key = f"{KEY}.{name}"
    if isinstance(spec, str):
        return {"when": spec}
    measure = ("measure",) if word == "threshold" else ()
    names = ("when", word, *measure, "window", "min_episodes", "patience")
    if not isinstance(spec, Mapping):
        raise ConfigError(
            f"{key} must be a condition or map some of {', '.join(names)}, not {spec!r}",
            key=key,
            fix=f"{key}: {{{word}: {THRESHOLD if word == 'threshold' else MARGIN}}}",
        )
    check_keys(key, spec, names)
    if "when" in spec and (word in spec or "measure" in spec):
        raise ConfigError(f"{key} has both `when` and `{word}` or `measure`: write one of them", key=key)
    return spec


def overlaid(general: Spec, special: Spec) -> Spec:
    """The keys of both; where the special one says what to compare, the general one's comparison is dropped."""
    dropped: set[str] = set()
    if "when" in special:
        dropped = {"threshold", "margin", "measure"}
    elif special.keys() & {"threshold", "margin", "measure"}:
        dropped = {"when"}
    remaining = {key: value for key, value in general.items() if key not in dropped}
    if "when" in special and "min_episodes" in remaining:
        remaining[_USUAL] = remaining.pop("min_episodes")
    return {**remaining, **special}


def promotion(spec: Spec, name: str) -> StageRule:
    """The rule `{threshold, measure, window, min_episodes, patience}`, or `when` instead of the first two.

    Raises:
        ConfigError: an argument is out of range, or nothing can meet the rule.
    """
    if "when" in spec:
        return _rule(spec, name, parse(spec["when"], f"{KEY}.{name}"), PROMOTE_PATIENCE)
    measure, key = spec.get("measure", "score"), f"{KEY}.{name}.measure"
    if measure not in MEANS:
        raise ConfigError(
            f"{key} must be one of {', '.join(MEANS)}, not {measure!r}",
            key=key,
            suggestions=nearest(str(measure), MEANS),
            fix=f"{KEY}.{name}: '{measure}>=...'" if "/" in str(measure) else None,
        )
    threshold = number(f"{name}.threshold", spec.get("threshold", THRESHOLD), THRESHOLD)
    return _rule(spec, name, Comparison(measure, ">=", threshold), PROMOTE_PATIENCE)


def demotion(spec: Spec, name: str, before: Mapping[str, StageRule]) -> StageRule:
    """The rule `{margin, window, min_episodes, patience}`, or `when` instead of the first.

    Args:
        spec: the rule.
        name: its key without the prefix.
        before: promotion rules of the stages that it goes back to, by name; the margin is below the lowest
            threshold of theirs.

    Raises:
        ConfigError: an argument is out of range, or one of them has no single threshold.
    """
    if "when" in spec:
        return _rule(spec, name, parse(spec["when"], f"{KEY}.{name}"), DEMOTE_PATIENCE)
    margin = positive(f"{name}.margin", spec.get("margin", MARGIN), MARGIN)
    thresholds = []
    for stage, rule in before.items():
        if rule.threshold is None:
            raise ConfigError(
                f"{KEY}.{name}: a margin needs the threshold of {stage}, and that is left by {rule.condition}",
                key=f"{KEY}.{name}",
                fix=f"{KEY}.{name}: 'success<0.3'",
            )
        thresholds.append(rule.threshold)
    if len({threshold.name for threshold in thresholds}) > 1:
        raise ConfigError(
            f"{KEY}.{name}: a margin needs one measure, and {', '.join(before)} have several",
            key=f"{KEY}.{name}",
            fix=f"{KEY}.{name}: 'success<0.3'",
        )
    below = round(min(threshold.number for threshold in thresholds) - margin, 12)  # 0.8 - 0.2 is above 0.6
    return _rule(spec, name, Comparison(thresholds[0].name, "<", below), DEMOTE_PATIENCE)


def check_reach(rule: StageRule, measure: str, name: str) -> None:
    """Raises ConfigError when the rule asks of the score what `curriculum.measure` can never be.

    Args:
        rule: to judge.
        measure: what the score is.
        name: the rule's key without the prefix.
    """
    low, high = range_of(measure)
    try:
        check_possible(rule.condition, f"{KEY}.{name}", rule.min_episodes, {**RANGES, "score": (low, high)})
    except ConfigError as error:
        what = f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
        raise ConfigError(
            f"{error}, as {MEASURE}={measure} is",
            key=error.key,
            fix=f"numbers {what} in it, or {MEASURE}=return",
        ) from None


def _rule(spec: Spec, name: str, condition: Condition, patience: int) -> StageRule:
    # Who writes `episodes>=50` means it: means count from then on, though fewer than usual.
    written = [c.number for way in condition.ways() for c in way if c.name == "episodes" and c.sign[0] == ">"]
    usual = integer(f"{name}.min_episodes", spec.get(_USUAL, MIN_EPISODES), MIN_EPISODES)
    least = int(min([usual, *written]))
    rule = StageRule(
        condition,
        integer(f"{name}.window", spec.get("window", WINDOW), WINDOW),
        integer(f"{name}.min_episodes", spec.get("min_episodes", max(1, least)), MIN_EPISODES),
        integer(f"{name}.patience", spec.get("patience", patience), patience),
    )
    check_possible(condition, f"{KEY}.{name}", rule.min_episodes)
    return rule

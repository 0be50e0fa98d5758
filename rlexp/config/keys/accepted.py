"""Which of RLlib's keywords a config group takes for an algorithm, and why it refuses the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from rlexp.config.algorithms import class_name
from rlexp.config.callables.targets import DEFAULT_TRUSTED
from rlexp.config.keys.builder_signatures import BASE, Keyword, is_rllibs, keywords, model_fields
from rlexp.config.keys.ignored import reason
from rlexp.config.schema import Builder, ModelChoice


@dataclass(frozen=True)
class Accepted:
    """The keywords of a group, and the refused ones with the reason and the replacement, where known."""

    keywords: dict[str, Keyword] = field(default_factory=dict)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)


@lru_cache(maxsize=256)
def accepted(group: type, config_class: str | None, trusted: tuple[str, ...] = DEFAULT_TRUSTED) -> Accepted:
    """What `group` (a class of the schema) takes for an algorithm's config class.

    Args:
        group: a config group's class; its `BUILDERS` name the builder methods.
        config_class: import path; None for what all algorithms have.
        trusted: prefixes of modules that may be imported to find the class.

    Raises:
        ConfigError: there is no such config class, or it is not trusted.
    """
    path = config_class or BASE
    found = Accepted()
    if group is ModelChoice:
        found.keywords.update(model_fields())
    builders: tuple[Builder, ...] = getattr(group, "BUILDERS", ())
    for builder in builders:
        for keyword in keywords(path, builder.method, trusted).values():
            if not builder.only or keyword.name in builder.only:
                _sort(found, keyword, _no_effect(group, keyword, path, trusted))
    return found


def _sort(found: Accepted, keyword: Keyword, no_effect: tuple[str, str] | None) -> None:
    """Put a keyword where it belongs; deprecated ones are simply unknown."""
    if no_effect is not None:
        found.refused[keyword.name] = no_effect
    elif not keyword.deprecated:
        found.keywords[keyword.name] = keyword


def _no_effect(
    group: type, keyword: Keyword, config_class: str, trusted: tuple[str, ...]
) -> tuple[str, str] | None:
    """Why RLlib's new API stack ignores a keyword, and what to write instead."""
    if not is_rllibs(keyword.owner):  # A class of one's own declares it anew, so it makes something of it.
        return None
    ignored = reason(keyword.name, class_name(config_class, trusted))
    prefix = group.__name__.removesuffix("Choice").lower()
    # Two builders may share a name: refused in one group for the sake of the other, it stands in that other.
    words = ignored[1].replace(",", " ").split() if ignored is not None else []
    return None if f"{prefix}.{keyword.name}" in words else ignored

"""Which of RLlib's keywords a config group takes for an algorithm, and why it refuses the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from rlexp.config.algorithms import ALGORITHMS, class_name
from rlexp.config.algorithms.builder_signatures import BASE, MODEL, Keyword, is_rllibs, keywords, model_fields
from rlexp.config.callables.targets import DEFAULT_TRUSTED
from rlexp.config.keys.key_table import known_of
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
    result = Accepted()
    if group is ModelChoice:
        result.keywords.update(model_fields())
    builders: tuple[Builder, ...] = getattr(group, "BUILDERS", ())
    prefix = group.__name__.removesuffix("Choice").lower()
    for builder in builders:
        for keyword in keywords(path, builder.method, trusted).values():
            if not builder.only or keyword.name in builder.only:
                _sort(result, keyword, _no_effect(f"{prefix}.{keyword.name}", keyword, path, trusted))
    return result


def ignored(key: str, config_class_name: str) -> tuple[str, str] | None:
    """Why a keyword of RLlib's builders has no effect, and what to write instead; None when it has one.

    Args:
        key: dotted, e.g. `algorithm.noisy`.
        config_class_name: the name of RLlib's own class, see `rlexp.config.algorithms.class_name`.
    """
    group, _, keyword = key.partition(".")
    row = ALGORITHMS.get(config_class_name) if group == "algorithm" else None
    return known_of(key).ignored or (row.ignored.get(keyword) if row is not None else None)


def annotation_of(key: str, keyword: Keyword) -> str | None:
    """The type of what RLlib takes at a dotted key, which is sometimes more than the type it declares."""
    annotation = known_of(key).annotation or keyword.annotation
    # In the model group None leaves the choice to the project, so every field may be None.
    return f"Optional[{annotation}]" if keyword.owner == MODEL else annotation


def _sort(accepted: Accepted, keyword: Keyword, no_effect: tuple[str, str] | None) -> None:
    """Puts a keyword where it belongs; deprecated ones are simply unknown."""
    if no_effect is not None:
        accepted.refused[keyword.name] = no_effect
    elif not keyword.deprecated:
        accepted.keywords[keyword.name] = keyword


def _no_effect(
    key: str, keyword: Keyword, config_class: str, trusted: tuple[str, ...]
) -> tuple[str, str] | None:
    """Why RLlib's new API stack ignores a keyword, and what to write instead."""
    if not is_rllibs(keyword.owner):  # A class of one's own declares it anew, so it makes something of it.
        return None
    return ignored(key, class_name(config_class, trusted))

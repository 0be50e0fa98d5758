"""The answer to a key that nothing knows: what it is called here, what became of it, or where to look.

A value is carried over only to a key that means the same: the same name mistyped, or a name that is known to stand for
it. Of names that are merely alike, the key is shown and the value is left to the person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import ALIASES, is_mistyped, nearest
from rlexp.config.algorithms.builder_signatures import algorithm_name
from rlexp.config.callables.annotations import matches
from rlexp.config.classic import SETTINGS, answer
from rlexp.config.keys.advice import other_owners, where_to_look
from rlexp.config.keys.key_table import known_of
from rlexp.config.keys.replay_settings import buffer_problems
from rlexp.config.override_text import override


def unknown_key(
    key: str, value: Any, known: Mapping[str, str | None], config_class: str | None
) -> ConfigError:
    """What to write for an unknown key.

    Args:
        key: dotted, as it was written.
        value: what was given to it.
        known: every key that the run may have, with its annotation where there is one.
        config_class: import path of the algorithm's config class, where it can be used.
    """
    if key.startswith("replay_buffer_config."):
        return _of_the_buffer(key, value, config_class)
    groups = {name.rpartition(".")[0] for name in known} - {""}
    candidates = [name for name in known if "." not in key or "." in name or name not in groups]
    if (foreign := _of_other_algorithms(key, candidates, config_class)) is not None:
        return foreign
    if (known_answer := answer(key, value)) is not None:
        message = f"unknown key {key}: {known_answer.reason}"
        return ConfigError(message, key=key, suggestions=known_answer.keys, fix=known_answer.fix)
    close = nearest(key, candidates)
    if not close or not _means_the_same(key, close[0]):
        return ConfigError(f"unknown key {key}", key=key, suggestions=close, fix=where_to_look(key))
    if close[0] in (stands_for := _stands_for(key)):
        close = [name for name in stands_for if name in known]
    fix = _choice(close[0]) if close[0] in groups else assignment(close[0], value, known[close[0]])
    return ConfigError(f"unknown key {key}", key=key, suggestions=close, fix=fix)


def is_answered(name: str) -> bool:
    """True if something is known of a name by itself, so that a mapping given to it is its value, not more keys."""
    return name in ALIASES or name in SETTINGS


def assignment(key: str, value: Any, annotation: str | None) -> str:
    """`key=value` where the key can have such a value; else a value that it can have."""
    if (problem := known_of(key).problem(value)) is not None:
        return problem.fix or f"{key}=<value>"
    is_integer = isinstance(value, float) and value.is_integer() and matches(annotation, int(value))
    if matches(annotation, value) or is_integer:
        return override(key, value)
    return known_of(key).written or f"{key}=<value>"


def _of_the_buffer(key: str, value: Any, config_class: str | None) -> ConfigError:
    """A key of the replay buffer without its group: as it would be judged in the group."""
    name = key.partition(".")[2]
    problems = buffer_problems({name: value}, algorithm_name(config_class or "") + "Config")
    fix = problems[0].fix if problems else override(f"algorithm.{key}", value)
    reason = (
        str(problems[0]).partition(": ")[2].partition("\n")[0] if problems else "it belongs to the algorithm"
    )
    return ConfigError(f"unknown key {key}: {reason}", key=key, fix=fix)


def _means_the_same(key: str, name: str) -> bool:
    return is_mistyped(key, name) or name in _stands_for(key)


def _stands_for(key: str) -> tuple[str, ...]:
    """The keys that a name from elsewhere stands for, best first."""
    return ALIASES.get(key.rpartition(".")[2].lower().replace("-", "_"), ())


def _choice(group: str) -> str:
    if "." in group:
        return known_of(group).written or f"{group}.<key>=<value>"
    return f"{group}=<choice>; rlexp list {group} describes them"


def _of_other_algorithms(key: str, candidates: Sequence[str], config_class: str | None) -> ConfigError | None:
    """A key, or a name for one, that other algorithms have and this one has not."""
    if not config_class:
        return None
    stands_for = [name for name in _stands_for(key) if name.startswith("algorithm.")]
    if any(name in candidates for name in stands_for):
        stands_for = []
    for name in [*([key] if key.startswith("algorithm.") else []), *stands_for]:
        if owners := other_owners(name):
            mine, alias = algorithm_name(config_class), "" if name == key else f"it is {name}, and "
            message = f"unknown key {key}: {alias}{', '.join(owners)} have it, {mine} has not"
            return ConfigError(message, key=key, fix=f"leave it out, or algorithm={owners[0].lower()}")
    return None

"""What `algorithm.replay_buffer_config` may hold: RLlib takes any keyword, and ignores what it does not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.algorithms import ALGORITHMS
from rlexp.config.callables.source_files import ClassSource, class_lineage
from rlexp.config.keys.key_table import known_of
from rlexp.config.override_text import override

KEY = "algorithm.replay_buffer_config"
UNIFORM = "EpisodeReplayBuffer"
PRIORITIZED = "PrioritizedEpisodeReplayBuffer"

_SHARED = ("type", "capacity")
_PRIORITIES = ("alpha", "beta")
_RLLIBS = "ray.rllib.utils.replay_buffers."


def buffer_keys() -> list[str]:
    """All dotted keys that some buffer takes."""
    return [f"{KEY}.{name}" for name in (*_SHARED, *_PRIORITIES)]


def buffer_problems(settings: Any, config_class: str) -> list[ConfigError]:
    """What RLlib would ignore or fail on while it trains: unknown keys, keys of other buffers, buffers that do not fit.

    Args:
        settings: the value of `replay_buffer_config`; anything but a mapping is left to others.
        config_class: name of RLlib's own class that the algorithm's config is or derives from.
    """
    if not isinstance(settings, Mapping):
        return []
    kind = settings.get("type", UNIFORM)
    if not isinstance(kind, str):
        return [_wrong_type(kind, "is the name of a buffer")]
    row = ALGORITHMS.get(config_class)
    names = (UNIFORM, PRIORITIZED) if row is None or row.prioritized else (UNIFORM,)
    own = None
    if _is_rllibs(kind):
        if kind.rpartition(".")[2] not in names:
            return [_unfit(kind, names)]
    else:
        own = class_lineage(kind)
        if own is not None and not any(
            source.path.startswith(_RLLIBS) and source.node.name == UNIFORM for source in own
        ):
            return [_unfit(kind, names)]
        if own is None:  # Its source does not tell what it takes.
            return []
    taken = _taken(kind, own)
    return [_unknown(str(name), value, kind, taken) for name, value in settings.items() if name not in taken]


def _is_rllibs(kind: str) -> bool:
    return "." not in kind or kind.startswith("ray.")


def _taken(kind: str, own: Sequence[ClassSource] | None) -> list[str]:
    """The keys that have an effect on a buffer of this kind."""
    lineage = [source.node.name for source in own or ()] or [kind.rpartition(".")[2]]
    priorities = _PRIORITIES if PRIORITIZED in lineage else ()
    declared = [
        name for source in own or () if not source.path.startswith("ray.") for name in _arguments(source)
    ]
    return list(dict.fromkeys([*_SHARED, *priorities, *declared]))


def _arguments(source: ClassSource) -> Iterator[str]:
    """The names that a class's constructor declares."""
    for item in source.node.body:
        if getattr(item, "name", "") == "__init__":
            args = item.args  # type: ignore[attr-defined]
            yield from (arg.arg for arg in (*args.args[1:], *args.kwonlyargs))


def _unfit(kind: str, names: Sequence[str]) -> ConfigError:
    name = kind.replace(":", ".").rpartition(".")[2]
    wanted = PRIORITIZED if "Prioritized" in name and PRIORITIZED in names else names[0]
    known = "Buffer" in name and _is_rllibs(kind)
    why = (
        "is none of the buffers that hold episodes, and RLlib would fail with it in training"
        if known
        else "is no replay buffer of RLlib's"
    )
    return _wrong_type(kind, why, wanted if known else (nearest(name, names, n=1) or [wanted])[0])


def _wrong_type(kind: Any, why: str, wanted: str = UNIFORM) -> ConfigError:
    key = f"{KEY}.type"
    message = f"{key}: {kind} {why}" if isinstance(kind, str) else f"{key} {why}, not {kind!r}"
    return ConfigError(message, key=key, fix=override(key, wanted))


def _unknown(name: str, value: Any, kind: str, taken: Sequence[str]) -> ConfigError:
    from rlexp.config.classic import for_buffer

    key, short = f"{KEY}.{name}", kind.replace(":", ".").rpartition(".")[2]
    if name in _PRIORITIES:
        message = f"{key}: {short} has no priorities, so it would be ignored"
        return ConfigError(message, key=key, fix=f"{KEY}.type={PRIORITIZED}, or leave it out")
    if (ignored := known_of(key).ignored) is not None:
        why, instead = ignored
        return ConfigError(f"{key} {why}: {instead} says it", key=key, fix=f"{instead}=<value>")
    if (answer := for_buffer(name)) is not None:
        return ConfigError(f"unknown key {key}: {answer.reason}", key=key, fix=answer.fix)
    close = nearest(name, taken, n=1)
    fix = override(f"{KEY}.{close[0]}", value) if close else "leave it out"
    message = f"unknown key {key}: {short} takes {', '.join(taken)} and would ignore it"
    return ConfigError(message, key=key, suggestions=[f"{KEY}.{each}" for each in close], fix=fix)

"""The `type` of a replay buffer: a class of RLlib's by its name, or any class derived from those by import path.

RLlib itself would take more there: any function to call, a file to open, or a text in YAML that says one of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.callables.source_files import derives_from
from rlexp.config.callables.targets import is_trusted, locate, untrusted
from rlexp.config.keys.replay_settings import KEY
from rlexp.config.trust.allow_list import BUFFER

SHORT_NAMES = (
    *("EpisodeReplayBuffer", "PrioritizedEpisodeReplayBuffer", "MultiAgentEpisodeReplayBuffer"),
    *(
        "MultiAgentPrioritizedEpisodeReplayBuffer",
        "ReplayBuffer",
        "PrioritizedReplayBuffer",
        "FifoReplayBuffer",
    ),
    *("ReservoirReplayBuffer", "MultiAgentReplayBuffer", "MultiAgentPrioritizedReplayBuffer"),
    "MultiAgentMixInReplayBuffer",
)
"""RLlib's own, which need no import path."""


def wrong_types(value: Any, key: str, trusted: Sequence[str]) -> Iterator[ConfigError]:
    """What is wrong with the `type` keys of a setting of RLlib's, at any depth; nothing is imported.

    Args:
        value: of the setting.
        key: of the setting.
        trusted: prefixes of the modules that a class may come from.
    """
    if isinstance(value, (list, tuple)):
        for inner in value:
            yield from wrong_types(inner, key, trusted)
    if not isinstance(value, Mapping):
        return
    for name, inner in value.items():
        yield from wrong_types(inner, f"{key}.{name}", trusted)
    if "_args" in value:
        yield ConfigError(
            f"{key}._args is refused: arguments have names", key=f"{key}._args", fix="remove it"
        )
    if isinstance(named := value.get("type"), str) and (error := _refusal(named, f"{key}.type", trusted)):
        yield error


def _refusal(path: str, key: str, trusted: Sequence[str]) -> ConfigError | None:
    if path in SHORT_NAMES or (path.isidentifier() and key == f"{KEY}.type"):
        return None  # One that is none of RLlib's, or does not fit, is refused with the buffer's other keys.
    if "." not in path or not all(part.isidentifier() for part in path.split(".")):
        close = nearest(path, SHORT_NAMES)
        return ConfigError(
            f"{key}: {path!r} is no replay buffer",
            key=key,
            suggestions=[f"{key}={name}" for name in close],
            fix=f"{key}={close[0] if close else SHORT_NAMES[0]}, or the import path of a class derived from it",
        )
    module = path.rpartition(".")[0]
    if not is_trusted(module, trusted):
        error = untrusted(path, module)
        return ConfigError(f"{key}: {str(error).partition(chr(10))[0]}", key=key, fix=error.fix)
    return _no_buffer(path, key) if derives_from(path, BUFFER.bases) is False else None


def _no_buffer(path: str, key: str) -> ConfigError:
    message = f"{key}: {path} is no replay buffer: it derives from none of RLlib's"
    return ConfigError(message, key=key, fix=f"{key}=EpisodeReplayBuffer")


def check_types(value: Any, key: str, trusted: Sequence[str]) -> None:
    """Imports the classes that the `type` keys of a checked setting name, and looks whether they are buffers.

    Raises:
        ConfigError: one is none, or is not there.
    """
    if not isinstance(value, Mapping):
        return
    for name, inner in value.items():
        check_types(inner, f"{key}.{name}", trusted)
    path = value.get("type")
    if not isinstance(path, str) or path in SHORT_NAMES:
        return
    from ray.rllib.utils.replay_buffers.base import ReplayBufferInterface

    found = locate(path, trusted)
    if not (isinstance(found, type) and issubclass(found, ReplayBufferInterface)):
        raise _no_buffer(path, f"{key}.type")

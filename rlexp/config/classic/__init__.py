"""What became of names that people bring along: classic RLlib's settings, and other libraries'.

A name whose value means the same here stands in `rlexp.base.suggest.ALIASES`, and its value is carried over. One that
is gone, or whose value means something else, has an answer here, so that no value lands under a key of another
meaning. What rlexp does not have is said so, with the nearest thing that it has.
"""

from __future__ import annotations

from typing import Any

from rlexp.config.classic.answer import Answer, Entry
from rlexp.config.classic.exploration import strategy
from rlexp.config.classic.model import MODEL
from rlexp.config.classic.multiagent_dict import AGENT_GROUPS, AGENTS, REPLAY
from rlexp.config.classic.old_choices import for_choice
from rlexp.config.classic.other_libraries import ELSEWHERE
from rlexp.config.classic.trainer import TRAINER

__all__ = ["SETTINGS", "Answer", "answer", "for_buffer", "for_choice", "strategy"]

SETTINGS: dict[str, Entry] = {**ELSEWHERE, **AGENTS, **TRAINER, **MODEL}
"""By the last part of a key, in lower case."""


def answer(key: str, value: Any) -> Answer | None:
    """The answer to an unknown key with its value; None where nothing is known of that name."""
    name = _folded(key)
    entry = SETTINGS.get(name) or AGENT_GROUPS.get(name)
    return entry(value) if callable(entry) else entry


def for_buffer(name: str) -> Answer | None:
    """The answer to an unknown key of a replay buffer."""
    return REPLAY.get(_folded(name))


def _folded(key: str) -> str:
    return key.rpartition(".")[2].lower().replace("-", "_")

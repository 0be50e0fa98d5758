"""Reinforcement-learning experiments: Hydra composes, RLlib trains, nothing is lost.

>>> import rlexp
>>> config = rlexp.compose(["env=cartpole", "stop.env_steps=20000"])
>>> outcome = rlexp.train(config)
>>> policy = rlexp.load(outcome.folder)
>>> action = policy.act(observation)

Importing this is cheap; RLlib is imported when training starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlexp.config.compose import compose
    from rlexp.errors import ConfigError, RlexpError, RunFailedError
    from rlexp.policy import load
    from rlexp.run.evaluate import evaluate
    from rlexp.run.resume import resume
    from rlexp.run.train import Outcome, train

__version__ = "0.1.0"

_HOMES = {
    "compose": "rlexp.config.compose",
    "train": "rlexp.run.train",
    "Outcome": "rlexp.run.train",
    "resume": "rlexp.run.resume",
    "evaluate": "rlexp.run.evaluate",
    "load": "rlexp.policy",
    "ConfigError": "rlexp.errors",
    "RlexpError": "rlexp.errors",
    "RunFailedError": "rlexp.errors",
}

__all__ = [
    "ConfigError",
    "Outcome",
    "RlexpError",
    "RunFailedError",
    "compose",
    "evaluate",
    "load",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rlexp' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

"""Reinforcement-learning experiments: Hydra composes, RLlib trains, nothing is lost.

The commands of `rlexp`, from Python. This trains in a notebook or a script as it does on the command line:

>>> import rlexp
>>> config = rlexp.compose(["env=cartpole", "stop.env_steps=2000", "tracking=none", "name=first"])
>>> outcome = rlexp.train(config)
>>> outcome.status
'done'
>>> outcome = rlexp.resume(outcome.folder, ["stop.env_steps=4000"])
>>> result = rlexp.evaluate(outcome.folder, ["evaluation.evaluation_duration=5"])
>>> result["metrics"]["eval/return_mean"] > 0
True

The policy acts with what the run's own environment shows:

>>> policy = rlexp.load(outcome.folder, which="best")
>>> env = rlexp.make_env(outcome.folder)
>>> observation, info = env.reset(seed=0)
>>> observation, reward, terminated, truncated, info = env.step(policy.act(observation))

A sweep, its trials as a dataframe, and its best policy (see `multirun`):

>>> sweep = rlexp.multirun(["algorithm.lr=1e-3,1e-4", "stop.env_steps=2000", "tracking=none", "sweep.name=two"])
>>> list(sweep.table()["status"])
['done', 'done']
>>> policy = rlexp.load(sweep.best)

A run that cannot start raises `ConfigError`, before anything is left on disk. One that fails later does not
raise: `outcome.status` is then `failed`, `outcome.error` says why, and `error.txt` in its folder has the
trace.

Importing this is cheap; RLlib is imported when training starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlexp.base import moved_names
from rlexp.base.version import __version__ as __version__

moved_names.install()

if TYPE_CHECKING:
    from rlexp.base.errors import CheckpointError, ConfigError, RlexpError, RunFailedError
    from rlexp.config.schema import RunConfig
    from rlexp.policy import Policy, load
    from rlexp.run.building.make_env import make_env
    from rlexp.run.compose import compose
    from rlexp.run.evaluate import evaluate
    from rlexp.run.resume import resume
    from rlexp.run.train import Outcome, train
    from rlexp.sweep.multirun import SweepOutcome, multirun, resume_multirun
    from rlexp.sweep.results.trials_dataframe import trials


_HOMES = {
    "compose": "rlexp.run.compose",
    "RunConfig": "rlexp.config.schema",
    "train": "rlexp.run.train",
    "Outcome": "rlexp.run.train",
    "resume": "rlexp.run.resume",
    "evaluate": "rlexp.run.evaluate",
    "load": "rlexp.policy",
    "Policy": "rlexp.policy",
    "make_env": "rlexp.run.building.make_env",
    "multirun": "rlexp.sweep.multirun",
    "resume_multirun": "rlexp.sweep.multirun",
    "SweepOutcome": "rlexp.sweep.multirun",
    "trials": "rlexp.sweep.results.trials_dataframe",
    "CheckpointError": "rlexp.base.errors",
    "ConfigError": "rlexp.base.errors",
    "RlexpError": "rlexp.base.errors",
    "RunFailedError": "rlexp.base.errors",
}

__all__ = [
    "CheckpointError",
    "ConfigError",
    "Outcome",
    "Policy",
    "RlexpError",
    "RunConfig",
    "RunFailedError",
    "SweepOutcome",
    "compose",
    "evaluate",
    "load",
    "make_env",
    "multirun",
    "resume",
    "resume_multirun",
    "train",
    "trials",
]


if not TYPE_CHECKING:  # to a type checker it would mean that every name is here

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'rlexp' has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

"""Values to write for a key, as the messages about it show them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

EXAMPLES: Mapping[str, str] = {
    "algorithm.config_class": "ray.rllib.algorithms.ppo.PPOConfig",
    "algorithm.*lr": "0.0003",
    "algorithm.gamma": "0.99",
    "algorithm.num_epochs": "10",
    "algorithm.minibatch_size": "256",
    "algorithm.train_batch_size_per_learner": "2048",
    "algorithm.replay_buffer_config.capacity": "100000",
    "model.module_class": "envs.my_models.MyModule",
    "model.*hiddens": "[64, 64]",
    "model.lstm_cell_size": "128",
    "env.id": "CartPole-v1",
    "env.config": "{<argument>: <value>}",
    "env.wrappers": "[{_target_: gymnasium.wrappers.TimeLimit, max_episode_steps: 200}]",
    "env.max_episode_steps": "500",
    "evaluation.env_config": "{<argument>: <value>}",
    "evaluation.evaluation_duration": "10",
    "hardware.env_vars": '{OMP_NUM_THREADS: "1"}',
    "data.input_": "path/to/recordings",
    "metrics.*": "{info: success, reduce: last}",
    "stop.env_steps": "100000",
    "stop.iterations": "100",
    "stop.wall_s": "600",
    "stop.metric": "{eval/return_mean: 450}",
    "stop.all_of": "{env_steps: 50000, metric: {eval/return_mean: 450}}",
    "stop.function": "envs.my_stops.solved",
    "stop.plateau": "{metric: eval/return_mean, patience: 10}",
    "checkpoint.every": "10",
    "checkpoint.keep": "3",
    "trusted": "[rlexp, envs, callbacks, ray.rllib, gymnasium, <your package>]",
    "seed": "0",
    "name": "my_run",
    "fast": "never",
    "log_level": "WARNING",
}
"""Values to write, where the first that fits the type would be a strange one."""


_PLAIN_TEXT = re.compile(r"[A-Za-z_/~][\w./:@%+~-]*")
_WORDS_OF_YAML = ("true", "false", "null", "nan", "inf")


def assigned(key: str, value: str) -> str:
    """`key=value`, in quotation marks where a shell would read the value as its own."""
    return shlex.quote(f"{key}={value}")


def literal(value: Any) -> str:
    """A plain value as an override spells it; text that would be read as something else goes into quotation marks."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(literal, value)) + "]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, str) and (not _PLAIN_TEXT.fullmatch(value) or value.lower() in _WORDS_OF_YAML):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def override(key: str, value: Any) -> str:
    """The assignment of a value to a key, ready to be typed into a shell."""
    return assigned(key, literal(value))


def example_of(key: str) -> str | None:
    """An assignment of a value that the key is often given; None where any will do."""
    value = lookup(EXAMPLES, key)
    return None if value is None else assigned(key, value)


def lookup(table: Mapping[str, Any], key: str) -> Any:
    """The entry of a key: its own, or else the first pattern that it matches."""
    if key in table:
        return table[key]
    return next(
        (entry for pattern, entry in table.items() if "*" in pattern and fnmatchcase(key, pattern)), None
    )

"""The places of a config where something is named by import path, and what may stand in each.

What a person types, or keeps in their own lab, may name anything. A config from elsewhere may name classes of the kind
that the place takes, of the modules listed here or of the person's own lab, and the functions listed here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """What may be named somewhere.

    Attributes:
        what: in words, with its article.
        bases: where the classes that it must derive from, one of them, are defined.
        methods: what its class must have, where the kind is a protocol and not a base class.
        modules: prefixes of the shipped modules that its classes may come from.
        exactly: classes and functions that may be named whatever they derive from.
    """

    what: str
    bases: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    exactly: tuple[str, ...] = ()


_GYM = tuple(
    f"gymnasium.envs.{kind}"
    for kind in ("classic_control", "box2d", "toy_text", "mujoco", "phys2d", "tabular")
)
_WRAPPERS = (
    *("AtariPreprocessing", "Autoreset", "ClipAction", "ClipReward", "DelayObservation", "DiscretizeAction"),
    *("DiscretizeObservation", "DtypeObservation", "FilterObservation", "FlattenObservation"),
    *("FrameStackObservation", "GrayscaleObservation", "MaxAndSkipObservation", "NormalizeObservation"),
    *("NormalizeReward", "OrderEnforcing", "PassiveEnvChecker", "RecordEpisodeStatistics", "RescaleAction"),
    *(
        "RescaleObservation",
        "ReshapeObservation",
        "ResizeObservation",
        "StickyAction",
        "TimeAwareObservation",
    ),
    "TimeLimit",
)
"""Gymnasium's wrappers that take numbers and names alone: no function, and no folder to write to."""

ENVIRONMENT = Place(
    "an environment",
    bases=(
        "gymnasium.core.Env",
        "gymnasium.vector.vector_env.VectorEnv",
        "ray.rllib.env.multi_agent_env.MultiAgentEnv",
    ),
    modules=("envs.multiroom", "envs.point_mass", "envs.meeting", "envs.envpool", *_GYM, "minigrid.envs"),
    exactly=(
        *("envs.atari.atari", "envs.atari_vector.atari_vector", "envs.minigrid.minigrid_env"),
        *("envs.testing.Corridor", "envs.testing.Errand"),
    ),
)
WRAPPER = Place(
    "a wrapper",
    bases=("gymnasium.core.Wrapper",),
    modules=("envs.wrappers", "envs.minigrid", "envs.atari", "envs.multiroom", "minigrid.wrappers"),
    exactly=tuple(f"gymnasium.wrappers.{name}" for name in _WRAPPERS),
)
CALLBACK = Place("a callback", bases=("ray.rllib.callbacks.callbacks.RLlibCallback",), modules=("callbacks",))
TRACKER = Place(
    "a tracker",
    methods=("on_run_start", "on_record", "on_checkpoint", "on_run_end"),
    exactly=("rlexp.tracking.wandb.WandbTracker", "rlexp.tracking.tensorboard.TensorBoardTracker"),
)
STRATEGY = Place(
    "an exploration strategy",
    methods=("check", "configure"),
    exactly=(
        *("rlexp.exploration.default.Default", "rlexp.exploration.off.Off"),
        "rlexp.exploration.epsilon_greedy.EpsilonGreedy",
    ),
)
TEACHER = Place(
    "a teacher",
    methods=("directive", "update", "metrics", "state_dict", "load_state_dict"),
    modules=("rlexp.curriculum.teachers",),
)
MODULE = Place(
    "an RLModule",
    bases=("ray.rllib.core.rl_module.rl_module.RLModule",),
    modules=("rlexp.models", "ray.rllib.algorithms", "ray.rllib.core.rl_module"),
)
ALGORITHM = Place(
    "an algorithm's config class",
    bases=("ray.rllib.algorithms.algorithm_config.AlgorithmConfig",),
    modules=("ray.rllib.algorithms",),
)
BUFFER = Place(
    "a replay buffer",
    bases=("ray.rllib.utils.replay_buffers.base.ReplayBufferInterface",),
    modules=("ray.rllib.utils.replay_buffers",),
)
METRIC = Place("a function of an episode")
TASK_FUNCTION = Place("a function that makes tasks")
STOP_FUNCTION = Place("a function of an iteration's record")
NOTHING = Place("nothing")
"""Where only numbers, texts and lists of them are needed."""


def is_import_path(env_id: str) -> bool:
    """True if `env_id` names a class or function rather than a registered Gymnasium id."""
    return "." in env_id and ":" not in env_id and re.search(r"-v\d+$", env_id) is None

"""The places of a config where something is named by import path, and what may stand in each.

What a person types, or keeps in their own lab, may name anything. A config from elsewhere may name classes of the kind
that the place takes, of the modules listed here or of the person's own lab, and the functions listed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rlexp.config.callables.targets import TARGET


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


@dataclass(frozen=True)
class Named:
    """An import path in a config.

    Attributes:
        key: where it stands.
        path: as written; of an id with a module, `module:Env-v0`, too.
        place: what may stand there.
    """

    key: str
    path: str
    place: Place


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

_FUNCTION_ARGUMENTS = ("task_fn", "mutate")
"""Arguments of teachers that are the import path of a function."""

_GROUPS = {"callbacks": CALLBACK, "tracking": TRACKER, "metrics": METRIC}
_SINGLE = {
    ("algorithm", "config_class"): ALGORITHM,
    ("model", "module_class"): MODULE,
    ("env", "vector_entry_point"): ENVIRONMENT,
    ("curriculum", "task_fn"): TASK_FUNCTION,
}


def is_import_path(env_id: str) -> bool:
    """Whether `env_id` names a class or function rather than a registered Gymnasium id."""
    return "." in env_id and ":" not in env_id and re.search(r"-v\d+$", env_id) is None


def named(plain: Mapping[str, Any]) -> Iterator[Named]:
    """Everything that a plain config names by import path, whether it is well-formed otherwise or not."""
    for (group, name), place in _SINGLE.items():
        yield from _text(f"{group}.{name}", _group(plain, group).get(name), place)
    env = _group(plain, "env")
    yield from _text("env.id", env.get("id"), ENVIRONMENT)
    yield from _specs("env.wrappers", env.get("wrappers"), WRAPPER)
    for group, place in _GROUPS.items():
        for name, spec in _group(plain, group).items():
            yield from _spec(f"{group}.{name}", spec, place)
    stop = _group(plain, "stop").get("function")
    yield from _spec("stop.function", {TARGET: stop} if isinstance(stop, str) else stop, STOP_FUNCTION)
    yield from _spec("exploration", plain.get("exploration"), STRATEGY)
    yield from _teacher("curriculum.teacher", _group(plain, "curriculum").get("teacher"))
    yield from _types(plain.get("algorithm"), "algorithm")


def _group(plain: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    group = plain.get(name)
    return group if isinstance(group, Mapping) else {}


def _text(key: str, value: Any, place: Place) -> Iterator[Named]:
    if isinstance(value, str) and value and (place is not ENVIRONMENT or key != "env.id" or _names(value)):
        yield Named(key, value, place)


def _names(env_id: str) -> bool:
    """Whether an id names a module, by an import path or before its colon."""
    return is_import_path(env_id) or ":" in env_id


def _specs(key: str, specs: Any, place: Place) -> Iterator[Named]:
    for index, spec in enumerate(specs if isinstance(specs, list) else ()):
        yield from _spec(f"{key}[{index}]", spec, place)


def _spec(key: str, spec: Any, place: Place) -> Iterator[Named]:
    """A spec's own target, and those among its arguments, where none is needed."""
    if not isinstance(spec, Mapping):
        return
    if TARGET in spec:
        yield from _text(f"{key}.{TARGET}", spec[TARGET], place)
    for name, value in spec.items():
        if name != TARGET:
            yield from _nested(f"{key}.{name}", value)


def _nested(key: str, node: Any) -> Iterator[Named]:
    if isinstance(node, Mapping):
        if TARGET in node:
            yield Named(f"{key}.{TARGET}", str(node[TARGET]), NOTHING)
        for name, inner in node.items():
            yield from _nested(f"{key}.{name}", inner)
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from _nested(f"{key}[{index}]", inner)


def _teacher(key: str, spec: Any) -> Iterator[Named]:
    """A teacher, its functions, and the teachers that it hands parts of the tasks to."""
    if not isinstance(spec, Mapping):
        return
    if TARGET in spec:
        yield from _text(f"{key}.{TARGET}", spec[TARGET], TEACHER)
    for name, value in spec.items():
        if name in _FUNCTION_ARGUMENTS:
            yield from _text(f"{key}.{name}", value, TASK_FUNCTION)
        elif name == "tracks" and isinstance(value, Mapping):
            for track, inner in value.items():
                yield from _teacher(f"{key}.tracks.{track}", inner)
        elif name != TARGET:
            yield from _nested(f"{key}.{name}", value)


def _types(node: Any, key: str) -> Iterator[Named]:
    """RLlib's `type` keys: it imports and calls what they name, opens them as files, or reads them as YAML."""
    if isinstance(node, Mapping):
        if isinstance(node.get("type"), str):
            yield Named(f"{key}.type", node["type"], BUFFER)
        for name, inner in node.items():
            yield from _types(inner, f"{key}.{name}")
    elif isinstance(node, list):
        for inner in node:
            yield from _types(inner, key)

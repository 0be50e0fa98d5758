"""Several teachers at once, each for parameters of its own."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.base.seeds import track_seed
from rlexp.config.callables.targets import DEFAULT_TRUSTED, TARGET, build, locate
from rlexp.curriculum.teacher import Teacher, excludes_episodes, needed_signals
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY
from rlexp.environment.tasks.directive import Directive, Draw
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

TRACKS = f"{KEY}.tracks"


@dataclass(frozen=True)
class Joint:
    """A task put together from the draws of several directives; other parameters are uniform.

    Tags are {track: [version of its directive, its own tag]}. The policy learns from an episode unless one of the
    tracks says that it should not.

    Attributes:
        space: the tasks.
        parts: by track, the space of its parameters, its directive and the directive's version.
    """

    space: TaskSpace
    parts: Mapping[str, tuple[TaskSpace, Directive, int]]

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """Draws one task."""
        drawn: dict[str, Any] = {}
        tags, trainable = {}, True
        for track, (space, directive, version) in self.parts.items():
            draw = directive.sample(rng, env_index)
            drawn |= space.parameters(draw.task)
            tags[track] = [version, draw.tag]
            trainable = trainable and draw.trainable
        values = {
            name: drawn[name] if name in drawn else dim.sample(rng) for name, dim in self.space.dims.items()
        }
        return Draw(self.space.task(values), tags, trainable)


class Tracks:
    """Independent teachers: each chooses its own parameters and sees of a task no other ones.

    All of them are updated with every episode, with its score: the score is of the whole task. Each has a version and
    tags of its own, so that one's change does not make the episodes of the others stale.

    Args:
        space: the tasks.
        seed: each track has one of its own that follows from it.
        tracks: teachers by parameter, or by several joined by a comma: {gravity: {_target_: <import path>,
            <argument>: <value>}}. The space of one parameter is bare: its tasks are its values. Parameters without
            a track are uniform.
        trusted: modules that the teachers may come from.
        measure: what the score is, `curriculum.measure`; handed to teachers that ask for it.

    Attributes:
        new_events: of all teachers in the last update, a few words each.

    Raises:
        ConfigError: an unknown parameter, one in two tracks, or what a teacher says of its arguments.
    """

    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        tracks: Mapping[str, Mapping[str, Any]],
        trusted: Sequence[str] = DEFAULT_TRUSTED,
        measure: str | None = None,
    ) -> None:
        self._space = space
        self._spaces = _spaces(space, tracks)
        specs = dict(zip(self._spaces, tracks.values(), strict=True))
        self._teachers = {
            track: _teacher(track, specs[track], own, seed, trusted, measure)
            for track, own in self._spaces.items()
        }
        self._versions = dict.fromkeys(self._teachers, 0)
        self.new_events: list[str] = []

    @property
    def complete(self) -> bool:
        """Whether all tracks are complete."""
        return all(teacher.complete for teacher in self._teachers.values())

    def directive(self) -> Directive:
        """The tracks' directives, joined."""
        parts = {
            track: (self._spaces[track], teacher.directive(), self._versions[track])
            for track, teacher in self._teachers.items()
        }
        return Joint(self._space, parts)

    def reads(self) -> list[str]:
        """Full names of the metrics that the tracks read."""
        lists = [teacher.reads() for teacher in self._teachers.values() if hasattr(teacher, "reads")]
        return list(dict.fromkeys(name for names in lists for name in names))

    @property
    def needs_signals(self) -> tuple[str, ...]:
        """Signals that any of the tracks reads."""
        return tuple(dict.fromkeys(name for each in self._teachers.values() for name in needed_signals(each)))

    @property
    def leaves_out(self) -> bool:
        """Whether one of them draws episodes that the policy does not learn from."""
        return any(excludes_episodes(teacher) for teacher in self._teachers.values())

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Updates all tracks; returns whether one has another directive."""
        self.new_events = []
        changed = False
        ours = [outcome for outcome in outcomes if isinstance(outcome.tag, Mapping)]
        for track, teacher in self._teachers.items():
            if teacher.update([self._part(o, track) for o in ours if track in o.tag], progress):
                self._versions[track] += 1
                changed = True
            self.new_events += [f"{track}: {event}" for event in getattr(teacher, "new_events", ())]
        return changed

    def _part(self, outcome: Outcome, track: str) -> Outcome:
        """An outcome as a track's teacher sees it."""
        version, tag = outcome.tag[track]
        values, own = self._space.parameters(outcome.task), self._spaces[track]
        return replace(
            outcome, task=own.task({name: values[name] for name in own.dims}), version=version, tag=tag
        )

    def metrics(self) -> dict[str, float]:
        """The tracks' metrics, each under its track's name."""
        return {
            f"{track}/{name}": value
            for track, teacher in self._teachers.items()
            for name, value in teacher.metrics().items()
        }

    def state_dict(self) -> dict[str, Any]:
        """The tracks' states, and the versions."""
        teachers = {track: teacher.state_dict() for track, teacher in self._teachers.items()}
        return {"teachers": teachers, "versions": dict(self._versions)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Gives each track its own state; a track that is new starts fresh."""
        for track, theirs in state["teachers"].items():
            if track in self._teachers:
                self._teachers[track].load_state_dict(theirs)
                self._versions[track] = int(state["versions"][track])


def _spaces(space: TaskSpace, tracks: Any) -> dict[str, TaskSpace]:
    """Each track's parameters, by the track's name."""
    if not isinstance(tracks, Mapping) or not tracks:
        raise ConfigError(
            f"{TRACKS} must map parameters to teachers, not {tracks!r}",
            key=TRACKS,
            fix=f"{TRACKS}: {{{next(iter(space.dims))}: {{_target_: <import path>}}}}",
        )
    spaces: dict[str, TaskSpace] = {}
    taken: set[str] = set()
    for track in tracks:
        names = [name.strip() for name in str(track).split(",")]
        space.check_names(names, f"{TRACKS}.{track}")
        for name in names:
            if name in taken:
                raise ConfigError(f"{TRACKS}.{track}: {name} is in two tracks", key=f"{TRACKS}.{track}")
            taken.add(name)
        spaces[",".join(names)] = TaskSpace({name: space.dims[name] for name in names}, bare=len(names) == 1)
    return spaces


def _teacher(
    track: str, spec: Any, space: TaskSpace, seed: int, trusted: Sequence[str], measure: str | None
) -> Teacher:
    key = f"{TRACKS}.{track}"
    if not isinstance(spec, Mapping) or TARGET not in spec:
        raise ConfigError(
            f"{key} must name a teacher, not {spec!r}",
            key=key,
            fix=f"{key}: {{_target_: rlexp.curriculum.teachers.stages.Stages, stages: [...]}}",
        )
    try:
        asks = "measure" in inspect.signature(locate(spec[TARGET], trusted)).parameters
        more = {"measure": measure} if asks else {}
        teacher = build(spec, trusted, space, seed=track_seed(seed, track), **more)
    except ConfigError as error:
        raise _relocated(error, key) from None
    if not isinstance(teacher, Teacher):
        raise ConfigError(
            f"{key}: {spec[TARGET]} made a {type(teacher).__name__}, which is no teacher", key=key
        )
    return teacher


def _relocated(error: ConfigError, key: str) -> ConfigError:
    """A teacher's error about its arguments, where they stand here."""
    lines = str(error).replace(f"{KEY}.", f"{key}.").split("\n")
    rest = [line for line in lines if not line.startswith(("  did you mean: ", "  write: "))]
    at = error.key.replace(KEY, key) if error.key and error.key.startswith(KEY) else key
    message = "\n".join(rest) if at in rest[0] else "\n".join([f"{key}: {rest[0]}", *rest[1:]])
    fix = error.fix.replace(f"{KEY}.", f"{key}.") if error.fix else None
    return ConfigError(message, key=at, suggestions=error.suggestions, fix=fix)

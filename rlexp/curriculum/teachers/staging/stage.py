"""The stages of a curriculum, as they are written: tasks, what they come after, and when they are left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY, check_keys
from rlexp.curriculum.teachers.staging.stage_rules import (
    StageRule,
    check_reach,
    demotion,
    overlaid,
    promotion,
    spelled_out,
)
from rlexp.environment.tasks.sampler import Sampler, samplers
from rlexp.environment.tasks.space import TaskSpace

_KEYS = ("name", "task", "after", "promote", "demote")


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: of the stage.
        samplers: by parameter; the others are drawn uniformly.
        after: numbers of the stages that must be mastered before it opens.
        promote: when it is mastered; None for never.
        demote: when those before it are to be learnt again; None for never.
    """

    name: str
    samplers: Mapping[str, Sampler]
    after: tuple[int, ...]
    promote: StageRule | None
    demote: StageRule | None


def stages_of(
    space: TaskSpace, specs: Any, promote: Any, demote: Any, measure: str | None = None
) -> list[Stage]:
    """The stages from YAML; see `Stages`.

    Raises:
        ConfigError: what is wrong with them.
    """
    if not isinstance(specs, (list, tuple)) or not specs:
        raise ConfigError(
            f"{KEY}.stages must be a list of at least one stage, not {specs!r}",
            key=f"{KEY}.stages",
            fix=f"{KEY}.stages: [{{name: easy, task: {{...}}}}, {{name: hard, task: {{...}}}}]",
        )
    names = [_name(spec, at) for at, spec in enumerate(specs)]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise ConfigError(f"{KEY}.stages: two stages are called {name}", key=f"{KEY}.stages[{at}].name")
    after = _after(names, specs)
    general = {} if promote is None else spelled_out(promote, "threshold", "promote")
    promotion(general, "promote")
    promotes = [_promote(spec, general, at) for at, spec in enumerate(specs)]
    for at, befores in enumerate(after):
        for before in befores:
            if promotes[before] is None:
                raise ConfigError(
                    f"{KEY}.stages[{before}].promote is null, so {names[at]}, which comes after "
                    f"{names[before]}, is never reached",
                    key=f"{KEY}.stages[{before}].promote",
                )
    back = None if demote is None else spelled_out(demote, "margin", "demote")
    stages = [
        Stage(
            names[at],
            _samplers(space, spec, at),
            after[at],
            promotes[at],
            _demote(spec, back, at, {names[b]: rule for b in after[at] if (rule := promotes[b])}),
        )
        for at, spec in enumerate(specs)
    ]
    for at, stage in enumerate(stages) if measure else ():
        for word, rule in (("promote", stage.promote), ("demote", stage.demote)):
            if rule:
                check_reach(rule, str(measure), f"stages[{at}].{word}" if word in specs[at] else word)
    return stages


def _name(spec: Any, at: int) -> str:
    """Its name, or else its number from 1, after checking what else it has."""
    key = f"{KEY}.stages[{at}]"
    if not isinstance(spec, Mapping):
        raise ConfigError(f"{key} must map {', '.join(_KEYS)} to values, not {spec!r}", key=key)
    check_keys(key, spec, _KEYS)
    name = str(spec.get("name", at + 1)).strip()
    if not name:
        raise ConfigError(f"{key}.name is empty", key=f"{key}.name", fix=f"{key}.name: stage_{at + 1}")
    return name


def _samplers(space: TaskSpace, spec: Mapping[str, Any], at: int) -> dict[str, Sampler]:
    key = f"{KEY}.stages[{at}].task"
    if spec.get("task") is None:
        all_tasks = "{} for the whole task space"
        raise ConfigError(f"{key}: the stage has no task", key=key, fix=f"{key}: {{...}}, or {all_tasks}")
    return {} if spec["task"] == {} else samplers(space, spec["task"], key)


def _after(names: Sequence[str], specs: Sequence[Mapping[str, Any]]) -> list[tuple[int, ...]]:
    """What each stage comes after: what it says, or the one before it where none says anything."""
    if not any("after" in spec for spec in specs):
        return [(at - 1,) if at else () for at in range(len(names))]
    graph = {}
    for at, spec in enumerate(specs):
        key, given = f"{KEY}.stages[{at}].after", spec.get("after") or []
        befores = list(given) if isinstance(given, (list, tuple)) else [given]
        for before in map(str, befores):
            if before not in names:
                raise ConfigError(
                    f"{key}: there is no stage {before}; there are {', '.join(names)}",
                    key=key,
                    suggestions=nearest(before, names),
                )
        graph[names[at]] = list(dict.fromkeys(map(str, befores)))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = " after ".join(reversed(error.args[1]))
        raise ConfigError(f"{KEY}.stages: {circle} is a circle", key=f"{KEY}.stages") from None
    return [tuple(names.index(before) for before in graph[name]) for name in names]


def _promote(spec: Mapping[str, Any], general: Mapping[str, Any], at: int) -> StageRule | None:
    if "promote" not in spec:
        return promotion(general, "promote")
    if spec["promote"] is None:
        return None
    name = f"stages[{at}].promote"
    return promotion(overlaid(general, spelled_out(spec["promote"], "threshold", name)), name)


def _demote(
    spec: Mapping[str, Any], general: Mapping[str, Any] | None, at: int, before: Mapping[str, StageRule]
) -> StageRule | None:
    own = spec.get("demote")
    if "demote" not in spec:
        return demotion(general, "demote", before) if general is not None and before else None
    if own is None:
        return None
    name = f"stages[{at}].demote"
    if not before:
        raise ConfigError(f"{KEY}.{name}: there is no stage before it to go back to", key=f"{KEY}.{name}")
    return demotion(overlaid(general or {}, spelled_out(own, "margin", name)), name, before)

"""Which of a sweep's trials are the best, by `sweep.json` alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlexp.storage.sweeps.seed_groups import SeedGroups

ENV = ("env", "env.id")
"""Keys that say which environment a trial has."""


def groups_of(state: Mapping[str, Any]) -> SeedGroups:
    """The seeds of each point.

    Args:
        state: `trials`, by their names, and `settings`, as in `sweep.json`.
    """
    settings = state["settings"]
    return SeedGroups(list(state["trials"]), seeds=settings["seeds"], aggregate=settings["aggregate"])


def environments(state: Mapping[str, Any]) -> dict[str, str]:
    """Each trial's environment; an empty text for all where it is the same one."""
    by_trial = {name: _environment(trial) for name, trial in state["trials"].items()}
    return by_trial if len(set(by_trial.values())) > 1 else dict.fromkeys(by_trial, "")


def _environment(trial: Mapping[str, Any]) -> str:
    """By name; records of earlier versions have it only where the sweep varies it as such."""
    varied = trial.get("varied", {})
    return str(trial.get("env") or " ".join(str(varied[key]) for key in ENV if key in varied))


def ranked(state: Mapping[str, Any]) -> list[str]:
    """The trials' names, the best score first, those without one last; by their points' scores, then their own.

    Scores of different environments cannot be compared: one environment's trials come after the other's.
    """
    groups, envs = groups_of(state), environments(state)
    sign = -1.0 if state["settings"]["mode"] == "max" else 1.0
    own = {name: trial["score"] for name, trial in state["trials"].items()}
    points = groups.scores(own)
    order = list(dict.fromkeys(envs.values()))

    def place(name: str) -> tuple[int, bool, float, bool, float]:
        point, score = points[groups.of(name)], own[name]
        env = order.index(envs[name])
        return (env, point is None, sign * (point or 0.0), score is None, sign * (score or 0.0))

    return sorted(own, key=place)


def bests(state: Mapping[str, Any]) -> dict[str, str]:
    """By environment, the name of the trial with the best score, of the best point's seeds; those that have one."""
    envs, best_by_env = environments(state), dict[str, str]()
    for name in ranked(state):
        if state["trials"][name]["score"] is not None:
            best_by_env.setdefault(envs[name], name)
    return best_by_env


def best(state: Mapping[str, Any]) -> str | None:
    """The best trial of all; None while none has a score, and where they are of several environments."""
    if len(set(environments(state).values())) > 1:
        return None
    return next(iter(bests(state).values()), None)

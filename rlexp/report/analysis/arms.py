"""Which runs are repetitions of each other: equal in everything that was chosen, but for the seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlexp.config.callables.targets import TARGET
from rlexp.config.environment_name import environment_name
from rlexp.report.reading import Run

_IGNORED_KEYS = (
    "seed",
    "name",
    "runs_dir",
    "overwrite",
    "tracking",
    "callbacks",
    "checkpoint",
    "log_level",
    "debug",
)
"""Keys and groups that are no settings of an experiment."""
_DERIVED = ("tuned", "debug/")
"""Beginnings of choices that follow from others."""
_MAX_LABEL = 40


@dataclass(frozen=True)
class Arm:
    """Runs that differ in their seeds alone.

    Attributes:
        name: what it has of its own among the arms, `algorithm=dqn lr=0.001`; `all runs` for the only one.
        env: where it acts; empty where all arms share one.
        runs: by seed.
    """

    name: str
    env: str
    runs: Sequence[Run]


def arms_of(runs: Sequence[Run]) -> list[Arm]:
    """The arms, in the order of their first runs.

    Environments are a matter of their own only where something else differs too; otherwise they are the arms.
    """
    return [
        Arm(*label, sorted((runs[at] for at in group), key=lambda run: run.seed))
        for label, group in _grouped(settings_of(runs)).items()
    ]


def arm_by_run(arms: Sequence[Arm]) -> dict[Path, Arm]:
    """Each run's arm, by the run's folder."""
    return {run.path: arm for arm in arms for run in arm.runs}


def env_of(run: Run) -> str:
    """The choice's name where it says which environment it is, else the id."""
    choices, env = run.manifest.get("choices") or {}, run.config.get("env") or {}
    return environment_name(choices.get("env"), env.get("id"))


def settings_of(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The settings of each run, by group or key; runs with equal settings differ in their seeds alone."""
    configs = [dict(_flat(run.config)) for run in runs]
    settings = [_chosen_settings(run) for run in runs]
    # What one run has from its command line, another has from an experiment's file or by default.
    for name in dict.fromkeys([name for values in settings for name in values]):
        for values, config in zip(settings, configs, strict=True):
            if name in config:
                values.setdefault(name, config[name])
    while True:
        groups = _grouped(settings).values()
        differing_keys = [key for group in groups for key in _differing_keys([runs[at] for at in group])]
        if not differing_keys:
            return settings
        # Not everything is typed: runs made from Python, or choices whose files were edited between two runs.
        for values, config in zip(settings, configs, strict=True):
            values.update({key: value for key, value in config.items() if key == differing_keys[0]})


def _grouped(settings: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[int]]:
    """The runs' places by what the arm is called, and its environment."""
    names = list(dict.fromkeys(name for values in settings for name in values))
    differing = [name for name in names if len({_value_text(values, name) for values in settings}) > 1]
    by_env = "env" in differing and len(differing) > 1
    labelled = [name for name in differing if not (by_env and name == "env")]
    labels = [_labels([values.get(name) for values in settings]) for name in labelled]
    shorts = [_short(name, labelled) for name in labelled]
    groups: dict[tuple[str, str], list[int]] = {}
    for at, values in enumerate(settings):
        parts = zip(labelled, shorts, labels, strict=True)
        label = " ".join(f"{short}={texts[at]}" for name, short, texts in parts if name in values)
        if not label:
            label = f"without {' '.join(shorts)}" if shorts else "all runs"
        groups.setdefault((label, str(values.get("env")) if by_env else ""), []).append(at)
    return groups


def _value_text(values: Mapping[str, Any], name: str) -> str | None:
    """The value as text; None for a run that has no such key, which is another thing than a key that is None."""
    return str(values[name]) if name in values else None


def _labels(column: Sequence[Any]) -> list[str]:
    """The values, in a short form where that still distinguishes them all."""
    full, short = list(map(str, column)), list(map(_text, column))
    return short if len(set(short)) == len(set(full)) else full


def _differing_keys(runs: Sequence[Run]) -> list[str]:
    """Keys that count and in which the configs differ."""
    first, *others = [{key: str(v) for key, v in _flat(run.config) if _is_setting(key)} for run in runs]
    keys = dict.fromkeys(key for config in (first, *others) for key in config)
    return [key for key in keys if any(other.get(key) != first.get(key) for other in others)]


def _chosen_settings(run: Run) -> dict[str, Any]:
    """The choices of groups, and the keys that somebody set by hand, with their values."""
    choices = run.manifest.get("choices") or {}
    settings = {group: choice for group, choice in choices.items() if _is_setting(group)}
    settings["env"] = env_of(run)
    config = dict(_flat(run.config))
    for override in run.manifest.get("overrides") or ():
        key = str(override).partition("=")[0].lstrip("+~")
        if key in config and _is_setting(key):
            settings[key] = config[key]
    return settings


def _is_setting(key: str) -> bool:
    return key.split(".")[0] not in _IGNORED_KEYS and not key.startswith(_DERIVED) and key != "env.id"


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            # What is made stands for its key: `curriculum.teacher`, not `curriculum.teacher._target_`.
            yield (before[:-1] if key == TARGET else f"{before}{key}"), value


def _short(name: str, others: Sequence[str]) -> str:
    """The last part of a key, where no other key ends in the same."""
    last = name.rpartition(".")[2]
    return last if sum(other.rpartition(".")[2] == last for other in others) == 1 else name


def _text(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, str) and all(map(str.isidentifier, value.split("."))):
        text = value.rpartition(".")[2]  # of an import path, the name
    return text if len(text) <= _MAX_LABEL else text[: _MAX_LABEL - 1] + "…"

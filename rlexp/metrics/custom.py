"""Custom metrics named in YAML: `metrics: {<name>: <spec>}`.

A spec is either `{info: <key>, reduce: last|sum|mean|max}`, read from the info dicts that the environment
returned, or `{_target_: <import.path>, **arguments}`: a function `(episode, **arguments) -> float` of a
complete episode, whose first parameter must be called `episode`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.callables.targets import TARGET
from rlexp.metrics.log import is_metric_name

REDUCTIONS = ("last", "sum", "mean", "max")
_EXAMPLE = "{info: success, reduce: last}"


def check_spec(name: str, spec: Any) -> None:
    """Checks the form of one custom metric, without importing what it names.

    Raises:
        ConfigError: a name that cannot be logged, unknown keys, both or neither of `info` and `_target_`, an
            unknown reduction.
    """
    key = f"metrics.{name}"
    if not is_metric_name(str(name)):
        raise ConfigError(
            f"{key}: {name!r} cannot be a metric's name",
            key=key,
            fix="letters, digits, _ . - (no slash, no --)",
        )
    if not isinstance(spec, Mapping):
        raise ConfigError(f"{key} must be a mapping, not {spec!r}", key=key, fix=f"{key}: {_EXAMPLE}")
    if ("info" in spec) == (TARGET in spec):
        has = "both" if "info" in spec else "neither"
        raise ConfigError(
            f"{key} needs one of info and {TARGET}, and has {has}", key=key, fix=f"{key}: {_EXAMPLE}"
        )
    if "info" in spec:
        _check_info_spec(key, spec)
    elif not isinstance(spec[TARGET], str) or "." not in spec[TARGET].replace(":", "."):
        raise ConfigError(
            f"{key}.{TARGET} must be the import path of a function of an episode, not {spec[TARGET]!r}",
            key=f"{key}.{TARGET}",
            fix=f"{key}.{TARGET}: envs.my_metrics.my_function",
        )


def _check_info_spec(key: str, spec: Mapping[str, Any]) -> None:
    for unknown in [k for k in spec if k not in ("info", "reduce")]:
        raise ConfigError(
            f"{key}.{unknown} is unknown; beside info there is reduce alone",
            key=f"{key}.{unknown}",
            suggestions=nearest(str(unknown), ("info", "reduce")),
        )
    if not isinstance(spec["info"], str):
        raise ConfigError(
            f"{key}.info must be a key of the info dict, not {spec['info']!r}", key=f"{key}.info"
        )
    reduce = spec.get("reduce", "last")
    if reduce not in REDUCTIONS:
        raise ConfigError(
            f"{key}.reduce is {reduce!r}; it can be " + ", ".join(REDUCTIONS),
            key=f"{key}.reduce",
            suggestions=nearest(str(reduce), REDUCTIONS),
        )

"""Between the composed plain config and the typed `RunConfig`: strict one way, flat the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from rlexp.base.yaml.plain_values import refuse_unusable
from rlexp.config.env_var_secrets import values_of, with_kept
from rlexp.config.known_keys import SETTINGS, yaml_fields
from rlexp.config.schema import RunConfig
from rlexp.config.typed_leaves import Reader


def to_run_config(plain: Mapping[str, Any], choices: Mapping[str, str | list[str]]) -> RunConfig:
    """Checks a composed, resolved config and gives it its types; `auto` is made definite where only the config counts.

    Args:
        plain: the config as nested plain values, as YAML spells it.
        choices: which choice each config group got.

    Raises:
        ConfigErrors: every unknown key, wrong type, missing value and value out of range, with what to write.
    """
    refuse_unusable(plain)
    config = Reader(plain).run_config()
    config.choices = dict(choices)
    return config


def to_plain(config: RunConfig) -> dict[str, Any]:
    """The config as YAML spells it: RLlib's settings beside the group's own keys, `choices` left out.

    Secrets of the environment are what they are made of, `${oc.env:NAME}`.
    """
    flat = _flat(config)
    assert isinstance(flat, dict)
    return with_kept(flat, config.kept)


def secret_values(config: RunConfig) -> set[str]:
    """What the config's secrets of the environment are, and the variables that they are made of."""
    flat = _flat(config)
    assert isinstance(flat, dict)
    return values_of(flat, config.kept)


def _flat(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        own = {name: _flat(getattr(value, field.name)) for name, field in yaml_fields(type(value)).items()}
        return {**own, **_flat(getattr(value, SETTINGS, {}))}
    if isinstance(value, Mapping):
        return {name: _flat(inner) for name, inner in value.items()}
    return [_flat(inner) for inner in value] if isinstance(value, (list, tuple)) else value

"""Plain configs with one key changed, and what is said of them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rlexp.base.errors import ConfigErrors
from rlexp.config.convert import to_run_config

REMOVE = object()


def changed(plain: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy with the dotted key set, or removed."""
    copied = copy.deepcopy(plain)
    *path, last = key.split(".")
    node = copied
    for name in path:
        if not isinstance(node.get(name), dict):
            node[name] = {}
        node = node[name]
    if value is REMOVE:
        del node[last]
    else:
        node[last] = value
    return copied


def refusal(plain: dict[str, Any], key: str, value: Any) -> ConfigErrors:
    with pytest.raises(ConfigErrors) as refused:
        to_run_config(changed(plain, key, value), {})
    return refused.value

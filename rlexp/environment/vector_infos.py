"""Infos of vector environments in the form that Gymnasium's own have, whatever an implementation returns."""

from __future__ import annotations

from typing import Any

import numpy as np


def arrays_of(infos: dict[str, Any], num_envs: int) -> dict[str, Any]:
    """A dict of arrays of `num_envs` rows, each with a boolean array `_key` of the rows that have it.

    Args:
        infos: arrays with or without such masks, dicts of them, or one value for all environments.
        num_envs: rows of the arrays.
    """
    if not infos:
        return {}
    told: dict[str, Any] = {}
    for key, value in infos.items():
        if key.startswith("_"):
            continue
        told[key] = arrays_of(value, num_envs) if isinstance(value, dict) else _rows(value, num_envs)
        mask = infos.get(f"_{key}")
        told[f"_{key}"] = np.ones(num_envs, np.bool_) if mask is None else np.array(mask, np.bool_)
    return told


def info_of(infos: dict[str, Any], row: int) -> dict[str, Any]:
    """One environment's info: what its row has, where `_key` masks the rows that have `key`.

    Args:
        infos: arrays, lists, dicts of them, or one value for all environments, with or without masks.
        row: of the environment.
    """
    told: dict[str, Any] = {}
    for key, value in infos.items():
        mask = infos.get(f"_{key}")
        if key.startswith("_") or (mask is not None and not mask[row]):
            continue
        if isinstance(value, dict):
            told[key] = info_of(value, row)
        else:
            told[key] = value[row] if isinstance(value, (np.ndarray, list, tuple)) else value
    return told


def _rows(value: Any, num_envs: int) -> np.ndarray:
    if isinstance(value, np.ndarray) and value.ndim and len(value) == num_envs:
        return value.copy()
    rows = np.empty(num_envs, object)
    each = isinstance(value, (list, tuple)) and len(value) == num_envs
    for row in range(num_envs):
        rows[row] = value[row] if each else value
    return rows

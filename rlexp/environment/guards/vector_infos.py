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
    result: dict[str, Any] = {}
    for key, value in infos.items():
        if key.startswith("_"):
            continue
        result[key] = arrays_of(value, num_envs) if isinstance(value, dict) else _rows(value, num_envs)
        mask = infos.get(f"_{key}")
        result[f"_{key}"] = np.ones(num_envs, np.bool_) if mask is None else np.array(mask, np.bool_)
    return result


def info_of(infos: dict[str, Any], row: int) -> dict[str, Any]:
    """One environment's info: what its row has, where `_key` masks the rows that have `key`.

    Args:
        infos: arrays, lists, dicts of them, or one value for all environments, with or without masks.
        row: of the environment.
    """
    result: dict[str, Any] = {}
    for key, value in infos.items():
        mask = infos.get(f"_{key}")
        if key.startswith("_") or (mask is not None and not mask[row]):
            continue
        if isinstance(value, dict):
            result[key] = info_of(value, row)
        else:
            result[key] = value[row] if isinstance(value, (np.ndarray, list, tuple)) else value
    return result


def _rows(value: Any, num_envs: int) -> np.ndarray:
    if isinstance(value, np.ndarray) and value.ndim and len(value) == num_envs:
        return value.copy()
    rows = np.empty(num_envs, object)
    each = isinstance(value, (list, tuple)) and len(value) == num_envs
    for row in range(num_envs):
        rows[row] = value[row] if each else value
    return rows


class MergedInfos:
    """In place of a vector environment's `_add_info`, which fits the first environment's values alone.

    Gymnasium's cuts 0.7 to 0 where another environment said 1, and fails where numbers are too large for 64 bits,
    arrays differ in length or a dict stands beside a number. Here numbers of different types become the wider type, and
    what does not go together becomes an array of objects.

    Args:
        num_envs: rows of the arrays.
    """

    def __init__(self, num_envs: int) -> None:
        self._count = num_envs

    def __call__(self, infos: dict[str, Any], info: dict[Any, Any], row: int) -> dict[str, Any]:
        """`infos` with one environment's `info` in its row; changed in place."""
        for key, value in info.items():
            name = key if type(key) is str else str(key)
            mask = infos.get(f"_{name}")
            if mask is None:
                mask = infos[f"_{name}"] = np.zeros(self._count, np.bool_)
                infos[name] = self._first(value, row)
            else:
                infos[name] = self._put(infos[name], mask, value, row)
            mask[row] = True
        return infos

    def _first(self, value: Any, row: int) -> Any:
        if isinstance(value, dict):
            return self({}, value, row)
        kind = _kind(value)
        if kind is None:
            return _set(np.full(self._count, None, object), row, value)
        rows = np.zeros((self._count, *np.shape(value)), kind)
        rows[row] = value
        return rows

    def _put(self, rows: Any, mask: np.ndarray, value: Any, row: int) -> Any:
        if isinstance(rows, dict):
            if isinstance(value, dict):
                return self(rows, value, row)
            return _set(_dicts(rows, mask), row, value)
        kind = None if isinstance(value, dict) else _kind(value)
        if rows.dtype != object and kind is not None and rows.shape[1:] == np.shape(value):
            if kind != rows.dtype:
                rows = rows.astype(np.result_type(rows.dtype, kind))
            rows[row] = value
            return rows
        return _set(rows if rows.dtype == object else _objects(rows), row, value)


_FIXED = {bool: np.dtype(np.bool_), int: np.dtype(np.int64), float: np.dtype(np.float64)}


def _kind(value: Any) -> np.dtype | None:
    """The type of an array that holds such values; None for objects."""
    kind = _FIXED.get(type(value))
    if kind is not None:
        return kind if type(value) is not int or -(2**63) <= value < 2**63 else None
    if isinstance(value, (np.ndarray, np.number, np.bool_)) and value.dtype.kind in "biuf":
        return value.dtype
    return None


def _set(rows: np.ndarray, row: int, value: Any) -> np.ndarray:
    rows[row] = value
    return rows


def _objects(rows: np.ndarray) -> np.ndarray:
    made = np.full(len(rows), None, object)
    for row, value in enumerate(rows):
        made[row] = value
    return made


def _dicts(rows: dict[str, Any], mask: np.ndarray) -> np.ndarray:
    made = np.full(len(mask), None, object)
    for row in np.flatnonzero(mask):
        made[row] = info_of(rows, int(row))
    return made

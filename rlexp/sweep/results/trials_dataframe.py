"""A sweep's trials as a dataframe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.storage.buckets.fetch import fetched
from rlexp.storage.sweeps import trial_ranking
from rlexp.storage.sweeps.sweep_view import is_sweep
from rlexp.sweep.folder import SweepFolder

if TYPE_CHECKING:
    from pandas import DataFrame

FIXED_COLUMNS = ("status", "score", "env_steps", "wall_s", "error", "folder")
"""Columns besides the parameters that differ."""


def trials(path: Path | str) -> DataFrame:
    """A sweep's trials as they stand, one row each, the best first.

    The index is the trial's name. The columns are the parameters that differ between trials, by their keys
    (`algorithm.lr`, `seed`, or a group such as `model`), numbers as numbers; `status`; `score`, the last value of
    the sweep's metric (`attrs["metric"]` names it), NaN where there is none; `env_steps`; `wall_s`, seconds of
    training; `error`, why it failed; and `folder`, for `rlexp.load`. What a scheduler changed is as of now.

    Args:
        path: the sweep's folder, or its address in a store; it may still run.

    Raises:
        ConfigError: there is no sweep.
    """
    import pandas as pd

    place = fetched(path)
    if not is_sweep(place):
        raise ConfigError(f"{path} is no sweep's folder", fix="rlexp.trials('sweeps/<name>')")
    folder = SweepFolder(place.absolute())
    state = folder.state()
    ranked = trial_ranking.ranked(state)
    rows_by_name = {name: state["trials"][name] for name in ranked}
    keys = list(dict.fromkeys(key for trial in rows_by_name.values() for key in trial["varied"]))
    rows = [
        {key: _value(trial["varied"].get(key)) for key in keys}
        | {column: trial[column] for column in FIXED_COLUMNS if column != "folder"}
        | {"folder": str(folder.trials / name)}
        for name, trial in rows_by_name.items()
    ]
    table = pd.DataFrame(rows, index=pd.Index(ranked, name="trial"), columns=[*keys, *FIXED_COLUMNS])
    table["score"] = pd.to_numeric(table["score"])
    table.attrs["metric"] = state.get("metric", "score")
    return table


def _value(text: str | None) -> Any:
    """What an override's text says: a number, a word, a list."""
    if text is None:
        return None
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create().parse_override(f"key={text}").value()

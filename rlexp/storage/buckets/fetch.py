"""From a place that a person names to a folder of this machine that holds what lies there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rlexp.base.errors import ConfigError
from rlexp.storage.buckets.bucket import Bucket
from rlexp.storage.buckets.local_copies import address, check_place, is_uri, local
from rlexp.storage.buckets.mirror import Mirror
from rlexp.storage.buckets.record_fetch import fetch_below
from rlexp.storage.buckets.sync_state import STATE

DEPTH = 4
"""How far above a place its run's folder may lie: `<run>/checkpoints/best` is one."""


def fetched(place: Path | str) -> Path:
    """The folder that `place` stands for: itself, or this machine's copy, brought up to date.

    A run is downloaded with all its files; of several runs below a place, or a sweep's trials, their records.

    Raises:
        ConfigError: the store has nothing there, or cannot be reached.
    """
    folder = local(place)
    if not is_uri(place):
        return folder
    check_place("PATH", str(place))
    try:
        owner = _owner(str(place).rstrip("/"))
        if owner is not None:
            Mirror(local(owner), Bucket(owner)).fetch()
            _fetch_plan(owner)
        fetch_below(folder)
    except OSError as error:
        raise ConfigError(f"{place} cannot be read: {str(error).splitlines()[0]}") from error
    if not folder.exists():
        raise ConfigError(
            f"there is nothing at {place}", fix="the address that the run or sweep printed at its end"
        )
    return folder


def upload_files(files: Sequence[Path]) -> None:
    """Brings files, in folders that are copies, to the store: what is no part of a run's record, whoever trains it.

    Raises:
        ConfigError: the store cannot be reached, or refuses.
    """
    for file in files:
        place = address(file.parent)
        if is_uri(place):
            try:
                Bucket(place).upload(file, file.name)
            except OSError as error:
                reason = str(error).splitlines()[0]
                raise ConfigError(f"{file} cannot be brought to {place}: {reason}") from error


def _fetch_plan(run: str) -> None:
    """The plan of the sweep that a run is a trial of: it says whose key the trial's checkpoints were sealed with."""
    sweep, _, trials = run.rpartition("/")[0].rpartition("/")
    plan = local(sweep) / "plan.json"
    if trials == "trials" and not (plan.parent / STATE).exists():
        Bucket(sweep).download(plan.name, plan)


def _owner(place: str) -> str | None:
    """The address of the run or sweep that holds a place."""
    for _ in range(DEPTH):
        if place.count("/") < 3:  # Above it lies the bucket.
            return None
        if Bucket(place).read(STATE) is not None:
            return place
        place = place.rpartition("/")[0]
    return None

"""`--config-dir RUN`: a finished run's resolved config, run again as a new run, with overrides on top."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.files.json_records import read_object
from rlexp.base.shell_commands import shell_command
from rlexp.base.yaml.reader import read
from rlexp.config import saved_config
from rlexp.config.composition.composed import Composed
from rlexp.storage.buckets.local_copies import address

OWN = {"name": None, "runs_dir": "runs", "overwrite": False}
"""What belongs to the run that was, and not to the one that will be; given anew on the command line."""


def is_saved_run(folder: Path | str, config_name: str = "config") -> bool:
    """True if a folder's primary config was written by a run: resolved, so it has no defaults list.

    Raises:
        ConfigError: it is no YAML, so that nobody can say.
    """
    file = Path(folder) / saved_config.CONFIG
    if config_name != "config" or not file.is_file():
        return False
    is_run = (Path(folder) / "manifest.json").is_file()
    plain = read(file, origin=f"{file} is damaged" if is_run else None, interpolations="unread")
    return isinstance(plain, dict) and "defaults" not in plain and "algorithm" in plain


def command(folder: Path) -> str:
    """What to type to run the run in `folder` again, as it was."""
    return shell_command("--config-dir", address(folder.absolute()))


def composed_again(folder: Path, overrides: Sequence[str]) -> Composed:
    """The config of the run in `folder` as if composed anew; choices of groups work on top of it.

    Raises:
        ConfigError: a damaged file, a bad override, or a config that claims what only its reader may grant.
    """
    plain, own = saved_config.looked_through(
        folder / saved_config.CONFIG, overrides, origin=f"--config-dir {folder}"
    )
    changes = saved_config.Changes(overrides)
    after = saved_config.trusting(changes.on({**plain, **OWN}), overrides, own=own)
    return saved_config.composed(after, {**_choices(folder), **changes.choices}, plain)


def _choices(folder: Path) -> dict[str, Any]:
    """What was chosen for the run, from its manifest; only names runs, so a damaged one does no harm."""
    try:
        found = read_object(folder / "manifest.json").get("choices", {})
    except ConfigError:
        return {}
    return found if isinstance(found, dict) else {}

"""W&B's settings: those of this machine that are the person's own, and names in a config that W&B would refuse."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.files.ownership import others_may_change
from rlexp.config.labs.search_path import is_record

LONGEST_TAG = 64
LONGEST_NAME = 128
NOT_IN_PROJECT = "/\\#?%:"
WORKSPACE = Path("wandb") / "settings"


def set_up() -> Any:
    """W&B's settings, quiet, read once in a process.

    W&B reads `wandb/settings` of the working folder, which may name another server, to be sent the person's key. In a
    run's folder, or where others may write, it is a stranger's.
    """
    import wandb

    with _elsewhere() if not _is_own(Path.cwd()) else contextlib.nullcontext():
        return wandb.setup(wandb.Settings(silent=True)).settings


def check_names(key: str, settings: Mapping[str, Any]) -> None:
    """Checks `project`, `entity`, `group` and `tags` of a tracker's settings; their types are checked elsewhere.

    W&B says what it refuses only once a run begins, and then logs nothing.

    Raises:
        ConfigError: W&B would refuse one of them.
    """
    for index, tag in enumerate(settings.get("tags") or ()):
        if not isinstance(tag, str) or not 1 <= len(tag) <= LONGEST_TAG:
            message = f"{key}.tags[{index}]: W&B takes tags of 1 to {LONGEST_TAG} characters, not {tag!r:.80}"
            raise ConfigError(
                message, key=f"{key}.tags", fix=f"'{key}.tags=[\"{str(tag)[:LONGEST_TAG] or 'tag'}\"]'"
            )
    for name in ("project", "entity", "group"):
        value = settings.get(name)
        if not isinstance(value, str):
            continue
        if not 1 <= len(value) <= LONGEST_NAME:
            message = f"{key}.{name}: W&B takes 1 to {LONGEST_NAME} characters, not {len(value)}"
            raise ConfigError(
                message, key=f"{key}.{name}", fix=f"{key}.{name}={value[:LONGEST_NAME] or 'null'}"
            )
        if name == "project" and (wrong := sorted(set(value) & set(NOT_IN_PROJECT))):
            plain = "".join("-" if sign in NOT_IN_PROJECT else sign for sign in value)
            message = (
                f"{key}.project: W&B takes no {' '.join(wrong)} in a project's name, as in {value!r:.80}"
            )
            raise ConfigError(message, key=f"{key}.project", fix=f"{key}.project={plain}")


def _is_own(folder: Path) -> bool:
    if not (folder / WORKSPACE).exists():
        return True
    if any(is_record(above) for above in (folder, *folder.parents)):
        return False
    return all(others_may_change(path) is None for path in (folder, folder / "wandb", folder / WORKSPACE))


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    before = Path.cwd()
    os.chdir(sys.prefix)
    try:
        yield
    finally:
        os.chdir(before)

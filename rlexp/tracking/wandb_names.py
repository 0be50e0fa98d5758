"""What W&B takes as the name of a project and as tags; it says so only once a run begins, and then logs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlexp.base.errors import ConfigError

LONGEST_TAG = 64
LONGEST_NAME = 128
NOT_IN_PROJECT = "/\\#?%:"


def check_names(key: str, settings: Mapping[str, Any]) -> None:
    """Checks `project`, `entity`, `group` and `tags` of a tracker's settings; their types are checked elsewhere.

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

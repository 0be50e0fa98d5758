"""The folders that Ray's workers import from: those that this process imports from, and no others.

Imported only once Ray is started: it imports Ray.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ray.job_config import JobConfig

from rlexp.compat.ray_core import replace_import_places


class _OwnPlaces(list[str]):
    """Ray puts the working folder, which may be a stranger's, before all others; here only if this process does."""

    def extend(self, places: Iterable[str]) -> None:
        own = {str(Path(place).absolute()) for place in sys.path}
        super().extend(place for place in places if str(Path(place).absolute()) in own)


def job_config() -> Any:
    """For `ray.init`: workers find what this process finds."""
    config = JobConfig()
    replace_import_places(config, _OwnPlaces)
    return config

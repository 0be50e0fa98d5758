"""What Ray's processes get from this one: environment variables, and the folders that they import from."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlexp.compat.ray_core import replace_import_places
from rlexp.config.schema import RunConfig


def worker_variables(config: RunConfig) -> dict[str, str]:
    """The variables that only worker processes need: where packages are, and `hardware.env_vars`."""
    from rlexp.config.labs.search_path import lab_variable

    return {
        "PYTHONPATH": _python_path(config.trusted),
        **lab_variable(),
        **{key: str(value) for key, value in config.hardware.env_vars.items()},
    }


@contextlib.contextmanager
def environment_with(given: Mapping[str, str], without: tuple[str, ...] = ()) -> Iterator[None]:
    """Sets `given` in the environment, for the children started meanwhile, then restores it."""
    before = {name: os.environ.get(name) for name in (*given, *without)}
    os.environ.update(given)
    for name in without:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _python_path(trusted: Sequence[str]) -> str:
    """PYTHONPATH: this process's, and the folders of the shipped packages, the labs' and the trusted ones."""
    from rlexp.config.labs.search_path import import_paths
    from rlexp.environment import lab_paths

    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    found = [*inherited, *import_paths(), *lab_paths.import_paths(trusted)]
    return os.pathsep.join(dict.fromkeys(path for path in found if path))


class _OwnImportFolders(list[str]):
    """Ray puts the working folder, which may be a stranger's, before all others; here only if this process does."""

    def extend(self, places: Iterable[str]) -> None:
        own = {str(Path(place).absolute()) for place in sys.path}
        super().extend(place for place in places if str(Path(place).absolute()) in own)


def job_config() -> Any:
    """For `ray.init`: workers import from the folders that this process imports from, and no others. Imports Ray."""
    from ray.job_config import JobConfig

    config = JobConfig()
    replace_import_places(config, _OwnImportFolders)
    return config

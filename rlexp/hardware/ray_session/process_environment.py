"""The environment variables of Ray's processes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence

from rlexp.config.schema import RunConfig


def of_workers(config: RunConfig) -> dict[str, str]:
    """What worker processes have and this one need not: where packages are found, and `hardware.env_vars`."""
    from rlexp.config.composition.search_path import lab_variable

    return {
        "PYTHONPATH": _python_path(config.trusted),
        **lab_variable(),
        **{key: str(value) for key, value in config.hardware.env_vars.items()},
    }


@contextlib.contextmanager
def changed(given: Mapping[str, str], without: tuple[str, ...] = ()) -> Iterator[None]:
    """The environment with `given`, for the children started meanwhile, then as it was."""
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
    from rlexp.config.composition.search_path import import_paths
    from rlexp.environment import lab_paths

    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    found = [*inherited, *import_paths(), *lab_paths.import_paths(trusted)]
    return os.pathsep.join(dict.fromkeys(path for path in found if path))

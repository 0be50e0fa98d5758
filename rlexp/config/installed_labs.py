"""Labs that are installed as packages: their choices and classes are there wherever one stands.

A lab's distribution has an entry point of the group `rlexp.labs`, whose value is its package. Installed for editing,
the package lies in the lab's repository; from a wheel, the lab's choices lie in its package as `conf`.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

from rlexp.config.lab import Lab, read_lab

GROUP = "rlexp.labs"


@lru_cache(maxsize=1)
def installed_labs() -> tuple[Lab, ...]:
    """The labs among the installed distributions; nothing of them is imported.

    Raises:
        ConfigError: the table of one that is installed for editing is wrong.
    """
    names = sorted({point.value.partition(":")[0] for point in entry_points(group=GROUP)})
    return tuple(lab for name in names if (lab := _installed(name)) is not None)


def _installed(package: str) -> Lab | None:
    """The lab of a top-level package; None where it cannot be imported or has no choices."""
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))).resolve()
    if (lab := read_lab(folder.parent)) is not None:
        return lab
    conf = folder / "conf"
    return Lab(folder.parent, conf, (package,)) if conf.is_dir() else None

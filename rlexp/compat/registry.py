"""Everything that rlexp uses of other packages without their promise: each patch, each private name, one table.

`python -m rlexp.compat` prints it with the state of each row here, and `rlexp doctor` names the rows that broke.
`tools/private_names.py --no-row` lists what is used and has no row. A patch that is merely faster falls back where its
target is gone (see `rlexp.compat.applied`); what is needed ends with an error that names the row.

Nothing is imported for it: states are read from the installed packages' source.
"""

from __future__ import annotations

from functools import cache

from rlexp.base.version import installed
from rlexp.compat.registry_row import Row
from rlexp.compat.rows import gymnasium, hydra, learners, ray_core, rllib, torch, tune

ROWS: tuple[Row, ...] = (
    *hydra.ROWS,
    *ray_core.ROWS,
    *rllib.ROWS,
    *learners.ROWS,
    *tune.ROWS,
    *torch.ROWS,
    *gymnasium.ROWS,
)


@cache
def _by_name() -> dict[str, Row]:
    return {row.name: row for row in ROWS}


def row(name: str) -> Row:
    """The row of a name; KeyError where there is none."""
    return _by_name()[name]


def broken() -> dict[str, Row]:
    """The rows whose targets are not as expected here, by name; of libraries that are not installed none."""
    return {each.name: each for each in ROWS if installed(each.library) and each.state != "there"}


def supported(library: str) -> str:
    """The versions of a library that rlexp promises to work with, as `pyproject.toml` has them; empty if unknown."""
    from importlib import metadata

    try:
        lines = metadata.requires("rlexp") or []
    except metadata.PackageNotFoundError:
        return ""
    found = (line.partition(";")[0].strip() for line in lines)
    return next((line for line in found if _distribution(line) == library), "")


def _distribution(requirement: str) -> str:
    end = next((i for i, letter in enumerate(requirement) if letter in "[<>=!~ ;"), len(requirement))
    return requirement[:end]

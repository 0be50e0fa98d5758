"""The version of this package, for the command, the manifests and a lab's pin, and those of installed ones."""

from __future__ import annotations

from functools import cache

__version__ = "0.1.0"


@cache
def installed(distribution: str) -> str | None:
    """The version of a distribution, or None where it is not installed."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None

"""What the processes of a sweep's trials import, begun as soon as one trial is composed."""

from __future__ import annotations

from rlexp.config.schema import RunConfig
from rlexp.hardware.ray_session import import_ahead

MODULES = ("rlexp.sweep.execution.worker_imports",)
"""By each process as it starts."""
LIBRARIES = (
    "numpy",
    "torch",
    "pandas",
    "gymnasium",
    "scipy",
    "cv2",
    "requests",
    "jsonschema",
    "yaml",
    "rich.console",
)
"""By one process for all: what takes longest of that, and is not Ray's."""


def begin(first: RunConfig) -> None:
    """Starts importing while the other trials are composed and Ray starts; `hardware.session.stop` ends it."""
    import_ahead.begin(first, (*LIBRARIES, *set(first.tracking) & {"wandb"}))

"""What Ray has its processes import as they start, so that a trial finds all that it needs."""

from __future__ import annotations

from rlexp.run import imports

imports.begin()
import rlexp.sweep.trial_run  # noqa: E402, F401

imports.end()

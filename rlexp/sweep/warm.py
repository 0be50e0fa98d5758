"""What Ray has its processes import as they start, so that a trial finds all that it needs."""

from __future__ import annotations

from rlexp.run import imports

imports.begin()
import ray.rllib.algorithms  # noqa: E402, F401

import rlexp.run.prepare  # noqa: E402
import rlexp.sweep.trial_run  # noqa: E402, F401
from rlexp.hardware import threads  # noqa: E402

imports.end()
threads.follow_ray()

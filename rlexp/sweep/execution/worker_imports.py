"""What Ray has its processes import as they start, so that a trial finds all that it needs."""

from __future__ import annotations

from rlexp.base import gc_pause

gc_pause.begin()
import ray.rllib.algorithms  # noqa: E402, F401

import rlexp.run.building.prepare  # noqa: E402
import rlexp.sweep.execution.trial_run  # noqa: E402, F401
from rlexp.hardware import threads  # noqa: E402

gc_pause.end()
threads.follow_ray()

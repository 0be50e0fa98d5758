"""The clock as a callback of a run: started by the first record after the warm-up, stopped by the last one."""

from __future__ import annotations

from typing import Any, ClassVar

from contenders.clock import Clock
from rlexp.base.events import Record
from rlexp.engine.run_callback import RunCallback

WHOLE = ("perf/wall_s", "perf/iteration_s")
"""Times that are no part of an iteration."""


def trained(algorithm: Any) -> int:
    """Trained parameters of an RLlib algorithm; the names of target networks say so."""
    module = algorithm.learner_group._learner.module["default_policy"]
    return sum(p.numel() for name, p in module.named_parameters() if "target" not in name)


class Measure(RunCallback):
    """Measures the one run of this process."""

    clock: ClassVar[Clock] = Clock()
    parameters: ClassVar[int] = 0
    parts: ClassVar[dict[str, float]] = {}

    def __init__(self, warmup: int, steps: int) -> None:
        super().__init__()
        self.warmup, self.steps = warmup, steps

    def on_algorithm_init(self, *, algorithm: Any, **kwargs: Any) -> None:
        """RLlib's hook."""
        Measure.parameters = trained(algorithm)

    def on_record(self, record: Record) -> None:
        """The run's hook."""
        steps = int(record["env_steps"])
        if self.clock.runs:
            for name, value in record.items():
                if name.startswith("perf/") and name.endswith("_s") and name not in WHOLE:
                    part = name.removeprefix("perf/").removesuffix("_s")
                    self.parts[part] = self.parts.get(part, 0.0) + float(value)
            if steps >= self.warmup + self.steps:
                self.clock.stop(steps)
        elif steps >= self.warmup:
            self.clock.start(steps)

"""Every task as often as any other: the control arm, and domain randomisation (Tobin et al. 2017) with samplers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlexp.environment.tasks.directive import Directive, Everywhere
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.sampler import Sampled, samplers
from rlexp.environment.tasks.space import TaskSpace


class Uniform:
    """Draws uniformly from the task space, or each parameter from a distribution of its own.

    Args:
        space: the tasks.
        seed: not used: env runners draw.
        sample: samplers by parameter (`{wind: {gaussian: [5, 2]}}`), see `rlexp.environment.tasks.sampler`; what is
            left out is uniform.

    Raises:
        ConfigError: a sampler is malformed or reaches beyond the space.
    """

    complete = False

    def __init__(self, space: TaskSpace, *, seed: int, sample: Mapping[str, Any] | None = None) -> None:
        self._directive: Directive = Everywhere(space)
        if sample:
            self._directive = Sampled(space, samplers(space, sample, "curriculum.teacher.sample"))

    def directive(self) -> Directive:
        """The same directive, always."""
        return self._directive

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Learns nothing."""
        return False

    def metrics(self) -> dict[str, float]:
        """No metrics."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """An empty state."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Does nothing: there is no state."""

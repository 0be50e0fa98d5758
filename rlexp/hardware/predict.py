"""Training speed with other numbers of env runners, from what the parts of training cost in one process.

The model: an env runner's vector step is its environments' time and the rest (acting, book-keeping); processes that
want more cores than there are slow each other down in proportion; experience and weights are pickled on their way.
On-policy algorithms sample and learn in turn, the others at once. `rlexp.engine.cost_probe` measures the costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlexp.config.algorithms import Kind

WORTH_IT = 1.25
"""More processes cost memory and start-up, more environments make the stretches of each in a batch shorter: either
must bring this much training speed."""

ROUND_S, CALL_S = 20e-3, 5e-3
"""Seconds from a runner's sample until it begins the next one, through Ray, with new weights; and what each runner adds
in the main process. Measured on two cores with the smallest of environments."""


@dataclass(frozen=True)
class Layout:
    """How environments are spread: `runners` remote ones (0: the main process samples) with `envs` each."""

    runners: int
    envs: int
    mode: str = "sync"

    def __str__(self) -> str:
        where = f"{self.runners} runners" if self.runners != 1 else "1 runner"
        how = f" {self.mode}" if self.mode != "sync" else ""
        return f"{where} with {self.envs}{how} envs"


@dataclass(frozen=True)
class VectorStep:
    """One step of a vector of environments in this process.

    Attributes:
        seconds: by the clock.
        env_s: of these, in the environments.
        cpu_s: processor time of this process.
    """

    seconds: float
    env_s: float
    cpu_s: float

    def resized(self, envs: int, wanted: int) -> VectorStep:
        """The same step with another number of environments that step in turn: their time grows, the rest does not."""
        more = self.env_s * (wanted / envs - 1.0)
        busy = min(1.0, self.cpu_s / self.seconds)
        return VectorStep(self.seconds + more, self.env_s + more, self.cpu_s + more * busy)


@dataclass(frozen=True)
class Costs:
    """What the parts of training cost here, in seconds.

    Attributes:
        steps: vector steps that were measured, by layout (without remote runners).
        learn_s: learning from one env step, all passes over it or all replayed steps that go with it; by the number of
            remote runners, which leave the main process fewer torch threads.
        transport_s: an env step's experience on its way: packing at the runner, unpacking in the main process.
        weights_s: packing the weights once.
        batch: env steps in a training batch.
        fragment: env steps that each environment makes at one call.
    """

    steps: Mapping[Layout, VectorStep]
    learn_s: Mapping[int, float]
    transport_s: float
    weights_s: float
    batch: int
    fragment: int

    def step(self, envs: int) -> VectorStep:
        """The vector step of `envs` environments, from the nearest measured one.

        Of those that step in turn; where all that was measured has a process for each, it is taken as if in turn, too.
        """
        turn = [layout for layout in self.steps if layout.mode != "async"] or list(self.steps)
        nearest = min(turn, key=lambda layout: abs(layout.envs - envs))
        return self.steps[nearest].resized(nearest.envs, envs)


def training_speed(costs: Costs, kind: Kind, layout: Layout, cores: int) -> float:
    """Env steps a second of sampling and learning, on `cores`."""
    runners, learn_s = layout.runners, costs.learn_s[layout.runners]
    if not runners:
        step = costs.steps.get(layout) or costs.step(layout.envs)
        return 1.0 / (step.seconds / layout.envs + learn_s)
    step = costs.step(layout.envs)
    per_call = costs.batch // runners if kind == "on_policy" else costs.fragment * layout.envs
    asking = (ROUND_S + costs.weights_s) / per_call
    sample = step.seconds / layout.envs + costs.transport_s
    busy = step.cpu_s / layout.envs + costs.transport_s
    main = CALL_S / per_call + costs.transport_s + learn_s
    if kind == "on_policy":
        # The main process waits while they sample: all cores are theirs.
        return 1.0 / (max((sample + asking) / runners, busy / cores) + main)
    # Ray's own processes are as busy with a call as the main process.
    return 1.0 / max((sample + asking) / runners, main, (busy + main + CALL_S / per_call) / cores)


def best(speeds: Mapping[Layout, float]) -> Layout:
    """The first layout that those after it do not beat by much; so the cheapest come first."""
    layouts = list(speeds)
    chosen = layouts[0]
    for layout in layouts[1:]:
        if speeds[layout] >= speeds[chosen] * WORTH_IT:
            chosen = layout
    return chosen


def runner_counts(room: int) -> list[int]:
    """Numbers of remote runners to consider: powers of two, and all that fit."""
    powers = [2**power for power in range(room.bit_length()) if 2**power < room]
    return [*powers, room] if room else []


def describe(speeds: Mapping[Layout, float], measured: Sequence[Layout]) -> str:
    """The speeds as a reason: those measured, then those predicted from them."""
    parts = []
    for word, wanted in (("measured", True), ("predicted", False)):
        figures = [f"{layout} {v:,.0f}" for layout, v in speeds.items() if (layout in measured) == wanted]
        parts += [f"{word}, in training steps/s: {', '.join(figures)}"] if figures else []
    return "; ".join(parts)

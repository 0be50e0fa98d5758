"""What a row of the table of algorithms says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rlexp.config.algorithms.ignored_settings import Ignored

Kind = Literal["on_policy", "off_policy", "async", "offline", "model_based"]

Network = Literal["actor_critic", "cloning", "q_network", "soft", "world_model"]
"""Families of RLlib's default networks, see `rlexp.models.family`."""


@dataclass(frozen=True)
class FastParts:
    """The fast path of one algorithm, by import path, since its parts import RLlib.

    Attributes:
        learner: the learner class.
        algorithm: the `Algorithm` class; None keeps RLlib's.
        judges_episodes: True if the learner computes signals of entire episodes, and leaves out those that must not be
            learnt from (see `rlexp.curriculum.teacher.Teacher`).
        limits: which of the algorithm's settings only RLlib's own path knows, a name in
            `rlexp.engine.fast_path_parts.LIMITS`.
    """

    learner: str
    algorithm: str | None = None
    judges_episodes: bool = False
    limits: str | None = None


@dataclass(frozen=True)
class Algorithm:
    """One algorithm; all that depends on which one it is.

    Attributes:
        path: import path of its config class.
        kind: how it uses runners.
        action_spaces: names of the `gymnasium.spaces` that it takes; None for any.
        network: family of its default networks; None where it has networks of its own.
        several_agents: True if it has been tried with several agents.
        hardware: what RLlib takes for a hardware setting left None, where that is not its general default.
        learner_metrics: names under `learner/` that it logs; None where they are not known, and any may be.
        fast: its fast path, if it has one.
        measured: RLlib's learner and the one that replaces it on RLlib's own path, by import path: the same, and it
            logs how far the policy moved.
        ignored: keywords of RLlib's builders that have no effect with it.
        prioritized: False if it samples its replay buffer uniformly and takes no other.
        training: keywords of `training()` that replace defaults which RLlib itself then refuses.
        quirks: settings on which RLlib fails once training runs, names in `rlexp.run.building.rllib_fixes.REFUSALS`.
    """

    path: str
    kind: Kind
    action_spaces: tuple[str, ...] | None = None
    network: Network | None = None
    several_agents: bool = False
    hardware: Mapping[str, int] = field(default_factory=dict)
    learner_metrics: tuple[str, ...] | None = None
    fast: FastParts | None = None
    measured: tuple[str, str] | None = None
    ignored: Ignored = field(default_factory=dict)
    prioritized: bool = True
    training: Mapping[str, Any] = field(default_factory=dict)
    quirks: tuple[str, ...] = ()

    @property
    def class_name(self) -> str:
        """Of the config class, e.g. `PPOConfig`."""
        return self.path.rpartition(".")[2]

    @property
    def choice(self) -> str:
        """The name in `algorithm=ppo`."""
        return self.class_name.removesuffix("Config").lower()

    @property
    def offline(self) -> bool:
        """True if it learns from recorded data and takes no actions in training."""
        return self.kind == "offline"

    @property
    def without_ray(self) -> bool:
        """True if RLlib's own code trains it in one process without Ray's.

        RLlib's IMPALA and APPO put each sample into Ray's object store even with a local runner, and the offline ones
        read their data with Ray Data.
        """
        return self.kind in ("on_policy", "off_policy", "model_based")

    def is_class(self, module: str, name: str) -> bool:
        """True if its config class is `name`, defined in `module` or a module inside the one of its path."""
        package = self.path.rpartition(".")[0]
        return name == self.class_name and f"{module}.".startswith(f"{package}.")

"""What a row of the table of algorithms says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rlexp.config.algorithms.ignored_settings import Ignored

Kind = Literal["on_policy", "off_policy", "async", "offline", "model_based"]


@dataclass(frozen=True)
class Networks:
    """RLlib's default networks of one algorithm: what they read of the `model` group.

    Read off RLlib's catalogs. A setting that the networks do not read is refused (`rlexp.models.model_settings`).

    Attributes:
        defaults: the project's own values of settings that are left None.
        no_lstm: why `model.use_lstm` cannot be trained; None where it can.
        shares_value_encoder: True if a value function may share the policy's encoder (`vf_share_layers`).
        fuses_actions: True if Q networks on continuous actions encode observation and action apart and join the two
            (`fusionnet_*`).
        head_initializers: True if the heads read initializers of their own.
        head_layer_norm: True if the heads read `head_fcnet_use_layernorm`.
        plain_gaussian: True if a policy on continuous actions is a Gaussian that is not squashed (`free_log_std`).
        sized_by: the key that sizes them alone, where they read nothing of the group.
        image_shape: the only shape of images (height, width, channels) that they take; None for any.
        scales_observations: True if they normalise observations by themselves.
    """

    defaults: Mapping[str, Any] = field(default_factory=dict)
    no_lstm: str | None = None
    shares_value_encoder: bool = False
    fuses_actions: bool = False
    head_initializers: bool = False
    head_layer_norm: bool = False
    plain_gaussian: bool = False
    sized_by: str | None = None
    image_shape: tuple[int, int, int] | None = None
    scales_observations: bool = False


@dataclass(frozen=True)
class FastParts:
    """The fast path of one algorithm, by import path, since its parts import RLlib.

    Attributes:
        learner: the learner class.
        algorithm: the `Algorithm` class; None keeps RLlib's.
        judges_episodes: True if the learner computes signals of entire episodes, and leaves out those that must not be
            learnt from (see `rlexp.curriculum.teacher.Teacher`).
        limits: which of the algorithm's settings only RLlib's own path knows, a name in
            `rlexp.engine.fast_path_refusals.LIMITS`.
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
        networks: its default networks; None where it has others than RLlib's.
        epsilon_greedy: True if it acts by action values and takes `exploration=epsilon_greedy`.
        several_agents: True if it has been tried with several agents.
        hardware: what RLlib takes for a hardware setting left None, where that is not its general default.
        learner_metrics: names under `learner/` that it logs; None where they are not known, and any may be.
        fast: its fast path, if it has one.
        measured: RLlib's learner and the one that replaces it on RLlib's own path, by import path: the same, and it
            logs how far the policy moved.
        by_formula: for one without a fast path, RLlib's learner and the one that replaces it but for `fast=never`, by
            import path: the same, with gradient steps that need no autograd.
        ignored: keywords of RLlib's builders that have no effect with it.
        prioritized: False if it samples its replay buffer uniformly and takes no other.
        training: keywords of `training()` that replace defaults which RLlib itself then refuses.
        quirks: settings on which RLlib fails once training runs, names in `rlexp.run.building.rllib_fixes.REFUSALS`.
    """

    path: str
    kind: Kind
    action_spaces: tuple[str, ...] | None = None
    networks: Networks | None = None
    epsilon_greedy: bool = False
    several_agents: bool = False
    hardware: Mapping[str, int] = field(default_factory=dict)
    learner_metrics: tuple[str, ...] | None = None
    fast: FastParts | None = None
    measured: tuple[str, str] | None = None
    by_formula: tuple[str, str] | None = None
    ignored: Ignored = field(default_factory=dict)
    prioritized: bool = True
    training: Mapping[str, Any] = field(default_factory=dict)
    quirks: tuple[str, ...] = ()

    @property
    def class_name(self) -> str:
        """Of the config class, e.g. `PPOConfig`."""
        return self.path.rpartition(".")[2]

    @property
    def name(self) -> str:
        """The name people use, e.g. `PPO`."""
        return self.class_name.removesuffix("Config")

    @property
    def choice(self) -> str:
        """The name in `algorithm=ppo`."""
        return self.name.lower()

    @property
    def recurrent(self) -> bool:
        """True if it trains an LSTM (`model=lstm`)."""
        return self.networks is not None and self.networks.no_lstm is None

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

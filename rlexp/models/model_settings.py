"""Which settings of RLlib's default model do something, and the refusal of those that would be ignored.

Read off RLlib 2.60's catalogs: a field that the algorithm's networks never read for this observation and
action is an error here, since a person who writes it expects an effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import ALGORITHMS, Networks
from rlexp.models.observation_kind import IMAGE

if TYPE_CHECKING:
    from gymnasium.spaces import Space


@dataclass(frozen=True)
class ModelContext:
    """What decides whether a setting is read.

    Attributes:
        networks: the algorithm's default networks.
        algorithm: its name, for messages.
        kind: the kind of observation, see `rlexp.models.observation_kind.kind`.
        action_space: the environment's; None when it is not known, which refuses nothing.
        settings: the settings that were given (those left None are not among them).
    """

    networks: Networks
    algorithm: str
    kind: str
    action_space: Space | None
    settings: Mapping[str, Any]

    @property
    def is_image(self) -> bool:
        """True if a CNN reads the observation."""
        return self.kind == IMAGE

    @property
    def uses_lstm(self) -> bool:
        """True if an LSTM was asked for."""
        return bool(self.settings.get("use_lstm"))

    @property
    def is_continuous(self) -> bool:
        """True if actions are real vectors."""
        return self.action_space is None or type(self.action_space).__name__ == "Box"

    @property
    def is_discrete(self) -> bool:
        """True if an action is one of n."""
        return self.action_space is None or type(self.action_space).__name__ == "Discrete"


Text = str | Callable[[ModelContext], str]
"""A sentence, or what makes it."""


@dataclass(frozen=True)
class Rule:
    """Settings whose names start with one of `names` need `holds`, or are refused with `reason` and `fix`."""

    names: tuple[str, ...]
    holds: Callable[[ModelContext], bool]
    reason: Text
    fix: Text


def _names(has: Callable[[Networks], bool]) -> str:
    """For a reason: the algorithms whose networks have it, e.g. `SAC, TQC and CQL`."""
    *names, last = (row.name for row in ALGORITHMS.values() if row.networks is not None and has(row.networks))
    return f"{', '.join(names)} and {last}" if names else last


_RULES = (
    Rule(
        ("",),
        lambda s: s.networks.sized_by is None,
        lambda s: f"its networks are sized by {s.networks.sized_by} alone",
        lambda s: f"{s.networks.sized_by}=XS (nano, XXS, XS, S, M, L, XL) instead",
    ),
    Rule(
        ("use_lstm",),
        lambda s: not s.uses_lstm or s.networks.no_lstm is None,
        lambda s: s.networks.no_lstm or "",
        "model=auto, or algorithm=ppo",
    ),
    Rule(
        ("lstm_", "max_seq_len"),
        lambda s: s.uses_lstm,
        "it is read only with an LSTM",
        "model=lstm (or model.use_lstm=true)",
    ),
    Rule(
        ("lstm_use_prev_action",),
        lambda s: not s.settings.get("lstm_use_prev_action") or s.is_discrete or s.is_continuous,
        "the previous action is joined only where actions are Discrete or a Box",
        "model.lstm_use_prev_action=false",
    ),
    Rule(
        ("lstm_use_prev_action", "lstm_use_prev_reward"),
        lambda s: (
            not s.is_image or not any(s.settings.get(f"lstm_use_prev_{x}") for x in ("action", "reward"))
        ),
        "previous actions and rewards are joined to a vector, and the observation is an image",
        "model.lstm_use_prev_action=false model.lstm_use_prev_reward=false",
    ),
    Rule(
        ("vf_share_layers",),
        lambda s: s.networks.shares_value_encoder,
        "it has no value function that could share the policy's layers",
        "remove model.vf_share_layers",
    ),
    Rule(
        ("fusionnet_",),
        lambda s: s.networks.fuses_actions and s.is_continuous,
        f"only the Q networks of {_names(lambda n: n.fuses_actions)} on continuous actions join two streams",
        "model.head_fcnet_hiddens for layers after the encoder",
    ),
    Rule(
        ("conv_",),
        lambda s: s.is_image,
        "the observation is no image, so there is no CNN",
        "model.fcnet_hiddens and model.fcnet_activation",
    ),
    Rule(
        ("fcnet_hiddens", "fcnet_activation"),
        lambda s: not s.is_image or (s.networks.fuses_actions and s.is_continuous),
        "an image goes through the CNN straight to the heads",
        "model.head_fcnet_hiddens=[256] for a dense layer after the CNN",
    ),
    Rule(
        ("fcnet_kernel_", "fcnet_bias_", "fcnet_use_layernorm"),
        lambda s: not s.is_image,
        "an image goes through the CNN straight to the heads",
        "model.conv_kernel_initializer and the like",
    ),
    Rule(
        ("head_fcnet_activation", "head_fcnet_use_layernorm"),
        lambda s: bool(s.settings.get("head_fcnet_hiddens")) or s.is_image,
        "it is read only when the heads have hidden layers",
        "model.head_fcnet_hiddens=[64] beside it",
    ),
    Rule(
        ("head_fcnet_kernel_", "head_fcnet_bias_"),
        lambda s: s.networks.head_initializers,
        f"RLlib 2.60 gives head initializers to the networks of {_names(lambda n: n.head_initializers)} alone",
        "model=custom with a module of your own",
    ),
    Rule(
        ("head_fcnet_use_layernorm",),
        lambda s: s.networks.head_layer_norm,
        f"RLlib 2.60 gives layer norm in the heads to {_names(lambda n: n.head_layer_norm)} alone",
        "model.fcnet_use_layernorm=true (the encoder's)",
    ),
    Rule(
        ("free_log_std", "log_std_clip_param"),
        lambda s: s.networks.plain_gaussian and s.is_continuous,
        f"only {_names(lambda n: n.plain_gaussian)} on continuous actions draw from a plain Gaussian",
        "remove it",
    ),
)

_SUFFIX = "_kwargs"


def given(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings a person or a choice really gave: None means the default."""
    return {name: value for name, value in settings.items() if value is not None}


def without_effect(situation: ModelContext) -> list[ConfigError]:
    """Returns a refusal for each given setting that the networks would ignore or fail on; empty when all are read."""
    errors = []
    for name in situation.settings:
        for rule in _RULES:
            if name.startswith(rule.names) and not rule.holds(situation):
                errors.append(_refusal(name, rule, situation))
                break
        else:
            errors += _orphaned_arguments(name, situation)
    return errors


def _refusal(name: str, rule: Rule, situation: ModelContext) -> ConfigError:
    key = f"model.{name}"
    reason, fix = (text if isinstance(text, str) else text(situation) for text in (rule.reason, rule.fix))
    return ConfigError(f"{key} has no effect with {situation.algorithm} here: {reason}", key=key, fix=fix)


def _orphaned_arguments(name: str, situation: ModelContext) -> list[ConfigError]:
    """Arguments of an initializer that is not named."""
    owner = name.removesuffix(_SUFFIX)
    if owner == name or owner in situation.settings:
        return []
    key = f"model.{name}"
    return [
        ConfigError(f"{key} has no effect without model.{owner}", key=key, fix=f"model.{owner}=orthogonal_")
    ]

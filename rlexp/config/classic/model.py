"""Answers to the keys of the classic `model` dict that no network has any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlexp.config.classic.answer import LEAVE_OUT, OWN_MODULE, Answer, Entry, switch
from rlexp.config.override_text import override

_LSTM = f"model=lstm, or {OWN_MODULE}"
_ATTENTION = "rlexp has no attention network yet; the memory that it has is an LSTM"
_OF_ATTENTION = f"it belongs to an attention network, and {_ATTENTION}"


def _stacked(value: Any) -> Answer:
    if value is False:
        return Answer("frames are stacked by env=atari alone", "env.config.frame_stack=1 (with env=atari)")
    wrapper = "'env.wrappers=[{_target_: gymnasium.wrappers.FrameStackObservation, stack_size: 4}]'"
    reason = "frames are stacked by the environment: env=atari stacks env.config.frame_stack=4 of them"
    return Answer(reason, f"env=atari, or elsewhere {wrapper}")


def _size(value: Any) -> Answer:
    fix = override("env.config.screen_size", value)
    return Answer("the size of an Atari game's frames is an argument of env=atari", f"env=atari {fix}")


def _zero_mean(value: Any) -> Answer:
    scaled = "env=atari scales pictures to 0 to 1 (env.config.scale=true)"
    if value is False:
        return Answer(f"{scaled}, which is what zero_mean=false was")
    wrapper = "{_target_: gymnasium.wrappers.RescaleObservation, min_obs: -1.0, max_obs: 1.0}"
    return Answer(f"{scaled}; -1 to 1 takes a wrapper", f"'env.wrappers=[{wrapper}]'")


def _own_module(value: Any) -> Answer:
    reason = "names registered in ModelCatalog are gone; a module of one's own goes by its import path"
    return Answer(reason, OWN_MODULE, ("model.module_class",))


def _own_config(value: Any) -> Answer:
    given = (
        override("model.module_config", value) if isinstance(value, Mapping) else "model.module_config={...}"
    )
    return Answer(
        "a module of one's own reads model.module_config", f"{OWN_MODULE} {given}", ("model.module_config",)
    )


def _joined_layers(name: str) -> Answer:
    reason = (
        f"rlexp has no {name} yet: layers after an image and a vector are joined, for Dict and Tuple observations; "
        "model.head_fcnet_hiddens are layers of each output, after the encoder"
    )
    return Answer(reason, OWN_MODULE)


MODEL: Mapping[str, Entry] = {
    "use_attention": switch(Answer(_ATTENTION, _LSTM), "no network has attention here"),
    **{
        f"attention_{name}": Answer(_OF_ATTENTION, _LSTM)
        for name in (
            "num_transformer_units",
            "dim",
            "num_heads",
            "head_dim",
            "memory_inference",
            "memory_training",
            "position_wise_mlp_dim",
            "init_gru_gate_bias",
        )
    },
    "attention_use_n_prev_actions": Answer(_OF_ATTENTION, "model=lstm model.lstm_use_prev_action=true"),
    "attention_use_n_prev_rewards": Answer(_OF_ATTENTION, "model=lstm model.lstm_use_prev_reward=true"),
    "post_fcnet_hiddens": _joined_layers("post_fcnet_hiddens"),
    "post_fcnet_activation": _joined_layers("post_fcnet_activation"),
    "no_final_linear": switch(
        Answer("RLlib's networks end in a linear layer, always", OWN_MODULE), "that is how all networks are"
    ),
    "_time_major": switch(
        Answer("recurrent networks are batch-major, always", OWN_MODULE), "that is how all networks are"
    ),
    "_use_default_native_models": Answer("there is one kind of default network, and no other to choose"),
    "framestack": _stacked,
    "frame_stack": _stacked,
    "dim": _size,
    "grayscale": switch(
        Answer("env=atari is grey, always", "env=atari"),
        "env=atari is grey, always; colours take a wrapper or an environment of one's own",
    ),
    "zero_mean": _zero_mean,
    "custom_model": _own_module,
    "custom_model_config": _own_config,
    "custom_action_dist": Answer(
        "rlexp has no setting for an action distribution of one's own yet: an RLModule chooses its own "
        "(get_train_action_dist_cls and its like)",
        OWN_MODULE,
    ),
    "custom_preprocessor": Answer(
        "preprocessors are gone; what is done to observations is a wrapper",
        "'env.wrappers=[{_target_: <import path of a gymnasium.ObservationWrapper>}]'",
    ),
}


def model_overrides(value: Any) -> str:
    """A classic `model` dict as overrides of the model group; `leave it out` for an empty one."""
    if not isinstance(value, Mapping) or not value:
        return "keys of the model group" if value else LEAVE_OUT
    written = []
    for name, inner in value.items():
        entry = MODEL.get(str(name))
        if entry is None:
            written.append(override(f"model.{name}", inner))
        else:
            answer = entry(inner) if callable(entry) else entry
            written += [] if answer.fix == LEAVE_OUT else [answer.fix.partition(", or ")[0]]
    return " ".join(dict.fromkeys(written)) + "   (keys of the model group)" if written else LEAVE_OUT

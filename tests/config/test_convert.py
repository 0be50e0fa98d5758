"""The composed config becomes typed or is refused: unknown keys, wrong types, missing values."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from changing import REMOVE, changed, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from rlexp.base.errors import ConfigErrors
from rlexp.config.convert import to_plain, to_run_config
from rlexp.config.known_keys import valid_keys
from rlexp.config.schema import Plateau

PPO = "ray.rllib.algorithms.ppo.PPOConfig"
KEYS = valid_keys(PPO)


def test_gives_types(plain: dict[str, Any]) -> None:
    config = to_run_config(plain, {"env": "cartpole", "callbacks": ["progress"]})
    assert config.algorithm.config_class == PPO
    assert config.algorithm.settings["lr"] == 3e-4
    assert config.hardware.settings["num_envs_per_env_runner"] == 8
    assert config.stop.plateau == Plateau("eval/return_mean", 3, mode="max")
    assert config.checkpoint.from_ is None
    assert config.choices == {"env": "cartpole", "callbacks": ["progress"]}


def test_shares_nothing_with_what_it_was_made_of(plain: dict[str, Any]) -> None:
    source = copy.deepcopy(plain)
    config = to_run_config(source, {})
    config.model.settings["fcnet_hiddens"].append(1)
    config.callbacks["progress"]["every_s"] = 1.0
    config.env.wrappers[0]["max_episode_steps"] = 1
    assert source == plain


def test_free_mappings_hold_anything(plain: dict[str, Any]) -> None:
    free = {"actions": None, "sizes": [1, None], "deep": {"x": True}}
    assert to_run_config(changed(plain, "env.config", free), {}).env.config == free


def test_null_leaves_the_network_to_the_project(plain: dict[str, Any]) -> None:
    config = to_run_config(changed(plain, "model.fcnet_hiddens", None), {})
    assert config.model.settings["fcnet_hiddens"] is None


def test_whole_floats_are_integers(plain: dict[str, Any]) -> None:
    config = to_run_config(changed(changed(plain, "stop.env_steps", 1e6), "algorithm.num_epochs", 2.0), {})
    assert type(config.stop.env_steps) is int and type(config.algorithm.settings["num_epochs"]) is int


def test_writes_the_flat_inverse(plain: dict[str, Any]) -> None:
    flat = to_plain(to_run_config(changed(plain, "checkpoint.from", "runs/a"), {"env": "cartpole"}))
    assert flat["checkpoint"]["from"] == "runs/a" and "from_" not in flat["checkpoint"]
    assert flat["algorithm"]["lr"] == 3e-4
    assert "choices" not in flat and "settings" not in flat["algorithm"]


numbers = st.floats(0, 1, exclude_min=True) | st.integers(1, 10**9)


valid = st.fixed_dictionaries(
    {},
    optional={
        "algorithm.lr": numbers | st.just([[0, 1e-3], [1000, 1e-4]]),
        "algorithm.gamma": st.floats(0, 1),
        "algorithm.grad_clip": st.none() | numbers,
        "model.fcnet_hiddens": st.lists(st.integers(1, 1024)),
        "model.fcnet_activation": st.sampled_from(["tanh", "relu", "silu"]),
        "env.config": st.dictionaries(
            st.text(min_size=1), st.integers() | st.text() | st.lists(st.booleans())
        ),
        "env.max_episode_steps": st.none() | st.integers(1, 10**6),
        "hardware.env_vars": st.dictionaries(st.text(min_size=1), st.text()),
        "hardware.num_gpus_per_learner": st.floats(0, 8) | st.integers(0, 8),
        "evaluation.explore": st.booleans(),
        "evaluation.seed": st.none() | st.integers(0, 2**32 - 1),
        "stop.env_steps": st.none() | st.integers(1, 10**12),
        "stop.wall_s": st.none() | st.floats(1, 1e6),
        "stop.metric": st.dictionaries(st.text(min_size=1), st.floats(-10, 10) | st.just("<=0.1")),
        "stop.plateau": st.none() | st.just({"metric": "train/return_mean", "patience": 2, "mode": "min"}),
        "checkpoint.from": st.none() | st.text(min_size=1),
        "checkpoint.every": st.none() | st.integers(1, 100),
        "name": st.none() | st.text(min_size=1).filter(lambda text: text != "???"),
        "trusted": st.just(["envs", "gymnasium", "ray.rllib", "callbacks"]),
    },
)


@settings(max_examples=60, deadline=None)
@given(values=valid)
def test_round_trip(plain: dict[str, Any], values: dict[str, Any]) -> None:
    source = copy.deepcopy(plain)
    for key, value in values.items():
        source = changed(source, key, value)
    config = to_run_config(source, {})
    flat = to_plain(config)
    assert to_run_config(flat, {}) == config
    for key, value in values.items():
        node: Any = flat
        for name in key.split("."):
            node = node[name]
        if isinstance(value, dict) and key == "stop.plateau":
            node = {name: node[name] for name in value}
        assert node == value, key


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("algorithm.lr", "fast", "algorithm.lr must be a number or a schedule"),
        ("algorithm.lr", [[5, 0.1], [9, 0.2]], "schedule [[env_step, value], ...] from step 0"),
        ("algorithm.num_epochs", 1.5, "algorithm.num_epochs must be an integer or null, not 1.5"),
        ("algorithm.gamma", True, "algorithm.gamma must be a number or null, not true"),
        ("algorithm.config_class", 3, "algorithm.config_class must be text"),
        ("model.fcnet_hiddens", 64, "model.fcnet_hiddens must be a list (each an integer) or null, not 64"),
        ("model.vf_share_layers", "yes", "model.vf_share_layers must be true or false"),
        ("hardware.env_vars", {"A": 1}, "'hardware.env_vars.A=\"1\"'"),
        ("hardware.auto", "maybe", "hardware.auto must be true or false"),
        ("hardware", 3, "hardware must be a mapping of keys"),
        ("callbacks.progress", None, "~callbacks.progress leaves it out"),
        ("stop.env_steps", "lots", "stop.env_steps must be an integer or null"),
        ("stop.env_steps", 1.5, "stop.env_steps must be an integer or null"),
        ("stop.metric", {"a": [1]}, "stop.metric.a must be a number or text"),
        ("stop.plateau", 3, "stop.plateau must be a mapping"),
        ("stop.plateau", {"metric": "x"}, "stop.plateau.patience is missing"),
        ("stop.plateau", {"metric": "x", "patience": 1, "patient": 2}, "unknown key stop.plateau.patient"),
        ("env.wrappers", ["TimeLimit"], "env.wrappers must be a list (each a mapping)"),
        ("env.id", "???", "env.id must be given"),
        ("env.id", REMOVE, "env.id=CartPole-v1"),
        ("env", REMOVE, "env is missing: no choice of that group was made"),
        ("algorithm.config_class", "???", "algorithm.config_class must be given"),
        ("data.input_", "???", "data.input_ must be given"),
        (
            "callbacks.progress",
            {"_target_": "a.b", "every_s": "???"},
            "callbacks.progress.every_s must be given",
        ),
        ("env.wrappers", [{"_target_": "???"}], "env.wrappers[0]._target_ must be given"),
        ("seed", "one", "seed must be an integer"),
        ("name", 7, "'name=\"7\"'"),
        ("trusted", "envs", "trusted must be a list (each text)"),
        ("algorithm.model", {}, "old API stack"),
        ("algorithm.train_batch_size", 1, "algorithm.train_batch_size_per_learner"),
        ("algorithm.num_sgd_iter", 1, "algorithm.num_epochs"),
        ("algorithm.learner_class", "envs.m.L", "algorithm.learner_class is chosen by the algorithm"),
        ("hardware.restart_failed_sub_environments", True, "is done by the guard of each environment"),
        ("model.size", "small", "model.size must be one of normal, tiny"),
        ("algorithm.replay_buffer_config", {}, "SAC, TQC have it, PPO has not"),
        ("model.module_class", "envs.m.M", "model.fcnet_hiddens has no effect beside model.module_class"),
        ("model.module_config", {"a": 1}, "no effect without model.module_class"),
        ("algorithm.minibatch_size", 4096, "more than algorithm.train_batch_size_per_learner, 2048"),
    ],
)
def test_says_what_is_wrong_and_what_to_write(plain: dict[str, Any], key: str, value: Any, says: str) -> None:
    refused = refusal(plain, key, value)
    assert says in str(refused)
    assert refused.exit_code == 2


def test_tells_all_problems_at_once(plain: dict[str, Any]) -> None:
    bad = changed(changed(changed(plain, "seed", "x"), "algorithm.gama", 1), "stop.env_steps", -1)
    with pytest.raises(ConfigErrors) as refused:
        to_run_config(bad, {})
    assert {error.key for error in refused.value.errors} == {"seed", "algorithm.gama", "stop.env_steps"}


@pytest.mark.parametrize(
    "change",
    [
        lambda p: changed(p, "algorithm.config_class", "os.system"),
        lambda p: changed(p, "algorithm.config_class", "subprocess.Popen"),
        lambda p: changed(p, "algorithm.config_class", "rlexp.config.callables.targets.os.system"),
        lambda p: changed(_dqn(p), "algorithm.replay_buffer_config", {"type": "os.system"}),
        lambda p: changed(_dqn(p), "algorithm.replay_buffer_config", {"a": [{"type": "shutil.rmtree"}]}),
    ],
)
def test_hostile_import_paths_in_rllib_settings(
    plain: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    with pytest.raises(ConfigErrors, match="is refused"):
        to_run_config(change(plain), {})


def _dqn(plain: dict[str, Any]) -> dict[str, Any]:
    algorithm = {"config_class": "ray.rllib.algorithms.dqn.DQNConfig"}
    return {**plain, "algorithm": algorithm}


def test_replay_buffers_by_name_or_trusted_path(plain: dict[str, Any]) -> None:
    path = "ray.rllib.utils.replay_buffers.EpisodeReplayBuffer"
    for named in ("PrioritizedEpisodeReplayBuffer", path):
        source = changed(_dqn(plain), "algorithm.replay_buffer_config", {"type": named, "capacity": 100})
        assert to_run_config(source, {}).algorithm.settings["replay_buffer_config"]["type"] == named


def test_valid_keys_follow_the_algorithm() -> None:
    dqn = valid_keys("ray.rllib.algorithms.dqn.DQNConfig")
    assert "algorithm.clip_param" in KEYS and "algorithm.clip_param" not in dqn
    assert "algorithm.epsilon" in dqn and "algorithm.noisy" not in dqn, "noisy has no effect any more"
    assert {"hardware.num_aggregator_actors_per_learner", "model.vf_share_layers", "checkpoint.from"} <= set(
        KEYS
    )
    assert not {"choices", "algorithm.settings", "checkpoint.from_", "algorithm.model"} & set(KEYS)
    assert "env.clip_actions" in valid_keys("ray.rllib.algorithms.sac.SACConfig")

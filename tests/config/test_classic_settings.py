"""Each setting of classic RLlib, typed as its users would: an answer that can be followed, none that misleads."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from changing import changed, refusal
from harness import choices

from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.config.algorithms import ALGORITHMS
from rlexp.config.algorithms.builder_signatures import known_config_classes
from rlexp.config.composition.override_syntax import parse, value_of
from rlexp.config.composition.overrides import unknown_choice
from rlexp.config.convert import to_run_config
from rlexp.config.keys.key_table import KEYS
from rlexp.config.known_keys import valid_keys
from rlexp.run.compose import compose_plain

with (Path(__file__).parent / "classic_settings.csv").open() as file:
    ROWS = list(csv.DictReader(file))

GROUPS = (
    "algorithm",
    "callbacks",
    "curriculum",
    "data",
    "env",
    "evaluation",
    "exploration",
    "hardware",
    "model",
    "tracking",
)
DQNS = ("algorithm.epsilon", "algorithm.tau", "algorithm.training_intensity", "algorithm.n_step")


@pytest.fixture(scope="module")
def composed() -> dict[str, dict[str, Any]]:
    """What `algorithm=<name>` composes to, for each algorithm that an answer may name."""
    found = {name: compose_plain([f"algorithm={name}"]).plain for name in ("ppo", "dqn")}
    sac = {"config_class": "ray.rllib.algorithms.sac.SACConfig", "replay_buffer_config": {"capacity": 100}}
    return {**found, "sac": {**found["dqn"], "algorithm": sac}}


def answer_to(typed: str, plain: dict[str, Any]) -> ConfigError:
    """The one refusal of an override as it was typed."""
    key, _, text = typed.partition("=")
    value = value_of(text)
    if key in GROUPS:
        return unknown_choice(key, str(value), choices(key))
    return next(
        e
        for e in refusal(plain, key, value).errors
        if e.key and (e.key.startswith(key) or key.startswith(e.key))
    )


def follow(fix: str, plain: dict[str, Any], dqn: dict[str, Any]) -> None:
    """Types what an answer says to write; fails where that would be refused."""
    if fix.startswith("rlexp ") or "leave it out" in fix:
        return
    # Blanks are to be filled in by the person; what stands in brackets is no part of the command.
    typed = re.sub(r"<[^>]*>", "<>", fix.partition("   (")[0]).replace(", or ", " ").partition("; rlexp")[0]
    for text in shlex.split(typed):
        key, _, value = text.partition("=")
        if key in GROUPS:
            chosen = value_of(value) if value.startswith("[") else [value]
            assert all("<" in name or name in choices(key) for name in chosen), text
        elif key in ("model.module_config", "model.module_class", "data.input_"):
            continue  # Of no effect without their choices, or not there.
        elif "=" in text:
            takes = dqn if key in DQNS or "replay_buffer" in key else plain
            given = 1 if "<" in value else parse(text).value()
            errors = [e for e in _refused(changed(takes, key, given)) if e.key == key]
            assert not [e for e in errors if "<" not in value or "unknown key" in str(e)], text


def _refused(plain: dict[str, Any]) -> list[ConfigError]:
    try:
        to_run_config(plain, {})
    except ConfigErrors as errors:
        return errors.errors
    return []


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['section']}-{row['setting']}" for row in ROWS])
def test_a_classic_setting_gets_the_right_answer(row: dict[str, str], composed: dict[str, Any]) -> None:
    dqn = composed["dqn"]
    plain = dqn if "replay_buffer" in row["typed"] else composed["ppo"]
    error = answer_to(row["typed"], plain)
    for words in row["says"].split(" & "):
        assert words in str(error)
    assert error.fix is not None
    follow(error.fix, plain, dqn)


def test_every_row_is_there_once() -> None:
    names = [(row["section"], row["setting"]) for row in ROWS]
    assert len(names) == len(set(names)) == 152


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        # What other libraries call alike and mean otherwise: no value lands under a key of another meaning.
        ("algorithm.target_kl=0.02", "algorithm.use_kl_loss=true"),
        ("algorithm.clip_range_vf=0.2", "algorithm.vf_clip_param=<bound>"),
        ("clip_vloss=true", "algorithm.vf_clip_param=<bound>"),
        ("algorithm.max_grad_norm=0.5", "algorithm.grad_clip=0.5 algorithm.grad_clip_by=global_norm"),
        ("algorithm.polyak=0.995", "algorithm.tau=0.005"),
        ("num_minibatches=4", "algorithm.minibatch_size=<train_batch_size_per_learner / 4>"),
        ("n_steps=128", "algorithm.train_batch_size_per_learner=<128 x environments>"),
        ("eval_freq=10000", "evaluation.evaluation_interval_env_steps=10000"),
        ("save_freq=10000", "checkpoint.every_env_steps=10000"),
        ("train_freq=4", "algorithm.training_intensity=<"),
        ("exploration_fraction=0.1", "'algorithm.epsilon=[[0,1.0],[<0.1 x stop.env_steps>,0.05]]'"),
        ("end_e=0.01", "'algorithm.epsilon=[[0,1.0],[10000,0.01]]'"),
        ("hidden_size=64", "'model.fcnet_hiddens=[64, 64]'"),
        ("model.net_arch={pi:[32,32],vf:[32,32]}", "'model.fcnet_hiddens=[32, 32]'"),
        ("device=cuda", "hardware=gpu"),
        ("device=cpu", "hardware.num_gpus_per_learner=0"),
        ("wandb=true", "'tracking=[wandb]'"),
        ("eval=true", "evaluation=<choice>; rlexp list evaluation"),
        ("time_limit=60", "env.max_episode_steps=<steps>, or stop.wall_s=<seconds>"),
        ("num_gpus=0.5", "hardware.num_gpus_per_learner=0.5"),
        ("explore=true", "exploration=default"),
        ("input={sampler:0.4,/data/a:0.6}", "rlexp has no mixing of sampled and recorded data yet"),
        ("use_attention=false", "leave it out"),
        ("replay=uniform", "type=<EpisodeReplayBuffer or PrioritizedEpisodeReplayBuffer>"),
        ("replay=false", "write: checkpoint.replay=false"),
        ("policy=MlpPolicy", "write: model=mlp"),
        ("algorithm.lagrangian=true", "algorithm.lagrangian"),
        # Names that are merely alike show the key and leave the value to the person.
        ("algorithm.clip_parameters=0.3", "did you mean: algorithm.clip_param"),
        ("model.fusion_activation=true", "write: model.fusionnet_activation=<value>"),
        ("learning_starts=1000", "DQN, SAC, TQC have it, PPO has not"),
    ],
)
def test_no_value_is_copied_under_another_meaning(typed: str, says: str, composed: dict[str, Any]) -> None:
    error = answer_to(typed, composed["ppo"])
    assert says in str(error)
    assert error.fix is not None
    follow(error.fix, composed["ppo"], composed["dqn"])


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("env=multi", "env=gym env.id=<import path of a MultiAgentEnv>"),
        ("env=CartPole-v1", "write: env=gym env.id=CartPole-v1"),
        ("env=ALE/Pong-v5", "write: env=atari env.config.id=ALE/Pong-v5"),
        ("env=highway_env:highway-v0", "write: env=gym env.id=highway_env:highway-v0"),
        ("algorithm=PPO", "write: algorithm=ppo"),
        ("algorithm=A2C", "write: algorithm=ppo algorithm.num_epochs=1"),
        ("algorithm=DDPG", "write: algorithm=sac"),
        ("algorithm=QMIX", "several agents train with one policy"),
        ("model=attention", "rlexp has no attention network yet"),
        ("model=MlpPolicy", "write: model=mlp"),
        ("tracking=csv", "every run writes metrics.jsonl"),
        ("model=forest", "write: model=<choice>; rlexp list model describes them"),
    ],
)
def test_a_choice_from_elsewhere_is_answered(typed: str, says: str, composed: dict[str, Any]) -> None:
    error = answer_to(typed, composed["ppo"])
    assert says in str(error)
    assert error.fix is not None
    follow(error.fix, composed["ppo"], composed["dqn"])


def test_what_stands_for_an_ignored_setting_is_a_key(composed: dict[str, Any]) -> None:
    """A value is carried over to a bare key alone, so there must be such a key."""
    known = {key for path in known_config_classes() for key in valid_keys(path)}
    of_all = [row.ignored for row in KEYS if row.ignored is not None]
    of_single = [ignored for row in ALGORITHMS.values() for ignored in row.ignored.values()]
    bare = {instead for _, instead in of_all + of_single if re.fullmatch(r"\w+\.\w+", instead)}
    assert bare and bare <= known


BUFFER = "algorithm.replay_buffer_config"


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("foo", 1, "EpisodeReplayBuffer takes type, capacity and would ignore it"),
        ("capcity", 500, "write: algorithm.replay_buffer_config.capacity=500"),
        ("storage_unit", "episodes", "capacity counts env steps"),
        ("alpha", 0.6, "EpisodeReplayBuffer has no priorities, so it would be ignored"),
        ("batch_size_B", 8, "algorithm.train_batch_size_per_learner says it"),
        ("prioritized_replay_alpha", 0.6, "algorithm.replay_buffer_config.alpha=<value>"),
        ("learning_starts", 100, "algorithm.num_steps_sampled_before_learning_starts=<env steps>"),
        ("type", "MultiAgentReplayBuffer", "type=EpisodeReplayBuffer"),
        ("type", "MultiAgentPrioritizedReplayBuffer", "type=PrioritizedEpisodeReplayBuffer"),
        ("type", "ReplayBuffer", "type=EpisodeReplayBuffer"),
        ("type", "ray.rllib.utils.replay_buffers.ReplayBuffer", "type=EpisodeReplayBuffer"),
        ("type", "EpisodeReplayBufer", "type=EpisodeReplayBuffer"),
        ("type", "MultiAgentEpisodeReplayBuffer", "type=EpisodeReplayBuffer"),
        ("type", 3, "type=EpisodeReplayBuffer"),
    ],
)
@pytest.mark.parametrize("algorithm", ["dqn", "sac"])
def test_what_a_replay_buffer_would_ignore_or_die_of_is_refused(
    composed: dict[str, Any], algorithm: str, key: str, value: Any, says: str
) -> None:
    refused = refusal(composed[algorithm], f"{BUFFER}.{key}", value)
    assert says in str(refused)


def test_a_buffer_s_own_keys_are_taken(composed: dict[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "lab_buffers.py").write_text(
        "from ray.rllib.utils.replay_buffers.episode_replay_buffer import EpisodeReplayBuffer\n"
        "class Recent(EpisodeReplayBuffer):\n"
        "    def __init__(self, capacity=100, *, share=0.5, **kwargs): ...\n"
        "class NoBuffer: ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    plain = changed(composed["dqn"], "trusted", [*composed["dqn"]["trusted"], "lab_buffers"])

    def refused(**settings: Any) -> list[ConfigError]:
        return [e for e in _refused(changed(plain, BUFFER, settings)) if e.key and e.key.startswith(BUFFER)]

    assert refused(type="PrioritizedEpisodeReplayBuffer", capacity=10, alpha=0.6, beta=0.4) == []
    assert refused(type="lab_buffers.Recent", capacity=10, share=0.1) == []
    assert "takes type, capacity, share" in str(refused(type="lab_buffers.Recent", shar=0.1)[0])
    assert "is no replay buffer" in str(refused(type="lab_buffers.NoBuffer")[0])

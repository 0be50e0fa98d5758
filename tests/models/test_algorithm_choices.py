"""The shipped algorithms and models name only settings that RLlib takes and that have an effect."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest
import yaml

from rlexp.config.algorithms import ALGORITHMS as TABLE
from rlexp.config.algorithms import resolve
from rlexp.config.keys.accepted_keywords import ignored
from rlexp.config.keys.key_table import KEYS

CONF = Path(__file__).parents[2] / "conf"
ALGORITHMS = sorted((CONF / "algorithm").glob("*.yaml"))
MODELS = sorted((CONF / "model").glob("*.yaml"))
ONLINE = {"ppo", "appo", "impala", "dqn", "sac", "tqc", "dreamerv3"}
OFFLINE = {"bc", "marwil", "cql", "iql"}
EXPLORATIONS = sorted((CONF / "exploration").glob("*.yaml"))


def keywords(config_class, method):
    """The keywords of a builder over the class and its ancestors."""
    found = set()
    for ancestor in config_class.__mro__:
        if method in vars(ancestor):
            found |= set(inspect.signature(vars(ancestor)[method]).parameters)
    return found - {"self", "kwargs"}


def settings(path):
    return {
        k: v for k, v in yaml.safe_load(path.read_text()).items() if k not in ("config_class", "defaults")
    }


def test_all_algorithms_are_there():
    assert {p.stem for p in ALGORITHMS} == ONLINE | OFFLINE


@pytest.mark.parametrize("path", ALGORITHMS, ids=lambda p: p.stem)
def test_algorithm_lists_keywords_with_an_effect(path):
    config_class = resolve(yaml.safe_load(path.read_text())["config_class"])
    known = keywords(config_class, "training") | {"rollout_fragment_length", "batch_mode"}
    for name in settings(path):
        assert name in known, f"{name} is no keyword of {config_class.__name__}"
        assert ignored(f"algorithm.{name}", config_class.__name__) is None, f"{name} is ignored"


@pytest.mark.parametrize("path", [p for p in ALGORITHMS if p.stem in ONLINE], ids=lambda p: p.stem)
def test_rllib_accepts_the_values(path):
    config = resolve(yaml.safe_load(path.read_text())["config_class"])()
    given = {k: v for k, v in settings(path).items() if v is not None}
    runners = {k: given.pop(k) for k in ("rollout_fragment_length", "batch_mode") if k in given}
    env = "CartPole-v1" if path.stem not in ("sac", "tqc") else "Pendulum-v1"
    config.environment(env).env_runners(num_env_runners=0, **runners).training(**given).validate()


@pytest.mark.parametrize(
    "path", [*ALGORITHMS, *MODELS, *EXPLORATIONS], ids=lambda p: f"{p.parent.name}-{p.stem}"
)
def test_every_key_is_commented(path):
    lines = path.read_text().splitlines()
    assert re.match(r"# [A-Z].*\.$", lines[0]), "the first line says in a sentence what the choice is"
    for line in lines[1:]:
        is_block = re.fullmatch(r"\w+:", line)
        assert is_block or re.search(r"\S\s+# \S", line), f"no comment: {line}"


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_model_lists_fields_of_the_default_model(path):
    from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

    known = {f.name for f in dataclasses.fields(DefaultModelConfig)}
    own = {"observation", "module_class", "module_config"}
    listed = set(yaml.safe_load(path.read_text()))
    assert own <= listed and listed - own - {"size"} <= known


def test_auto_lists_all_but_the_lstm():
    from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

    listed = set(yaml.safe_load((CONF / "model" / "auto.yaml").read_text()))
    left = {f.name for f in dataclasses.fields(DefaultModelConfig)} - listed
    assert all(name.startswith("lstm_") or name == "max_seq_len" for name in left)


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_ignored_keywords_are_real(row):
    config_class = resolve(row.path)
    builders = ("training", "env_runners", "environment", "fault_tolerance")
    accepted = set().union(*(keywords(config_class, builder) for builder in builders))
    of_all = {
        key.name.partition(".")[2]: key.ignored for key in KEYS if key.ignored and key.name.count(".") == 1
    }
    refused = {**row.ignored, **(of_all if row.class_name == "PPOConfig" else {})}
    assert refused and refused.keys() <= accepted
    assert all(why and instead for why, instead in refused.values())


def test_reason_is_for_the_class_alone():
    assert ignored("algorithm.noisy", "DQNConfig") is not None
    assert ignored("algorithm.noisy", "PPOConfig") is None
    assert ignored("env.clip_rewards", "AnyConfig") is not None
    assert ignored("algorithm.gamma", "PPOConfig") is None

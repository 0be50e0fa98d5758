from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from env_choices import NAMES, TRUSTED, shipped
from gymnasium.wrappers import TimeLimit
from rllib_runs import run_config

from rlexp.base.errors import ConfigError
from rlexp.config.schema import EnvChoice
from rlexp.environment.guards.guard import Guard
from rlexp.environment.lab_paths import import_paths
from rlexp.environment.make import env_creator, make_env, rllib_environment
from rlexp.environment.probe import probe

HERE = [*TRUSTED, __name__]


class ConfigDict(gymnasium.Env):
    """Takes one dict, as RLlib's examples do."""

    def __init__(self, config: Any) -> None:
        self.seen = config
        self.observation_space = gymnasium.spaces.Box(0, 1, (config.get("size", 2),), np.float32)
        self.action_space = gymnasium.spaces.Discrete(2)

    def reset(self, **kwargs: Any) -> Any:
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        return self.observation_space.sample(), 0.0, False, False, {}


class WrongShape(ConfigDict):
    def step(self, action: Any) -> Any:
        return np.zeros(5, np.float32), 0.0, False, False, {}


class OutOfBounds(ConfigDict):
    def reset(self, **kwargs: Any) -> Any:
        return np.array([0.0, 7.0], np.float32), {}


def not_an_env() -> dict[str, int]:
    return {}


@pytest.mark.parametrize("name", NAMES)
def test_shipped_choice_runs_and_its_spaces_hold(name: str) -> None:
    choice = shipped(name)
    found = probe(choice, TRUSTED)
    assert found.step_seconds is not None and 0 < found.step_seconds < 0.5
    env = make_env(choice, TRUSTED)
    env.action_space.seed(0)
    observation, _ = env.reset(seed=0)
    for _ in range(50):
        assert env.observation_space.contains(observation)
        observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        assert np.isfinite(reward)
        if terminated or truncated:
            observation, _ = env.reset()
    env.close()


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_gives_the_same_episode(name: str) -> None:
    def episode() -> list[np.ndarray]:
        env = make_env(shipped(name), TRUSTED)
        env.action_space.seed(1)
        seen = [env.reset(seed=4)[0]]
        for _ in range(10):
            seen.append(env.step(env.action_space.sample())[0])
        env.close()
        return seen

    for one, other in zip(episode(), episode(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_config_dict_is_recognised_and_told_its_runner() -> None:
    choice = EnvChoice(id=f"{__name__}.ConfigDict", config={"size": 3})
    env = make_env(choice, HERE, worker_index=2, vector_index=1)
    seen = env.unwrapped.seen  # type: ignore[attr-defined]
    assert dict(seen) == {"size": 3} and (seen.worker_index, seen.vector_index) == (2, 1)
    assert env.observation_space.shape == (3,)


def test_wrappers_go_innermost_first_then_the_time_limit_then_the_guard() -> None:
    choice = EnvChoice(
        id="Pendulum-v1",
        wrappers=[
            {"_target_": "envs.wrappers.ScaleReward", "scale": 0.1},
            {"_target_": "gymnasium.wrappers.RescaleAction", "min_action": -1.0, "max_action": 1.0},
        ],
        max_episode_steps=300,
    )
    env = make_env(choice, TRUSTED)
    order = [type(layer).__name__ for layer in _layers(env)]
    assert order[:4] == ["Guard", "TimeLimit", "RescaleAction", "ScaleReward"]
    # The id's own limit of 200 steps has given way.
    assert sum(isinstance(layer, TimeLimit) for layer in _layers(env)) == 1
    env.reset(seed=0)
    steps = next(i for i in range(1, 1000) if env.step(np.zeros(1, np.float32))[3])
    assert steps == 300


def _layers(env: gymnasium.Env) -> list[gymnasium.Env]:
    layers = [env]
    while isinstance(layers[-1], gymnasium.Wrapper):
        layers.append(layers[-1].env)
    return layers


def test_id_with_a_module_registers_it() -> None:
    env = make_env(EnvChoice(id="minigrid:MiniGrid-Empty-5x5-v0"), TRUSTED)
    assert env.unwrapped.spec is not None and env.unwrapped.spec.id == "MiniGrid-Empty-5x5-v0"


REFUSED = [
    ({"id": "CartPol-v1"}, "env.id", "knows no environment 'CartPol-v1'", "CartPole-v1"),
    ({"id": "CartPole-v7"}, "env.id", "CartPole-v7", "CartPole-v1"),
    ({"id": "ALE/Nothing-v5"}, "env.id", "ALE/Nothing-v5", "env=atari env.config.id=ALE/Nothing-v5"),
    ({"id": "envs.testing.Corridr"}, "env.id", "envs.testing has no Corridr", "Corridor"),
    ({"id": "nowhere.Env"}, "env.id", "nowhere is not among the trusted modules", "trusted=+nowhere"),
    ({"id": "nowhere:Env-v0"}, "env.id", "nowhere is not among the trusted modules", "trusted=+nowhere"),
    ({"id": "subprocess.Popen"}, "env.id", "subprocess can load or run anything", ""),
    (
        {"id": "envs.testing.Corridor", "config": {"lenght": 3}},
        "env.config.lenght",
        "takes no such argument; it takes length, max_steps",
        "length",
    ),
    (
        {"id": "CartPole-v1", "config": {"render_mod": None}},
        "env.config.render_mod",
        "render_mod",
        "render_mode",
    ),
    (
        {"id": "envs.testing.NotFinite", "config": {"field": "action"}},
        "env.config",
        "ValueError: field must be observation or reward, not 'action'",
        "",
    ),
    ({"id": f"{__name__}.not_an_env"}, "env.id", "made a dict, not a gymnasium.Env", ""),
    (
        {"id": "CartPole-v1", "wrappers": [{"_target_": "envs.wrappers.ScaleReward", "scal": 2}]},
        "env.wrappers[0]",
        "takes no argument scal",
        "scale",
    ),
    (
        {"id": "CartPole-v1", "wrappers": [{"_target_": "envs.wrappers.OneHotObservation"}]},
        "env.wrappers[0]",
        "the observation space must be Discrete",
        "",
    ),
    ({"id": "CartPole-v1", "max_episode_steps": 0}, "env.max_episode_steps", "at least 1, not 0", ""),
    ({"id": "CartPole-v1", "max_consecutive_failures": 0}, "env.max_consecutive_failures", "at least 1", ""),
    (
        {"id": "CartPole-v1", "requires": {"no_such_module": "minigrid"}},
        "env",
        "needs the extra `minigrid`: the module no_such_module is not installed",
        "pip install 'rlexp[minigrid]'",
    ),
    (
        {"id": f"{__name__}.WrongShape", "config": {"size": 2}},
        "env",
        "an observation of shape (5,), not (2,)",
        "",
    ),
    (
        {"id": f"{__name__}.OutOfBounds", "config": {"size": 2}},
        "env",
        "obs[1] is 7.0, not between 0.0 and 1.0",
        "",
    ),
    ({"id": "envs.testing.Crashing", "config": {"p_crash": 1.0}}, "env", "failed 10 times in a row", ""),
    (
        {"id": "envs.testing.NotFinite", "config": {"at_step": 3}},
        "env",
        "returned nan in obs[1] at its step 3",
        "",
    ),
]


@pytest.mark.parametrize(("fields", "key", "message", "hint"), REFUSED, ids=[r[2][:30] for r in REFUSED])
def test_what_cannot_be_made_is_refused_with_a_reason(fields: Any, key: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        probe(EnvChoice(**fields), HERE)
    error = caught.value
    assert error.key == key
    assert message in str(error) and key.split("[")[0] in str(error)
    assert hint in str(error)


def test_env_config_is_plain_and_makes_the_environment_elsewhere() -> None:
    config = run_config(shipped("multiroom"), TRUSTED)
    config.env.settings = {"clip_actions": True, "normalize_actions": None}
    config.evaluation.env_config = {"rooms": 3}
    arguments = rllib_environment(config)
    assert arguments["env"] == "rlexp" and arguments["clip_actions"] is True
    assert "normalize_actions" not in arguments
    json.dumps(arguments)
    env = env_creator(pickle.loads(pickle.dumps(arguments["env_config"])))
    assert isinstance(env, Guard) and env.get_wrapper_attr("get_task")() == {"rooms": 2, "max_room": 4}
    other = env_creator(rllib_environment(config, evaluation=True)["env_config"])
    assert other.get_wrapper_attr("get_task")() == {"rooms": 3, "max_room": 4}


def test_import_paths_name_where_lab_packages_lie() -> None:
    root = str(Path(__file__).parents[2])
    paths = import_paths(["rlexp", "envs", "gymnasium", "no_such_package_at_all"])
    assert root in paths
    assert not any(p.endswith("site-packages") for p in paths)


def test_another_process_finds_a_lab_package_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "my_lab").mkdir()
    (tmp_path / "my_lab" / "__init__.py").write_text(
        "from envs.testing import Corridor\nclass Mine(Corridor): pass\n"
    )
    wire = {"id": "my_lab.Mine", "trusted": ["my_lab"], "import_paths": [str(tmp_path)]}
    code = f"from rlexp.environment.make import env_creator; print(env_creator({wire!r}).unwrapped)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert "Mine" in done.stdout, done.stderr


def test_importing_is_light() -> None:
    code = (
        "import sys, rlexp.environment.make, rlexp.environment.probe, rlexp.environment.action_spaces\n"
        "print([m for m in ('ray', 'torch', 'gymnasium', 'numpy') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr

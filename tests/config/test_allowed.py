"""What a config from elsewhere may name in each place; a lab of the reader's own is at hand."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from rlexp.config.trust.foreign import said_by
from rlexp.config.trust.import_path_check import refusals

LAB = ["allowed_lab"]


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab with a class of each kind, a function, and names that it only imports; it notes when it is imported."""
    package = tmp_path / "allowed_lab"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text(
        textwrap.dedent(
            """
            import gymnasium
            from gymnasium.wrappers import RecordVideo
            from rlexp.base.files.atomic import write_text

            class Maze(gymnasium.Env):
                pass

            class _Hidden(gymnasium.Env):
                pass

            class Louder(gymnasium.RewardWrapper):
                pass

            class Plain:
                def __init__(self, path):
                    pass

            def make_maze():
                return Maze()
            """
        )
    )
    (package / "broken.py").write_text("class Maze(:\n")
    (package / "script.py").write_text("raise SystemExit('the script ran')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [m for m in sys.modules if m.startswith("allowed_lab")]:
        monkeypatch.delitem(sys.modules, name)
    return package


def refused(plain: dict[str, Any], *granted: str) -> list[str]:
    return [key for key, _, _ in refusals(plain, LAB, granted)]


@pytest.mark.parametrize(
    "plain",
    [
        {"env": {"id": "CartPole-v1"}},
        {"env": {"id": "envs.multiroom.MultiRoom"}},
        {"env": {"id": "envs.minigrid.minigrid_env", "config": {"id": "MiniGrid-Empty-5x5-v0"}}},
        {"env": {"id": "envs.atari.atari", "vector_entry_point": "envs.atari_vector.atari_vector"}},
        {"env": {"id": "gymnasium.envs.classic_control.CartPoleEnv"}},
        {"env": {"id": "allowed_lab.parts.Maze"}},
        {"env": {"id": "allowed_lab.parts:Maze"}},
        {"env": {"id": "minigrid:MiniGrid-Empty-5x5-v0"}},
        {"env": {"id": "allowed_lab:Mine-v0"}},
        {"env": {"wrappers": [{"_target_": "allowed_lab.parts.Louder"}]}},
        {"env": {"wrappers": [{"_target_": "gymnasium.wrappers.TimeLimit", "max_episode_steps": 9}]}},
        {"env": {"wrappers": [{"_target_": "envs.wrappers.LastAction"}]}},
        {"callbacks": {"video": {"_target_": "callbacks.video.Video", "every": 2}}},
        {"tracking": {"wandb": {"_target_": "rlexp.tracking.wandb.WandbTracker"}}},
        {"exploration": {"_target_": "rlexp.exploration.epsilon_greedy.EpsilonGreedy"}},
        {"algorithm": {"config_class": "ray.rllib.algorithms.tqc.TQCConfig"}},
        {"algorithm": {"replay_buffer_config": {"type": "PrioritizedEpisodeReplayBuffer"}}},
        {"model": {"module_class": "rlexp.models.separate.SeparateActorCritic"}},
        {"metrics": {"height": {"info": "height", "reduce": "max"}}},
        {
            "curriculum": {
                "teacher": {
                    "_target_": "rlexp.curriculum.teachers.tracks.Tracks",
                    "tracks": {"level": {"_target_": "rlexp.curriculum.teachers.uniform.Uniform"}},
                }
            }
        },
    ],
    ids=str,
)
def test_shipped_parts_and_the_labs_classes_of_the_right_kind_may_be_named(plain: dict[str, Any]) -> None:
    assert refused(plain) == []


WRAP = "env.wrappers[0]._target_"


@pytest.mark.parametrize(
    ("plain", "key"),
    [
        ({"env": {"id": "allowed_lab.parts.make_maze"}}, "env.id"),
        ({"env": {"id": "allowed_lab.parts._Hidden"}}, "env.id"),
        ({"env": {"id": "allowed_lab.parts.Plain"}}, "env.id"),
        ({"env": {"id": "allowed_lab.parts.write_text"}}, "env.id"),
        ({"env": {"id": "allowed_lab.script.Maze"}}, "env.id"),
        ({"env": {"id": "allowed_lab.broken.Maze"}}, "env.id"),
        ({"env": {"id": "rlexp.policy.load"}}, "env.id"),
        ({"env": {"id": "elsewhere:Maze-v0"}}, "env.id"),
        ({"env": {"id": "elsewhere.Maze"}}, "env.id"),
        ({"env": {"id": "GymV26Environment-v0", "config": {"env_id": "elsewhere:Maze-v0"}}}, "env.id"),
        ({"env": {"id": "envs.testing.KillsItsProcess"}}, "env.id"),
        ({"env": {"id": "ray.rllib.env.wrappers.unity3d_env.Unity3DEnv"}}, "env.id"),
        ({"env": {"vector_entry_point": "gymnasium.make_vec"}}, "env.vector_entry_point"),
        ({"env": {"wrappers": [{"_target_": "allowed_lab.parts.RecordVideo"}]}}, WRAP),
        ({"env": {"wrappers": [{"_target_": "gymnasium.wrappers.TransformReward"}]}}, WRAP),
        ({"env": {"wrappers": [{"_target_": "allowed_lab.parts.Maze"}]}}, WRAP),
        (
            {"callbacks": {"a": {"_target_": "ray.rllib.callbacks.callbacks.RLlibCallback"}}},
            "callbacks.a._target_",
        ),
        (
            {"tracking": {"a": {"_target_": "rlexp.storage.runs.metrics_file.MetricsFile"}}},
            "tracking.a._target_",
        ),
        ({"metrics": {"a": {"_target_": "allowed_lab.parts.make_maze"}}}, "metrics.a._target_"),
        ({"model": {"module_class": "allowed_lab.parts.Plain"}}, "model.module_class"),
        ({"algorithm": {"config_class": "ray.rllib.algorithms.mock._MockTrainer"}}, "algorithm.config_class"),
        ({"stop": {"function": "allowed_lab.parts.make_maze"}}, "stop.function._target_"),
        ({"stop": {"function": {"_target_": "rlexp.policy.load"}}}, "stop.function._target_"),
        ({"curriculum": {"task_fn": "allowed_lab.parts.make_maze"}}, "curriculum.task_fn"),
        ({"curriculum": {"tasks": {"__class__": {"int": [1, 2]}}}}, "curriculum.tasks.__class__"),
        (
            {"curriculum": {"teacher": {"_target_": "rlexp.curriculum.teachers.parts.level_rows.LevelRows"}}},
            "curriculum.teacher._target_",
        ),
        (
            {"algorithm": {"replay_buffer_config": {"type": "ray.rllib.utils.replay_buffers.utils.x"}}},
            "algorithm.replay_buffer_config.type",
        ),
        (
            {"algorithm": {"replay_buffer_config": {"deep": [{"type": "os.system"}]}}},
            "algorithm.replay_buffer_config.deep.type",
        ),
        (
            {"callbacks": {"video": {"_target_": "callbacks.video.Video", "fps": {"_target_": "envs.x"}}}},
            "callbacks.video.fps._target_",
        ),
    ],
    ids=str,
)
def test_all_else_is_refused(plain: dict[str, Any], key: str) -> None:
    assert refused(plain) == [key]


def test_nothing_that_is_not_allowed_is_imported(lab: Path) -> None:
    refused({"env": {"id": "elsewhere_evil.Maze"}, "model": {"module_class": "allowed_lab.parts.Plain"}})
    assert "elsewhere_evil" not in sys.modules and "allowed_lab.parts" not in sys.modules


def test_what_the_command_line_grants_may_be_anything() -> None:
    plain = {
        "env": {
            "id": "elsewhere.make",
            "wrappers": [{"_target_": "elsewhere.wrap", "f": {"_target_": "elsewhere.f"}}],
        }
    }
    assert len(refused(plain)) == 3
    assert refused(plain, "elsewhere") == []


@pytest.mark.parametrize(
    ("overrides", "key", "said"),
    [
        (["env.id=X-v0"], "env.id", True),
        (["env.wrappers=[]"], "env.wrappers[0]._target_", True),
        (["env=cartpole"], "env.id", True),
        (["env={max_episode_steps: 5}"], "env.id", False),
        (["env={max_episode_steps: 5}"], "env.max_episode_steps", True),
        (["+callbacks.mine.every_s=3"], "callbacks.mine._target_", False),
    ],
)
def test_an_override_is_the_persons_word_for_its_own_keys_alone(
    overrides: list[str], key: str, said: bool
) -> None:
    assert said_by(overrides)(key) is said


def test_a_choice_that_may_be_a_strangers_file_is_nobodys_word() -> None:
    assert not said_by(["hardware=fast", "callbacks=[evil]"], choices_are_theirs=True)("hardware.env_vars.X")
    assert said_by(["hardware.address=local"], choices_are_theirs=True)("hardware.address")

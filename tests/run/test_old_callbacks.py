"""A callback that was written for RLlib's old API stack is told what to write now, by its name and hook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import old_callbacks
import pytest
from gymnasium.vector import SyncVectorEnv
from harness import cli, tiny
from ray.rllib.env.single_agent_episode import SingleAgentEpisode

from envs.testing import Corridor
from rlexp.base.errors import ConfigError
from rlexp.run.building.old_callback_hooks import PASSED, OldCallbackError, check_hooks, named_hooks

HERE = Path(__file__).parent
LET = "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,old_callbacks]"


def words(name: str) -> list[str]:
    return [f"+callbacks.mine={{_target_: old_callbacks.{name}}}", LET]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "OldSignature",
            ["OldSignature.on_episode_step cannot take", "'worker'", "def on_episode_step(self, *, "],
        ),
        ("ClosedSignature", ["on_train_result cannot take", "'metrics_logger'", "result, **kwargs)"]),
        ("Postprocesses", ["on_postprocess_trajectory is never called", "on_sample_end"]),
        ("NoCallback", ["is no callback of RLlib", "RLlibCallback"]),
    ],
)
def test_a_hook_that_rllib_cannot_call_is_refused_before_anything_starts(name: str, says: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        check_hooks("callbacks.mine", getattr(old_callbacks, name)())
    message = str(caught.value)
    assert message.startswith(f"callbacks.mine: old_callbacks.{name}")
    for part in says:
        assert part in message


def episode() -> SingleAgentEpisode:
    return SingleAgentEpisode(
        observations=[np.zeros(1), np.zeros(1)], actions=[0], rewards=[1.0], infos=[{}, {}]
    )


@pytest.mark.parametrize(
    ("name", "hook", "given", "instead"),
    [
        ("CountsAgents", "on_episode_end", {"episode": episode}, "episode.agent_ids"),
        ("LogsAsBefore", "on_episode_end", {"episode": episode}, "metrics_logger.log_value(name, value)"),
        (
            "ReadsOldResult",
            "on_train_result",
            {"result": dict},
            'result["env_runners"]["episode_return_mean"]',
        ),
        ("LooksIntoBaseEnv", "on_episode_step", {"episode": episode}, "env.unwrapped.envs"),
        (
            "LooksIntoBaseEnv",
            "on_episode_step",
            {"episode": episode, "base_env": lambda: SyncVectorEnv([Corridor])},
            "env.unwrapped.envs",
        ),
        ("KeepsData", "on_episode_start", {"episode": episode}, "SingleAgentEpisode.custom_data"),
    ],
)
def test_what_a_hook_uses_that_is_gone_is_named_with_what_to_use_instead(
    name: str, hook: str, given: dict[str, Any], instead: str
) -> None:
    callback = named_hooks(getattr(old_callbacks, name), "callbacks.mine")
    with pytest.raises(OldCallbackError) as caught:
        getattr(callback, hook)(**{key: make() for key, make in given.items()})
    first, fix = str(caught.value).split("\n")
    assert first.startswith(f"callbacks.mine: old_callbacks.{name}.{hook} uses what RLlib no longer has: ")
    assert "old_callbacks.py:" in first and fix.startswith("  fix: ") and instead in fix


def test_an_error_of_the_callback_itself_stays_what_it_is() -> None:
    with pytest.raises(AttributeError):
        named_hooks(old_callbacks.OwnError, "callbacks.mine").on_train_result(result={})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "hook", "instead", "more"),
    [
        ("AsksWorkers", "on_train_result", "algorithm.env_runner_group.foreach_env_runner(function)", []),
        ("CountsAgents", "on_episode_end", "episode.agent_ids", ["fast=never"]),
        (
            "CountsAgents",
            "on_episode_end",
            "episode.agent_ids",
            ["hardware=laptop", "hardware.num_env_runners=1", "hardware.num_cpus_for_main_process=0"],
        ),
    ],
)
def test_a_run_ends_with_one_line_on_the_callback(
    name: str, hook: str, instead: str, more: list[str], tmp_path: Path
) -> None:
    where = more or ["hardware=local"]
    run = ["env=cartpole", "debug=tiny", "tracking=none", "name=a", "callbacks=none", *words(name), *where]
    ended = cli(*run, cwd=tmp_path, PYTHONPATH=str(HERE))
    text = ended.stdout + ended.stderr
    assert ended.returncode == 1 and "Traceback" not in text, text
    (line,) = [line for line in text.splitlines() if line.startswith("error: ")]
    assert line.startswith(
        f"error: callbacks.mine: old_callbacks.{name}.{hook} uses what RLlib no longer has"
    )
    assert instead in text
    assert "Traceback" in (tmp_path / "runs" / "a" / "error.txt").read_text()


@pytest.mark.slow
def test_the_arguments_that_hooks_are_said_to_get_are_those_that_rllib_passes(tmp_path: Path) -> None:
    import rlexp

    for fast, name in (("always", "NotesNoSamples"), ("never", "Notes")):
        old_callbacks.SEEN.clear()
        config = tiny(f"runs_dir={tmp_path}", "env=cartpole", *words(name), f"fast={fast}", f"name={fast}")
        assert rlexp.train(config).error is None
        seen = dict(old_callbacks.SEEN)
        assert len(seen) >= 8 and {hook: set(PASSED[hook]) for hook in seen} == seen

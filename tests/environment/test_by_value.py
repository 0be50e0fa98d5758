"""Classes of the script or notebook itself, and ids that it has registered, reach processes that know neither."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from harness import CHECKOUT

SCRIPT = """
import sys

import gymnasium
import numpy as np
from gymnasium import spaces
from ray.rllib.callbacks.callbacks import RLlibCallback

import rlexp
from rlexp.base.errors import ConfigError


class Walk(gymnasium.Env):
    observation_space, action_space = spaces.Box(0, 1, (1,), np.float32), spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.steps += 1
        return np.zeros(1, np.float32), 1.0, self.steps == 9, False, {}


class Count(RLlibCallback):
    def on_episode_end(self, *, metrics_logger=None, **kwargs):
        metrics_logger.log_value("mine", 1.0)


def length(episode):
    return float(len(episode))


gymnasium.register("Walk-v0", entry_point=Walk)
OWN = ["env.id=__main__.Walk", "metrics={length: {_target_: __main__.length}}"]
COMMON = ["env=gym", "tracking=none", "callbacks=none", "debug=tiny", "hardware=local", "name=own"]
"""


def script(folder: Path, body: str, **environment: str) -> str:
    """What a script of one's own prints."""
    (folder / "own.py").write_text(SCRIPT + textwrap.dedent(body))
    done = subprocess.run(
        [sys.executable, "own.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "RLEXP_HOME": str(folder / "home"), **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


TRAIN = """
outcome = rlexp.train(rlexp.compose([*COMMON, *WORDS]))
assert outcome.status == "done", outcome.error
print(rlexp.evaluate(outcome.folder)["metrics"]["eval/return_mean"])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    ["[*OWN, 'callbacks={c: {_target_: __main__.Count}}']", "[*OWN, 'hardware.num_env_runners=1']"]
    + ["['env.id=Walk-v0', 'hardware.num_env_runners=1']"],
    ids=["in this process", "in env runners", "a registered id in env runners"],
)
def test_a_script_trains_in_its_own_environment(tmp_path: Path, words: str) -> None:
    told = script(tmp_path, f"WORDS = {words}\n{TRAIN}")
    assert told.strip().endswith("9.0")
    last = json.loads((tmp_path / "runs" / "own" / "metrics.jsonl").read_text().splitlines()[-1])
    assert "Walk-v0" in words or last["custom/length_mean"] == 9.0
    assert "Count" not in words or last["custom/mine"] == 1.0


@pytest.mark.slow
def test_another_program_says_where_the_class_is_and_a_sweep_says_so_before_it_starts(tmp_path: Path) -> None:
    told = script(
        tmp_path,
        """
        for words in (OWN, ["env.id=Walk-v0"]):
            try:
                rlexp.multirun(["env=gym", *words, "seed=0,1", "tracking=none", "stop.env_steps=100"])
            except ConfigError as error:
                print(error)
        del Walk
        try:
            rlexp.make_env(rlexp.compose([*COMMON, "env.id=__main__.Walk"]))
        except ConfigError as error:
            print(error)
        """,
    )
    assert "which trials cannot import" in told and "registered by this program" in told
    assert "this is another program" in told and not (tmp_path / "sweeps").exists()

"""What somebody does with a new lab: adds an environment and a callback, trains, evaluates, resumes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import records

Rlexp = Callable[..., "subprocess.CompletedProcess[str]"]
"""`rlexp(*words, cwd=...)`: the command as it is installed; a failure raises."""

ENVIRONMENT = '''
import gymnasium as gym


class Ladder(gym.Env):
    """Climb to the top: observation the rung, actions down and up, reward 1 a rung gained."""

    def __init__(self, rungs: int):
        self.observation_space = gym.spaces.Discrete(rungs)
        self.action_space = gym.spaces.Discrete(2)
        self.rungs, self.at = rungs, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = 0
        return self.at, {}

    def step(self, action):
        before, self.at = self.at, max(0, self.at + (1 if action else -1))
        return self.at, float(self.at - before), self.at == self.rungs - 1, False, {"rung": self.at}
'''

ENVIRONMENT_CHOICE = """\
# A ladder to climb.
id: {package}.envs.ladder.Ladder  # import path of the class
config:
  rungs: 5                        # how high it is
wrappers:
  - _target_: envs.wrappers.OneHotObservation  # a shipped wrapper: the rung as a vector
max_episode_steps: 20             # steps after which an episode is cut off
"""

CALLBACK = '''
import os

from rlexp.engine.run_callback import RunCallback


class Processes(RunCallback):
    """Notes each process that an episode ends in, in a file of its own."""

    METRICS = ("offset",)

    def __init__(self, folder: str, offset: float = 0.0):
        super().__init__()
        self.folder, self.offset = folder, offset

    def on_episode_end(self, *, metrics_logger=None, env_runner=None, **kwargs):
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, str(env_runner.worker_index)), "a") as file:
            file.write(f"{os.getpid()}\\n")
        self.log_metric(metrics_logger, "offset", self.offset)
'''

CALLBACK_CHOICE = """\
# Which process each episode ends in.
{package}_processes:
  _target_: {package}.callbacks.processes.Processes
  folder: ???     # where the notes are made
  offset: 1.5     # a figure to log
"""


def add_parts(lab: Path) -> None:
    """A new environment and a new callback, each a file of Python and a YAML."""
    package = lab.name
    for path, text in (
        (f"{package}/envs/ladder.py", ENVIRONMENT),
        (f"conf/env/{package}_ladder.yaml", ENVIRONMENT_CHOICE),
        (f"{package}/callbacks/processes.py", CALLBACK),
        (f"conf/callbacks/{package}_processes.yaml", CALLBACK_CHOICE),
    ):
        file = lab / path
        assert not file.exists()
        file.write_text(text.replace("{package}", package))


def course(rlexp: Rlexp, lab: Path) -> None:
    """Lists, trains with two remote runners, evaluates and resumes; `lab` has the parts of `add_parts`."""
    package, notes = lab.name, lab / "notes"
    listed = rlexp("list", "env", cwd=lab).stdout
    assert f"{package}_ladder" in listed and "A ladder to climb." in listed
    assert f"{package}_example" in listed and "cartpole (default)" in listed
    rlexp(
        f"env={package}_ladder",
        f"callbacks=[episode_stats,{package}_processes]",
        f"callbacks.{package}_processes.folder={notes}",
        "debug=tiny",
        "hardware=local",
        "hardware.num_env_runners=2",
        "hardware.num_cpus_per_env_runner=0.1",
        "name=first",
        cwd=lab,
    )
    run = lab / "runs" / "first"
    before = _status(run, "done")["env_steps"]
    assert records(run)[-1]["custom/offset_mean"] == 1.5
    assert {"1", "2"} <= {file.name for file in notes.iterdir()}, "the lab's code ran in both remote runners"
    assert len({file.read_text().split()[0] for file in notes.iterdir()}) >= 2
    rlexp("evaluate", "runs/first", "evaluation.evaluation_duration=3", cwd=lab)
    result = json.loads((run / "evaluation.json").read_text())
    assert result["metrics"]["eval/episodes"] == 3
    assert -1 <= result["metrics"]["eval/return_mean"] <= 4
    rlexp("resume", "runs/first", "stop.iterations=3", "hardware.num_env_runners=0", cwd=lab)
    assert _status(run, "done")["env_steps"] > before
    assert [record["iteration"] for record in records(run)] == [1, 2, 3]


def _status(run: Path, wanted: str) -> dict[str, Any]:
    summary = json.loads((run / "summary.json").read_text())
    assert summary["status"] == wanted
    return summary

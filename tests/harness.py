"""Runs for end-to-end tests: small ones in this process, commands in a process of their own, and damage to files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from ray.rllib.env.single_agent_episode import SingleAgentEpisode

    from rlexp.config.schema import RunConfig
    from rlexp.run.train import Outcome

CHECKOUT = Path(__file__).resolve().parent.parent
CONF = CHECKOUT / "conf"


def tiny(*overrides: str) -> RunConfig:
    """A composed run that takes seconds: two iterations in this process, if the overrides agree."""
    import rlexp

    return rlexp.compose(["hardware=local", "callbacks=none", "debug=tiny", *overrides])


def train_tiny(overrides: Sequence[str], tmp_path: Path) -> Outcome:
    """Trains `tiny(*overrides)` here, in `tmp_path/runs`; a run that fails raises its own trace."""
    import rlexp

    outcome = rlexp.train(tiny(f"runs_dir={tmp_path / 'runs'}", *overrides))
    if outcome.error is not None:
        raise AssertionError((outcome.folder / "error.txt").read_text())
    return outcome


def cli(*words: str, cwd: Path, timeout: float = 120, **env: str) -> subprocess.CompletedProcess[str]:
    """`rlexp <words>` in a process of its own, in `cwd`; stdout and stderr are captured as text."""
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    inherited = {**os.environ, "PYTHONPATH": path, "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "rlexp.cli.main", *words]
    return subprocess.run(
        command,
        cwd=cwd,
        env={**inherited, **env},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def records(run: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's `metrics.jsonl`; none where it has not begun to write."""
    file = run / "metrics.jsonl"
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


@cache
def choices(group: str) -> list[str]:
    """The shipped choices of a group whose extras are installed; a YAML that is added is tested by itself."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml") if _installed(path))


def _installed(choice: Path) -> bool:
    needs = (yaml.safe_load(choice.read_text()) or {}).get("requires") or {}
    return all(find_spec(module) is not None for module in needs)


def flip(file: Path, position: int = 0, mask: int = 1) -> None:
    """One bit of a file changes; its size stays."""
    content = bytearray(file.read_bytes())
    content[position] ^= mask
    file.write_bytes(content)


class Canary:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def tree(folder: Path) -> dict[str, str]:
    """What lies below a folder, but for the lock."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".lock" not in path.name)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def episode_of(infos: list[dict[str, float]], t_started: int = 0) -> SingleAgentEpisode:
    """A piece of an episode with these infos, the first of them of the step before; each step has a reward of 1."""
    from ray.rllib.env.single_agent_episode import SingleAgentEpisode

    count = len(infos) - 1
    return SingleAgentEpisode(
        observations=[0] * (count + 1),
        actions=[0] * count,
        rewards=[1.0] * count,
        infos=infos,
        t_started=t_started,
        len_lookback_buffer=0,
    )


def address_space() -> int:
    """Bytes of it that this process uses."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def sweep_state(folder: Path) -> dict[str, Any]:
    """A sweep's own record."""
    state: dict[str, Any] = json.loads((folder / "sweep.json").read_text())
    return state

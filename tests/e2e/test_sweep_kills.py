"""One sweep, killed at twenty random moments: only forward, and a kill costs a checkpoint's interval at most."""

from __future__ import annotations

import random
import time
from pathlib import Path

import psutil
import pytest
from harness import records
from processes import BATCH, CARTPOLE, Child, checkpoints, manifest, rlexp_child, trials

KILLS, EVERY, BUDGET, TRIALS = 20, 5, 100 * BATCH, 8
SWEEP = (
    "-m",
    *CARTPOLE,
    "callbacks=none",
    "sweep.name=a",
    f"stop.env_steps={BUDGET}",
    f"checkpoint.every={EVERY}",
)
NAMES = [f"{seed:03d}-seed={seed}" for seed in range(TRIALS)]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def made(folder: Path) -> dict[str, int]:
    """Env steps that each trial has told of."""
    return {name: rows[-1]["env_steps"] for name in NAMES if (rows := records(folder / "trials" / name))}


def kept(folder: Path, name: str) -> int:
    """Env steps in a trial's newest checkpoint."""
    names = checkpoints(folder / "trials" / name)
    return max((int(each.removeprefix("step_")) for each in names if each.startswith("step_")), default=0)


def kill_some_time(child: Child, folder: Path, rng: random.Random) -> None:
    """In the first seconds, or some time after a trial has gone on."""
    before, family = made(folder), []
    if rng.random() < 0.3:
        until = time.monotonic() + rng.uniform(0.0, 8.0)
        while time.monotonic() < until and child.process.poll() is None:
            time.sleep(0.01)
    else:
        child.until(lambda: made(folder) != before or child.process.poll() is not None)
        time.sleep(rng.uniform(0.0, 1.5))
    family = child.family
    child.kill()
    assert not psutil.wait_procs(family, timeout=30.0)[1], "the trials' processes end with their driver"


def test_twenty_random_kills(tmp_path: Path) -> None:
    folder, rng, lost = tmp_path / "sweeps" / "a", random.Random(20), list[int]()
    done: dict[str, bytes] = {}
    words = (*SWEEP, f"seed=range({TRIALS})")
    kills = 0
    # A slow machine needs more kills until a trial is done between two.
    while kills < KILLS or (not done and kills < 3 * KILLS):
        kills += 1
        floor = {name: kept(folder, name) for name in NAMES} if folder.exists() else {}
        with rlexp_child(*words, folder=tmp_path) as child:
            kill_some_time(child, folder, rng)
        if (folder / "plan.json").is_file() and (folder / "trials.jsonl").is_file():
            words = ("resume", "sweeps/a")
        for name in NAMES:
            assert kept(folder, name) >= floor.get(name, 0), "only forward"
            path = folder / "trials" / name / "metrics.jsonl"
            assert name not in done or path.read_bytes() == done[name], "what is done is not run again"
            if path.is_file() and manifest(path.parent)["status"] == "done":
                done[name] = path.read_bytes()
        lost += [steps - kept(folder, name) for name, steps in made(folder).items() if name not in done]
    with rlexp_child("resume", "sweeps/a", folder=tmp_path) as child:
        assert child.end(300) == 0, child.text
    assert {trial["status"] for trial in trials(folder).values()} == {"done"}
    for name in NAMES:
        steps = [row["env_steps"] for row in records(folder / "trials" / name)]
        assert steps == list(range(BATCH, BUDGET + 1, BATCH)), "no step twice or lost"
    print(
        f"{kills} kills: at most {max(lost):,} env steps lost in a trial, {sum(lost):,} in all; {len(done)} done before"
    )
    assert done, "some were done before the last kill, so that running them again would have been seen"
    assert max(lost) <= EVERY * BATCH

"""Recorded data of a stranger's: packed columns that would run code end the run, and run nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from harness import Canary, tiny

import rlexp

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ray_session")]


def recorded(folder: Path, hostile: object | None) -> Path:
    """Steps of CartPole as RLlib's writers pack them; the observation of one of them is another thing."""
    from ray.rllib.utils.compression import pack

    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for episode in range(40):
        for step in range(10):
            before, after = (rng.normal(size=4).astype(np.float32) for _ in range(2))
            rows.append(
                {
                    "eps_id": str(episode),
                    "obs": pack(before if hostile is None or rows else hostile),
                    "new_obs": pack(after),
                    "actions": int(rng.integers(2)),
                    "rewards": 1.0,
                    "terminateds": step == 9,
                    "truncateds": False,
                }
            )
    (folder / "steps.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def trained(tmp_path: Path, data: Path) -> rlexp.run.train.Outcome:  # type: ignore[name-defined]
    words = ["algorithm=bc", "env=cartpole", "data=recorded", "data.input_read_method=read_json"]
    return rlexp.train(tiny(*words, f"data.input_={data}", f"runs_dir={tmp_path / 'runs'}", "tracking=none"))


def test_packed_arrays_train_without_trust(tmp_path: Path) -> None:
    outcome = trained(tmp_path, recorded(tmp_path / "data", None))
    assert outcome.status == "done", outcome.error


def test_a_packed_program_ends_the_run_and_does_not_run(tmp_path: Path) -> None:
    outcome = trained(tmp_path, recorded(tmp_path / "data", Canary(tmp_path / "canary")))
    assert not (tmp_path / "canary").exists()
    assert outcome.status == "failed" and "data.trust=true" in (outcome.folder / "error.txt").read_text()

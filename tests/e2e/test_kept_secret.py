"""A secret that a config takes from the environment: used by the run and by the one that goes on, and in no file."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import records
from processes import Child, corridor

pytestmark = pytest.mark.slow

VALUE = "tok-5f1c9e77aa"
TOKEN = "+env.config.api_token=${oc.env:MY_TOKEN}"
ENV = """
import os
import envs.testing
class Locked(envs.testing.Corridor):
    def __init__(self, api_token, **more):
        if api_token != "tok-" + "5f1c9e77aa":
            raise ValueError("wrong token")
        super().__init__(**more)
"""


def holding(folder: Path) -> list[str]:
    """Files below a folder in which the value stands, compressed or not."""
    files = (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return [str(file) for file in files if VALUE.encode() in file.read_bytes()]


def test_a_run_is_killed_and_goes_on_without_its_secret_in_any_file(tmp_path: Path) -> None:
    (tmp_path / "locked_env.py").write_text(ENV)
    words = [word for word in corridor() if not word.startswith(("env.id=", "tracking="))]
    words += [
        "env.id=locked_env.Locked",
        "tracking=wandb",
        "tracking.wandb.mode=offline",
        "name=a",
        "callbacks=none",
    ]
    run = tmp_path / "runs" / "a"
    begun = Child([*words, TOKEN], tmp_path, MY_TOKEN=VALUE, PYTHONPATH=str(tmp_path))
    begun.until(lambda: (run / "checkpoints" / "latest").exists() and len(records(run)) > 3)
    begun.kill()
    before = records(run)[-1]["env_steps"]
    assert "${oc.env:MY_TOKEN}" in (run / "config.yaml").read_text() and holding(tmp_path / "runs") == []

    resume = ["resume", "runs/a", TOKEN.lstrip("+"), f"stop.env_steps={before + 2000}"]
    again = Child(resume, tmp_path, MY_TOKEN=VALUE, PYTHONPATH=str(tmp_path))
    assert again.end() == 0, again.text
    assert records(run)[-1]["env_steps"] >= before + 2000
    assert list(run.rglob("*.wandb")) and holding(tmp_path / "runs") == []

    for more in ({}, {"MY_TOKEN": VALUE}):
        given = resume if not more else [word for word in resume if "MY_TOKEN" not in word]
        refused = Child([*given[:-1], "stop.env_steps=99999999"], tmp_path, PYTHONPATH=str(tmp_path), **more)
        assert refused.end() == 2, refused.text
        assert "MY_TOKEN" in refused.text and "Traceback" not in refused.text and VALUE not in refused.text

"""Every choice of the `tracking` group builds its tracker; chosen together they stand side by side."""

from __future__ import annotations

import inspect
import os
from pathlib import Path

import pytest
import yaml

from rlexp.config.callables.targets import DEFAULT_TRUSTED, build, check
from rlexp.tracking.background import Background
from rlexp.tracking.redact import redacted

CONF = Path(__file__).parents[2] / "conf" / "tracking"
FILES = sorted(CONF.glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_choice_builds_and_names_every_argument(file: Path) -> None:
    lines = file.read_text().splitlines()
    assert lines[0].startswith("# ")
    assert lines[0].endswith(".")
    assert all("#" in line for line in lines if line.startswith("  "))
    for name, spec in (yaml.safe_load(file.read_text()) or {}).items():
        assert name == file.stem
        cls = check(spec, DEFAULT_TRUSTED, key=f"tracking.{name}")
        assert set(inspect.signature(cls).parameters) == set(spec) - {"_target_"}
        tracker = build(spec, DEFAULT_TRUSTED)
        for hook in ("on_run_start", "on_record", "on_checkpoint", "on_run_end"):
            assert callable(getattr(tracker, hook))


def test_the_choices_merge() -> None:
    nodes = [yaml.safe_load(file.read_text()) or {} for file in FILES]
    merged = {name: spec for node in nodes for name, spec in node.items()}
    assert set(merged) == {"wandb", "tensorboard"}


def test_secrets_are_hidden_and_everything_else_stays() -> None:
    config = {
        "api_key": "a",
        "apikey": "b",
        "env_vars": [{"HF_TOKEN": "c"}],
        "action_mask_key": "mask",
        "lr": 0.1,
    }
    expected = {
        "api_key": "***",
        "apikey": "***",
        "env_vars": [{"HF_TOKEN": "***"}],
        "action_mask_key": "mask",
    }
    assert redacted(config) == {**expected, "lr": 0.1}


def test_a_writer_that_cannot_be_opened_or_hangs_does_not_hold_up_the_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails() -> None:
        raise OSError("no such place")

    background = Background("X", fails)
    background.put(lambda writer: None)
    assert background.close(5)
    assert "X could not be started: OSError: no such place" in caplog.text

    read, write = os.pipe()
    hanging = Background("Y", lambda: os.read(read, 1))
    assert not hanging.close(0.1)
    assert "Y did not finish within" in caplog.text
    os.write(write, b"x")
    assert hanging.close(5)
    os.close(read)
    os.close(write)

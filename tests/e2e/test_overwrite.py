"""`overwrite=true` loses no run to a command that could not have trained."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from breaking import TRUSTED
from harness import records, tree
from processes import CARTPOLE, Command, corridor, manifest

from rlexp.storage.runs.overwritten_run import FAILED_ATTEMPT
from rlexp.storage.runs.run_folder import RunFolder


@pytest.fixture
def old(at_home: Path) -> Path:
    with RunFolder.create("runs", "a") as run:
        run.update_manifest(status="done")
        run.write_config({"seed": 3})
        run.metrics.write_text('{"env_steps": 1}\n')
        run.checkpoints.mkdir()
        (run.checkpoints / "weights").write_text("precious")
    return run.path


BREAKS = "+callbacks.broken={_target_: breaking.Breaks, hook: %s}"
FAILING: dict[str, tuple[int, str, list[str]]] = {
    "an unknown argument of the environment": (2, "no_such_thing", [*corridor(no_such_thing=1)]),
    "an unreachable cluster": (2, "no Ray cluster", [*CARTPOLE, "hardware.address=127.0.0.1:1"]),
    "a wrapper that fails": (
        2,
        "FlattenObservation",
        [*CARTPOLE, "env.wrappers=[{_target_: gymnasium.wrappers.FlattenObservation, x: 1}]"],
    ),
    "a bad argument of a callback": (
        2,
        "callbacks.p",
        [*CARTPOLE, "+callbacks.p={_target_: callbacks.progress.Progress, x: 1}"],
    ),
    "a checkpoint that is not there": (2, "there is no nowhere", [*CARTPOLE, "checkpoint.from=nowhere"]),
    "a callback that fails at the start": (
        1,
        "in on_run_start",
        [*CARTPOLE, BREAKS % "on_run_start", TRUSTED],
    ),
    "an environment that breaks in its first steps": (
        1,
        "the simulator is gone",
        [*corridor(), "env.id=breaking.BreaksForGood", "+env.config.good=60", TRUSTED],
    ),
}


@pytest.mark.parametrize(
    "why", [pytest.param(why, marks=pytest.mark.slow if "first steps" in why else ()) for why in FAILING]
)
def test_a_run_that_cannot_begin_leaves_the_one_it_was_to_replace(
    command: Command, old: Path, why: str
) -> None:
    code, said, words = FAILING[why]
    before = tree(old)
    found, told = command("callbacks=none", *words, "name=a", "overwrite=true", "stop.iterations=1")
    assert found == code and said in told, told
    after = tree(old)
    trace = after.pop(FAILED_ATTEMPT, None)
    assert after == before
    assert (trace is not None) == (code == 1)
    if trace is not None:
        assert "Traceback" in trace and f"a/{FAILED_ATTEMPT}" in told and "is back" in told


def test_a_damaged_key_leaves_it_too(command: Command, old: Path) -> None:
    home = Path(os.environ["RLEXP_HOME"])
    home.mkdir(exist_ok=True)
    (home / "seal.key").write_text("no key")
    before = tree(old)
    assert command(*CARTPOLE, "name=a", "overwrite=true", "callbacks=none")[0] == 2
    assert tree(old) == before


def test_the_first_iteration_replaces_it(train: Callable[..., Any], old: Path) -> None:
    outcome = train(*CARTPOLE, "name=a", "overwrite=true", "stop.iterations=1")
    assert outcome.status == "done" and manifest(old)["status"] == "done"
    assert not (old / ".earlier").exists() and not (old / "checkpoints" / "weights").exists()
    assert [line["iteration"] for line in records(old)] == [1]

"""A stranger's run folder: a finished run whose config or checkpoints were made hostile."""

from __future__ import annotations

import copy
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import Canary

from rlexp.storage.checkpoint import seal

Commands = dict[str, Callable[[Path], list[str]]]
ROUTES: Commands = {
    "resume": lambda run: ["resume", str(run), "stop.iterations=9"],
    "evaluate": lambda run: ["evaluate", str(run)],
    "--config-dir": lambda run: ["--config-dir", str(run)],
}


def doctored(run: Path, to: Path, change: Callable[[dict[str, Any]], None], text: str = "") -> Path:
    """A copy of a run's folder with another config, in its checkpoints too, sealed by a stranger."""
    shutil.copytree(run, to, symlinks=True)
    for file in (to / "config.yaml", *(to / "checkpoints").glob("step_*/config.yaml")):
        config = yaml.safe_load(file.read_text())
        change(config)
        file.write_text(yaml.safe_dump(config) + text)
    reseal(to)
    return to


def reseal(run: Path) -> None:
    """Seals a run's checkpoints as they are now, with a stranger's key."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RLEXP_HOME", str(run.parent / "stranger"))
        for folder in (run / "checkpoints").glob("step_*"):
            own = seal.read(folder)
            seal.write(
                folder, step=own.step, score=own.score, mode=own.mode, meta=own.meta, serial=own.serial
            )


def put(dotted: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        *groups, last = dotted.split(".")
        node = config
        for group in groups:
            node = node.setdefault(group, {})
        node[last] = copy.deepcopy(value)

    return change


EVIL = {"_target_": "evil_payload.run"}
SHELL = {"_target_": "os.system", "command": "touch ../canary"}


def poison(run: Path, canary: Path) -> int:
    """Makes the pickles of all checkpoints hostile; how many there are."""
    pickles = list((run / "checkpoints").glob("step_*/**/class_and_ctor_args.pkl"))
    for file in pickles:
        file.write_bytes(pickle.dumps(Canary(canary)))
    return len(pickles)

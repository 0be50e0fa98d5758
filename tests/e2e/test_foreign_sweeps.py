"""A stranger's sweep runs nothing here, whatever was frozen in it (fault 37)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from strangers import put
from test_security import HOSTILE

from rlexp.cli.main import main
from rlexp.sweep.folder import SweepFolder, SweepRequest
from rlexp.sweep.planning.plan import plan

pytestmark = pytest.mark.usefixtures("payload")

GRANTS_ITSELF: dict[str, tuple[str, Any, str]] = {
    "trusted checkpoints": ("checkpoint.trust", True, "checkpoint.trust")
}


@pytest.fixture(params=["", "sweep=optuna"], ids=["planned", "drawn"])
def frozen(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A sweep that has not begun."""
    words = ["env=cartpole", "tracking=none", "evaluation=none", "algorithm.lr=interval(0.001,0.01)"]
    words += [request.param or "sweep=random", "sweep.trials=2", f"sweep.dir={tmp_path}"]
    return SweepFolder.create(plan(words), "theirs", ["rlexp"], SweepRequest(tuple(words))).path


@pytest.mark.parametrize("kind", [*HOSTILE, *GRANTS_ITSELF])
def test_37_a_foreign_sweep_runs_nothing(
    capsys: pytest.CaptureFixture[str], frozen: Path, payload: Path, kind: str
) -> None:
    key, value, named = {**HOSTILE, **GRANTS_ITSELF}[kind]
    change = put(key, value)
    lines = [json.loads(line) for line in (frozen / "trials.jsonl").read_text().splitlines()]
    for line in lines:
        change(line["config"])
    (frozen / "trials.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if (frozen / "search.json").is_file():
        search = json.loads((frozen / "search.json").read_text())
        for base in search["bases"]:
            change(base["composed"]["plain"])
        (frozen / "search.json").write_text(json.dumps(search))
    assert main(["resume", str(frozen)]) == 2
    told = capsys.readouterr().err
    assert (named in told or "damaged" in told) and "Traceback" not in told and "s3cr3t" not in told
    assert not payload.exists() and "evil_payload" not in sys.modules
    assert not (frozen / "trials").exists() and not (frozen / "log.txt").exists(), "nothing had started"

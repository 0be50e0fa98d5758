"""A stranger's or an altered checkpoint runs nothing here (fault 38).

Each hostile thing would write a canary file if it ran; that it can is shown where the user has trusted it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from strangers import ROUTES, doctored, poison, reseal

import rlexp
from rlexp.base.errors import CheckpointError
from rlexp.cli.main import main

pytestmark = pytest.mark.usefixtures("payload")


@pytest.fixture
def theirs(finished: Path, tmp_path: Path, payload: Path) -> Path:
    """A stranger's run: hostile pickles under a right seal of theirs, and a config that trusts them."""

    def change(config: dict[str, Any]) -> None:
        config["checkpoint"]["trust"] = True

    run = doctored(finished, tmp_path / "theirs", change)
    assert poison(run, payload) > 0
    reseal(run)
    return run


@pytest.mark.parametrize("route", ["resume", "evaluate", "checkpoint.from"])
def test_38_a_hostile_checkpoint_is_refused(
    capsys: pytest.CaptureFixture[str], theirs: Path, payload: Path, route: str
) -> None:
    argv = ROUTES[route](theirs) if route in ROUTES else [f"checkpoint.from={theirs}", "hardware=local"]
    assert main(argv) == 2
    told = capsys.readouterr().err
    assert "was not made by this user" in told and "checkpoint.trust=true" in told
    assert not payload.exists() and not Path("runs").exists()


def test_38_load_refuses_it_too_and_trust_is_the_users_own_word(theirs: Path, payload: Path) -> None:
    with pytest.raises(CheckpointError, match="was not made by this user"):
        rlexp.load(theirs)
    assert not payload.exists()
    with pytest.raises(Exception):  # noqa: B017 - what unpickled is no module; whatever that raises
        rlexp.load(theirs, trust=True)
    assert payload.exists(), "the checkpoint was hostile indeed"


def test_38_an_altered_checkpoint_of_ones_own_is_refused(
    capsys: pytest.CaptureFixture[str], finished: Path, tmp_path: Path, payload: Path
) -> None:
    run = tmp_path / "altered"
    shutil.copytree(finished, run, symlinks=True)
    assert poison(run, payload) > 0
    for argv in (
        ["resume", str(run), "stop.iterations=9"],
        ["evaluate", str(run)],
        [f"checkpoint.from={run}"],
    ):
        assert main(argv) == 2
        assert "no checkpoint" in capsys.readouterr().err
    assert not payload.exists()

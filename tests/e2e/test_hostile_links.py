"""A stranger's folder with links to the reader's own files: nothing that is written to it goes there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rlexp.base.errors import ConfigError
from rlexp.base.files.links import open_to_append, refuse_links
from rlexp.cli.main import main
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.sweep.folder import SweepFolder
from rlexp.terminal.logfile import LogFile

pytestmark = pytest.mark.usefixtures("at_home")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / ".profile").write_text("export PATH\n")
    (folder / "checkpoints" / "weights").write_text("precious")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


FILES = (
    "log.txt",
    "metrics.jsonl",
    "error.txt",
    ".lock",
    ".probe.tmp",
    "videos/step_1.mp4",
    "wandb/settings",
)
FOLDERS = ("checkpoints", "wandb", "videos", "tensorboard", "checkpoints/step_9")


@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
def test_resume_follows_no_link_out_of_the_folder(
    finished: Path, tmp_path: Path, mine: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(finished, theirs, symlinks=True)
    link = theirs / name
    if link.is_dir():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(mine / (".profile" if name in FILES else "checkpoints"))
    before = contents(mine)
    assert main(["resume", str(theirs), "stop.iterations=9"]) == 2
    told = capsys.readouterr().err
    assert f"{link} is a link to {mine}" in told and "Traceback" not in told
    assert contents(mine) == before


@pytest.mark.parametrize("place", ["", "checkpoints/best"])
@pytest.mark.parametrize("name", ["evaluation.log", "checkpoints"])
def test_evaluate_follows_none_either(
    finished: Path, tmp_path: Path, mine: Path, capsys: pytest.CaptureFixture[str], name: str, place: str
) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(finished, theirs, symlinks=True)
    if name == "checkpoints":
        shutil.rmtree(mine / name)
        (theirs / name).rename(mine / name)
    (theirs / name).symlink_to(mine / ("checkpoints" if name == "checkpoints" else ".profile"))
    before = contents(mine)
    assert main(["evaluate", str(theirs / place), "evaluation.evaluation_duration=1"]) == 2
    assert "is a link to" in capsys.readouterr().err
    assert contents(mine) == before


@pytest.mark.slow
def test_a_reports_pictures_go_into_no_linked_folder(
    finished: Path, tmp_path: Path, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(finished, theirs, symlinks=True)
    (theirs / "report").symlink_to(mine)
    (theirs / "report.html").symlink_to(mine / ".profile")
    before = contents(mine)
    assert main(["report", str(theirs)]) == 2
    assert "report is a link to" in capsys.readouterr().err
    (theirs / "report").unlink()
    assert main(["report", str(theirs), "--png"]) == 0
    assert contents(mine) == before and not (theirs / "report.html").is_symlink()


@pytest.mark.parametrize("name", ["trials", "trials/000", ".tune", "log.txt", ".lock", "sweep.json"])
def test_a_sweep_follows_none(tmp_path: Path, mine: Path, name: str) -> None:
    sweep = tmp_path / "sweep"
    (sweep / name).parent.mkdir(parents=True)
    (sweep / name).symlink_to(mine)
    with pytest.raises(ConfigError, match="is a link to"), SweepFolder(sweep).locked():
        pass


@pytest.mark.parametrize("session", ["wandb/run-1", "trials/000-seed=0/wandb/offline-run-1"])
def test_what_a_killed_session_of_wandb_has_left_holds_nothing_up(
    tmp_path: Path, mine: Path, session: str
) -> None:
    log = tmp_path / "killed" / session / "logs" / "debug-core.log"
    log.parent.mkdir(parents=True)
    log.symlink_to(mine)
    refuse_links(tmp_path / "killed")
    (tmp_path / "killed" / "log.txt").symlink_to(mine)
    with pytest.raises(ConfigError, match="is a link to"):
        refuse_links(tmp_path / "killed")


def test_a_pipe_in_a_folder_holds_nothing_up(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "a") as run:
        os.mkfifo(run.log)
        with pytest.raises(OSError), LogFile(run.log):
            pass
    with pytest.raises(ConfigError, match=r"log\.txt is neither a file nor a folder"):
        RunFolder.open(run.path)


def test_a_link_put_there_later_is_not_followed_either(tmp_path: Path, mine: Path) -> None:
    (tmp_path / "log.txt").symlink_to(mine / ".profile")
    with pytest.raises(OSError):
        open_to_append(tmp_path / "log.txt")
    assert (mine / ".profile").read_text() == "export PATH\n"


def links_inside(run: Path) -> None:
    (run / "wandb" / "run-1").mkdir(parents=True)
    (run / "wandb" / "latest-run").symlink_to("run-1")
    # To W&B's logs; nothing that comes later writes to an earlier session's folder.
    (run / "wandb" / "run-1" / "debug-core.log").symlink_to("/somewhere/else/core-debug.log")
    (run / "checkpoints").mkdir(exist_ok=True)
    (run / "checkpoints" / "latest").symlink_to("step_10")


def reached_by_a_link(run: Path) -> None:
    run.rename(run.with_name("moved"))
    run.symlink_to(run.with_name("moved"))


@pytest.mark.parametrize("change", [links_inside, reached_by_a_link])
def test_links_that_stay_inside_and_a_linked_run_are_fine(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    RunFolder.create(tmp_path, "a").release()
    change(tmp_path / "a")
    RunFolder.open(tmp_path / "a").release()
    refuse_links(tmp_path / "not there")

"""A `.git` in a stranger's folder runs none of the programs that its settings name, and the diff is still taken."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rlexp.run.bookkeeping import provenance


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.email=a@example.org", "-c", "user.name=A", "-c", "protocol.file.allow=always"]
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


def repository(folder: Path) -> Path:
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "train.py").write_text("lr = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "start")
    return folder


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return repository(tmp_path / "theirs")


@pytest.fixture
def sing(tmp_path: Path) -> str:
    """A program that leaves a canary."""
    script = tmp_path / "sing"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path / 'canary'}\ncat\n")
    script.chmod(0o755)
    return str(script)


def monitor(folder: Path, program: str) -> None:
    git(folder, "config", "core.fsmonitor", program)


def driver(kind: str, *keys: str) -> Callable[[Path, str], None]:
    def change(folder: Path, program: str) -> None:
        for key in keys:
            git(folder, "config", f"{kind}.evil.{key}", "true" if key == "required" else program)
        (folder / ".git" / "info").mkdir(exist_ok=True)
        (folder / ".git" / "info" / "attributes").write_text(f"* {kind}=evil\n")

    return change


def external(folder: Path, program: str) -> None:
    git(folder, "config", "diff.external", program)


def hooks(folder: Path, program: str) -> None:
    (folder / "hooks").mkdir()
    for name in ("post-index-change", "reference-transaction", "fsmonitor-watchman"):
        (folder / "hooks" / name).symlink_to(program)
    git(folder, "config", "core.hooksPath", str(folder / "hooks"))


def submodule(folder: Path, program: str) -> None:
    inner = repository(folder.parent / "inner")
    git(folder, "submodule", "add", "-q", str(inner), "inner")
    git(folder, "commit", "-qm", "inner")
    (folder / "inner" / "train.py").write_text("lr = 3\n")
    monitor(folder / "inner", program)
    git(folder, "config", "submodule.inner.ignore", "none")
    git(folder, "config", "-f", ".gitmodules", "submodule.inner.ignore", "none")


def odd_name(folder: Path, program: str) -> None:
    """A flag cannot name it: `-c` takes what stands before the first `=`."""
    with (folder / ".git" / "config").open("a") as config:
        config.write(f'[filter "a=b"]\n\tclean = {program}\n')
    (folder / ".git" / "info").mkdir(exist_ok=True)
    (folder / ".git" / "info" / "attributes").write_text("* filter=a=b\n")


def missing_objects(folder: Path, program: str) -> None:
    """Git fetches them from a remote, by a program that the repository names."""
    blob = git(folder, "rev-parse", "HEAD:train.py").strip()
    (folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for key, value in {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": str(folder),
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": program,
        "protocol.file.allow": "always",
    }.items():
        git(folder, "config", key, value)


WAYS: dict[str, Callable[[Path, str], None]] = {
    "file system monitor": monitor,
    "clean filter": driver("filter", "clean", "smudge", "required"),
    "filter process": driver("filter", "process", "required"),
    "filter of an odd name": odd_name,
    "text conversion": driver("diff", "textconv"),
    "diff driver": driver("diff", "command"),
    "external diff": external,
    "hooks": hooks,
    "submodule": submodule,
    "missing objects": missing_objects,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_repository_runs_no_program(theirs: Path, sing: str, tmp_path: Path, way: str) -> None:
    WAYS[way](theirs, sing)
    (theirs / "train.py").write_text("lr = 2\n")
    (tmp_path / "canary").unlink(missing_ok=True)
    origin = provenance.collect(["rlexp"], [], 0, repository=theirs)
    name = provenance.write_diff(tmp_path, repository=theirs)
    assert not (tmp_path / "canary").exists()
    if way in ("missing objects", "filter of an odd name"):
        assert name is None
    else:
        assert name is not None and "+lr = 2" in (tmp_path / name).read_text()
        assert origin["git_dirty"] is True and len(origin["git_commit"]) == 40


def test_files_elsewhere_get_into_no_diff(theirs: Path, tmp_path: Path) -> None:
    """The repository says where its files lie: of names that are easy to guess, the contents would be copied."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "train.py").write_text("my secret\n")
    git(theirs, "config", "core.worktree", str(home))
    assert provenance.write_diff(tmp_path, repository=theirs) is None


def test_the_variables_of_the_person_stay(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", os.fspath(theirs.parent))
    assert provenance.collect(["rlexp"], [], 0, repository=theirs)["git_commit"]

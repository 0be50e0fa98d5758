"""Keys: who may have written them, what a lent one is good for, and files in their place that are none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stores import writer

from rlexp.base.errors import CheckpointError, ConfigError
from rlexp.base.files.ownership import read_small
from rlexp.storage.checkpoint import seal, seal_key
from rlexp.storage.checkpoint.store import CheckpointStore, require_trust
from rlexp.sweep.planning import plan_record

as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away"
)


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep's folder with a trial whose checkpoint was sealed with the lent key."""
    folder = tmp_path / "sweep"
    plan = plan_record.fresh_seals()
    lent = seal_key.ensure_key().derived(plan["seals"])
    monkeypatch.setattr(seal_key, "_borrowed", {lent.name: lent})
    run = folder / "trials" / "000"
    CheckpointStore(run / "checkpoints", keep=1).save(10, writer("x"))
    monkeypatch.setattr(seal_key, "_borrowed", {})
    (folder / "plan.json").write_text(json.dumps(plan))
    return folder


def origin(sweep: Path) -> str:
    return seal.origin(sweep / "trials" / "000" / "checkpoints" / "step_10")


def test_a_lent_key_counts_in_its_sweep_wherever_that_lies(sweep: Path, tmp_path: Path) -> None:
    assert origin(sweep) == "own"
    sweep.rename(tmp_path / "moved")
    assert origin(tmp_path / "moved") == "own"


def test_a_lent_key_vouches_for_no_other_run(sweep: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "mine"
    shutil.copytree(sweep / "trials" / "000", run, symlinks=True)
    assert seal.origin(run / "checkpoints" / "step_10") == "foreign"


def test_nor_for_a_sweep_that_others_planned_or_of_another_key(sweep: Path, tmp_path: Path) -> None:
    plan = json.loads((sweep / "plan.json").read_text())
    other = plan_record.fresh_seals()
    forged = {"seals": plan["seals"], "vouched": {plan["seals"]: "0" * 64}}
    borrowed = {"seals": plan["seals"], "vouched": {plan["seals"]: other["vouched"][other["seals"]]}}
    for false in (other, forged, borrowed, {"seals": plan["seals"]}, [], {"vouched": []}):
        (sweep / "plan.json").write_text(json.dumps(false))
        assert origin(sweep) == "foreign"
    (sweep / "plan.json").write_bytes(b"\xff")
    assert origin(sweep) == "foreign"
    (sweep / "plan.json").unlink()
    assert origin(sweep) == "foreign"


def test_who_goes_on_with_a_sweep_lends_a_key_of_their_own(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = json.loads((sweep / "plan.json").read_text())
    assert plan_record.with_own_seals(theirs) == theirs
    monkeypatch.setenv("RLEXP_HOME", str(sweep.parent / "another"))
    mine = plan_record.with_own_seals(theirs)
    assert mine["seals"] != theirs["seals"] and plan_record.with_own_seals(mine) == mine
    monkeypatch.setenv("RLEXP_HOME", str(sweep.parent / "home"))
    (sweep / "plan.json").write_text(json.dumps(mine))
    assert origin(sweep) == "own", "what was made before counts on, for who made it"


def test_what_others_asked_for_is_nobodys_own_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = {**plan_record.fresh_seals(), "asked": {"overrides": ["seed=1"]}}
    plan["asked_by"] = plan_record.sign_command(plan)
    assert plan_record.is_own_command(plan)
    assert not plan_record.is_own_command({**plan, "asked": {"overrides": ["trusted=+evil"]}})
    assert not plan_record.is_own_command({**plan, "asked_by": None})
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "another"))
    assert not plan_record.is_own_command(plan) and not plan_record.is_own_command(
        plan_record.with_own_seals(plan)
    )


def key_file() -> Path:
    seal_key.ensure_key()
    return seal_key.key_path()


def test_a_key_and_its_folder_are_the_users_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "new"))
    path = key_file()
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    path.chmod(0o644)
    seal_key.ensure_key()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", ["key", "folder"])
def test_a_key_that_others_may_write_is_refused(place: str) -> None:
    path = key_file()
    made = path if place == "key" else path.parent
    made.chmod(0o777)
    with pytest.raises(ConfigError, match=f"everybody may write to {made}"):
        seal_key.ensure_key()
    assert seal_key.key_named("0" * 16) is None


def test_a_key_that_is_not_used_is_named_where_a_checkpoint_is_to_be_loaded(tmp_path: Path) -> None:
    checkpoint = CheckpointStore(tmp_path / "checkpoints", keep=1).save(10, writer("x"))
    require_trust(checkpoint, trust=False)
    seal_key.key_path().chmod(0o666)
    with pytest.raises(CheckpointError, match="everybody may write to"):
        require_trust(checkpoint, trust=False)
    seal_key.key_path().unlink()
    with pytest.raises(CheckpointError, match=r"checkpoint\.trust=true"):
        require_trust(checkpoint, trust=False)


@as_root
def test_a_key_of_somebody_elses_is_refused() -> None:
    path = key_file()
    os.chown(path, 54321, 54321)
    with pytest.raises(ConfigError, match="owned by the user 54321"):
        seal_key.ensure_key()


@pytest.mark.parametrize("kind", ["pipe", "endless", "folder", "large"])
def test_a_key_that_is_no_file_of_a_keys_size_ends_in_one_line(kind: str) -> None:
    path = key_file()
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"0" * (1 << 20))
    with pytest.raises(ConfigError, match="cannot be read or made"):
        seal_key.ensure_key()
    assert seal_key.key_named("0" * 16) is None


def test_a_seal_that_is_a_pipe_or_endless_holds_nothing_up(tmp_path: Path) -> None:
    folder = tmp_path / "step_1"
    folder.mkdir()
    os.mkfifo(folder / "seal.json")
    with pytest.raises(CheckpointError, match="cannot be read"):
        seal.read(folder)
    (folder / "seal.json").unlink()
    (folder / "seal.json").symlink_to("/dev/zero")
    with pytest.raises(CheckpointError, match="cannot be read"):
        seal.read(folder)


def test_small_files_are_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 9)
    assert read_small(tmp_path / "a", 9) == b"x" * 9
    with pytest.raises(OSError, match="more than 8 bytes"):
        read_small(tmp_path / "a", 8)


TOKEN = """
import os
from rlexp.hardware.ray_session import ray_token
ray_token.prepare()
print(len(os.environ.get("RAY_AUTH_TOKEN", "")))
"""


def token_of(home: Path, code: str = TOKEN, **environment: str) -> int:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**inherited, "HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_rays_token_is_the_users_alone(tmp_path: Path) -> None:
    file = tmp_path / "home" / ".ray" / "auth_token"
    assert token_of(tmp_path / "home") == 0
    assert file.stat().st_mode & 0o777 == 0o600 and len(file.read_text()) == 64
    file.chmod(0o644)
    assert token_of(tmp_path / "home") == 0 and file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o666)
    assert token_of(tmp_path / "home") == 64, "one that others may have written is not used"
    assert token_of(tmp_path / "none", RAY_AUTH_MODE="disabled") == 0 and not (tmp_path / "none").exists()


def test_without_a_home_to_write_to_rays_token_is_the_sessions(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    assert token_of(tmp_path / "home") == 64
    assert token_of(Path("/proc")) == 64

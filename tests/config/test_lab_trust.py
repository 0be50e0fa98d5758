"""A lab is used only where nobody else could have written its code, or where its user has said so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import CHECKOUT, cli

from rlexp.cli.main import main
from rlexp.config.labs import lab_ownership, search_path
from rlexp.config.labs.search_path import find_lab
from rlexp.hardware.ray_session.process_env_vars import job_config
from rlexp.tracking import wandb_run
from rlexp.tracking.wandb_settings import _is_own

TABLE = '[tool.rlexp]\nconf = "conf"\npackages = ["my_lab"]\n'
STRANGER = 54321
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away"
)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RLEXP_LAB", raising=False)
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(search_path, "_refused", set())
    return make_lab(tmp_path / "lab", monkeypatch)


def make_lab(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("conf", "my_lab", "notes"):
        (root / name).mkdir(parents=True)
    (root / "my_lab" / "__init__.py").write_text("")
    (root / "pyproject.toml").write_text(TABLE)
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    monkeypatch.chdir(root / "notes")
    return root


def used() -> Path | None:
    found = find_lab()
    return found.root if found else None


def test_ones_own_lab_is_used(lab: Path) -> None:
    assert used() == lab


@as_root
@pytest.mark.parametrize("part", ["", "pyproject.toml", "conf", "my_lab"])
def test_a_lab_of_somebody_elses_is_left_out_until_it_is_trusted(
    lab: Path, part: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    os.chown(lab / part, STRANGER, STRANGER)
    assert used() is None and used() is None
    assert len(caplog.messages) == 1, "told once"
    assert f"owned by the user {STRANGER}" in caplog.text and f"rlexp lab trust {lab}" in caplog.text
    assert main(["lab", "trust", str(lab)]) == 0 and used() == lab
    assert lab_ownership._list().stat().st_mode & 0o777 == 0o600
    assert main(["lab", "forget", str(lab)]) == 0 and used() is None
    capsys.readouterr()
    assert main(["lab"]) == 0
    told = capsys.readouterr().out
    assert f"not used: {lab}" in told and "no lab is used here" in told


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o757])
@pytest.mark.parametrize("part", ["", "pyproject.toml", "conf", "my_lab"])
def test_a_lab_that_all_may_write_to_is_left_out(lab: Path, part: str, mode: int) -> None:
    (lab / part).chmod(mode)
    assert used() is None


@as_root
def test_a_group_may_write_only_if_it_is_ones_own(lab: Path) -> None:
    lab.chmod(0o775)
    os.chown(lab, -1, STRANGER)
    assert used() is None
    lab.chmod(0o755)
    assert used() == lab


def test_a_lab_that_is_named_by_its_user_is_used(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.chmod(0o777)
    monkeypatch.setenv("RLEXP_LAB", str(lab))
    assert used() == lab


def test_the_next_lab_upwards_is_used_in_place_of_one_that_is_not_trusted(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = make_lab(lab / "vendor", monkeypatch)
    assert used() == inner
    inner.chmod(0o777)
    assert used() == lab


@pytest.mark.parametrize("record", ["manifest.json", "plan.json"])
def test_a_runs_folder_is_no_lab_nor_is_what_lies_in_it(
    lab: Path, record: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = make_lab(lab / "runs" / "theirs", monkeypatch)
    make_lab(theirs / "deeper", monkeypatch)
    (theirs / record).write_text("{}")
    for folder in (theirs, theirs / "deeper", theirs / "conf"):
        monkeypatch.chdir(folder)
        assert used() == lab


@as_root
def test_a_list_of_trusted_labs_that_others_may_change_is_not_believed(lab: Path) -> None:
    lab.chmod(0o777)
    lab_ownership.trust(lab)
    assert used() == lab
    lab_ownership._list().chmod(0o666)
    assert used() is None


def test_only_a_lab_can_be_trusted(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "trust", str(lab / "conf")]) == 2
    assert "is no lab" in capsys.readouterr().err


def test_no_code_of_a_lab_in_a_folder_for_all_is_run(lab: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (lab / "my_lab" / "__init__.py").write_text(f"open({str(canary)!r}, 'w')\n")
    lab.chmod(0o1777)
    done = cli("env=gym", "env.id=my_lab.Env", "stop.iterations=1", cwd=lab / "notes")
    assert done.returncode == 2 and f"the lab in {lab} is not used: everybody may write" in done.stderr
    assert not canary.exists()


def test_workers_import_from_where_this_process_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray adds the working folder, which may be a stranger's run."""
    places = job_config()._py_driver_sys_path
    monkeypatch.setattr(sys, "path", [str(tmp_path / "mine"), *sys.path])
    places.extend([str(tmp_path / "theirs"), str(tmp_path / "mine")])
    assert list(places) == [str(tmp_path / "mine")]


@pytest.mark.slow
def test_a_worker_really_does(tmp_path: Path) -> None:
    code = (
        "import ray\nfrom rlexp.hardware.ray_session import session\nimport rlexp\n"
        "session.start(rlexp.compose(['stop.iterations=1', 'hardware=local']), None)\n"
        "@ray.remote\ndef path():\n    import sys\n    return sys.path\n"
        "print(ray.get(path.remote()))\nsession.stop()\n"
    )
    (tmp_path / "run.py").write_text(code)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    done = subprocess.run(
        [sys.executable, str(tmp_path / "run.py")],
        cwd=theirs,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert str(CHECKOUT) in done.stdout and str(theirs) not in done.stdout, done.stderr
    assert f"'{tmp_path}'" in done.stdout, "the script's own folder is there"


@pytest.mark.slow
def test_wandbs_own_command_imports_nothing_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wandb.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    assert wandb_run._last_step_in(Path("none.wandb")) == -1
    assert not (tmp_path / "canary").exists()


def test_wandbs_settings_in_a_runs_folder_or_of_others_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "a" / "wandb").mkdir(parents=True)
    (tmp_path / "a" / "wandb" / "settings").write_text("[default]\nbase_url = https://elsewhere.example\n")
    assert _is_own(tmp_path) and _is_own(tmp_path / "a")
    (tmp_path / "a" / "wandb" / "settings").chmod(0o666)
    assert not _is_own(tmp_path / "a")
    (tmp_path / "a" / "wandb" / "settings").chmod(0o644)
    (tmp_path / "a" / "manifest.json").write_text("{}")
    assert not _is_own(tmp_path / "a")

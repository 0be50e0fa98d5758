"""A home that cannot be written to, as in many containers: with `RLEXP_HOME`, runs and sweeps go their way."""

from __future__ import annotations

import shutil
import stat
import sys
import tempfile
from pathlib import Path

import pytest
from processes import CARTPOLE, run

WORDS = (*CARTPOLE, "callbacks=none", "stop.iterations=2")
HOME = "/proc/none"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a folder that not even root can write to")
@pytest.mark.parametrize("words", [("hardware.num_env_runners=1",), ("-m", "seed=0,1", "sweep.name=a")])
def test_runners_and_sweeps_need_no_home(tmp_path: Path, words: tuple[str, ...]) -> None:
    code, text = run(*WORDS, *words, folder=tmp_path, HOME=HOME)
    assert code == 0, text
    assert "Traceback" not in text


@pytest.mark.slow
def test_a_session_of_rays_is_its_users_alone(tmp_path: Path) -> None:
    place = Path(tempfile.mkdtemp(prefix="r-", dir="/tmp"))  # Sockets have short paths.
    try:
        environment = {"HOME": str(tmp_path / "me"), "RAY_TMPDIR": str(place)}
        code, text = run(*WORDS, "hardware.num_env_runners=1", folder=tmp_path, **environment)
        assert code == 0, text
        made = list((place / "ray").glob("session_2*"))
        assert made and all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in made)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    token = tmp_path / "me" / ".ray" / "auth_token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600

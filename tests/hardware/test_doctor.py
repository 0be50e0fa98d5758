import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hardware_configs import machine

from rlexp.cli import clean, doctor

ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef0123456789abcdef01234567"


def _doctor(*arguments: str, **environ: str) -> str:
    code = "import sys; from rlexp.cli import doctor; sys.exit(doctor.run(sys.argv[1:]))"
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    env.pop("WANDB_MODE", None)
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_json_tells_everything_and_no_key(tmp_path: Path) -> None:
    text = _doctor("--json", WANDB_API_KEY=KEY, RAY_ADDRESS="127.0.0.1:1")
    found = json.loads(text)
    assert KEY not in text
    assert found["wandb"] == {"installed": True, "logged_in": True, "source": "WANDB_API_KEY", "mode": None}
    assert found["machine"]["cores"] >= 1
    assert found["versions"]["ray"].startswith("2.60")
    assert found["ray_cluster"] == {"address": "127.0.0.1:1", "source": "RAY_ADDRESS", "reachable": False}
    assert any("RAY_ADDRESS" in warning for warning in found["warnings"])
    assert {"atari", "box2d", "minigrid"} <= set(found["extras"])
    assert found["hardware_auto"]["fast"]["chosen"]["num_env_runners"] == 0
    assert all(choice["reasons"] for choice in found["hardware_auto"].values())


def test_netrc_counts_as_login_and_its_key_stays_there(tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine api.wandb.ai\n  login user\n  password {KEY}\n")
    text = _doctor(NETRC=str(netrc), WANDB_API_KEY="", COLUMNS="200")
    assert f"logged in ({netrc})" in text
    assert KEY not in text
    other = _doctor(
        NETRC=str(netrc), WANDB_API_KEY="", WANDB_BASE_URL="https://wandb.lab.example/", COLUMNS="200"
    )
    assert "not logged in" in other


def test_it_is_quick_and_says_what_auto_chooses() -> None:
    best = 9.0
    for _ in range(3):
        begin = time.perf_counter()
        text = _doctor(COLUMNS="200")
        best = min(best, time.perf_counter() - begin)
    assert best < 1.5
    assert "num_env_runners=0: the environment is fast" in text
    assert "slow environment (5 ms a step)" in text


def test_it_says_which_kernel_runs_how_fast_and_what_holds_it_back() -> None:
    text = _doctor(COLUMNS="400", OPENBLAS_CORETYPE="Haswell", ONEDNN_MAX_CPU_ISA="")
    assert "(Haswell)" in text and "GFLOP/s" in text and "numpy " in text
    assert "OPENBLAS_CORETYPE=Haswell is set: numpy multiplies" in text and "ONEDNN_MAX_CPU_ISA" not in text


@pytest.mark.slow
def test_it_times_all_that_multiplies_where_that_is_asked_for() -> None:
    found = json.loads(_doctor("--json", "--kernels", ONEDNN_MAX_CPU_ISA="AVX2"))
    assert set(found["kernels"]["gflops"]) == {"numpy", "torch", "onednn"}
    assert all(rate > 1 for rate in found["kernels"]["gflops"].values())
    assert found["kernels"]["onednn"] == "AVX2"
    assert any("ONEDNN_MAX_CPU_ISA=AVX2 is set" in warning for warning in found["warnings"])


@pytest.mark.parametrize(("cores", "gpus"), [(1, 0), (2, 1), (8, 0), (32, 2)])
def test_it_tells_what_a_run_chooses(cores: int, gpus: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import gymnasium

    import rlexp
    from rlexp.environment.probe import EnvProbe
    from rlexp.run.building import prepare

    here, space = machine(cores, gpus), gymnasium.spaces.Discrete(2)
    monkeypatch.setattr(prepare, "inspect_machine", lambda: here)
    told = doctor.examine(here)["hardware_auto"]
    for name, step_s, algorithm in doctor.EXAMPLES:
        config = rlexp.compose(
            ["hardware=auto", f"algorithm={algorithm}", "env=acrobot"]
        )  # Has no vector form.
        _, notes, chosen = prepare.choose_hardware(config, EnvProbe(space, space, step_s))
        assert told[name]["reasons"] == notes
        assert told[name]["chosen"] == chosen


def test_missing_extras_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        doctor.metadata, "requires", lambda _: ["ale-py>=0.11; extra == 'atari'", "no-such>=1; extra == 'x'"]
    )
    assert doctor.extras()["x"] == {"installed": False, "missing": ["no-such"]}


def _run_folder(path: Path, **manifest: object) -> Path:
    path.mkdir(parents=True)
    facts = {
        "status": "running",
        "host": socket.gethostname(),
        "start": "2020-01-01T00:00:00+00:00",
        **manifest,
    }
    (path / "manifest.json").write_text(json.dumps(facts))
    return path


def test_clean_marks_only_runs_whose_driver_is_dead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    crashed = _run_folder(tmp_path / "runs/crashed", pid=dead.pid)
    trial = _run_folder(tmp_path / "sweeps/s/trials/t0", pid=dead.pid)
    reused = _run_folder(tmp_path / "runs/reused", pid=os.getpid())
    others = [
        _run_folder(tmp_path / "runs/alive", pid=os.getpid(), start=now),
        _run_folder(tmp_path / "runs/done", pid=dead.pid, status="done"),
        _run_folder(tmp_path / "runs/elsewhere", pid=dead.pid, host="another-host"),
        _run_folder(tmp_path / "runs/odd", pid=None),
    ]
    (_run_folder(tmp_path / "runs/torn", pid=1) / "manifest.json").write_text("{")
    folders = [str(tmp_path / "runs"), str(tmp_path / "sweeps")]
    assert clean.run(["--dry-run", *folders]) == 0
    assert json.loads((crashed / "manifest.json").read_text())["status"] == "running"
    assert f"would mark {crashed}" in capsys.readouterr().out
    assert clean.run(folders) == 0
    said = capsys.readouterr().out
    for folder in (crashed, trial, reused):
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["status"] == "failed" and manifest["end"]
        assert f"rlexp resume {folder}" in said
    for folder in others:
        assert json.loads((folder / "manifest.json").read_text())["status"] != "failed"
    assert clean.run(folders) == 0
    assert "marked" not in capsys.readouterr().out

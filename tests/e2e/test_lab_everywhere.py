"""A lab's runs and sweeps are resumed and evaluated by every command, from any folder; a stranger's lab is not used."""

from __future__ import annotations

import importlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import CHECKOUT, records
from processes import BATCH, SMALL, Child, environment_of, trials

import rlexp
from rlexp.cli.init import run as init
from rlexp.cli.main import main
from rlexp.config.labs.search_path import lab_of
from rlexp.sweep.execution.resume_changes import apply_changes
from rlexp.sweep.folder import SweepFolder, SweepRequest
from rlexp.sweep.planning.plan import plan

SMALL_OF_LAB = (
    "env=our_lab_example",
    *SMALL[1:],
    "callbacks=[our_lab_furthest]",
    f"stop.env_steps={2 * BATCH}",
)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An untouched new lab; this process stands in it and cannot import its package by itself."""
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RLEXP_LAB", raising=False)
    monkeypatch.setattr(
        sys, "path", [path for path in sys.path if path]
    )  # `python -m` adds where one stands.
    init([str(tmp_path / "our_lab")])
    monkeypatch.chdir(tmp_path / "our_lab")
    yield tmp_path / "our_lab"
    forget(tmp_path)


def forget(tmp_path: Path) -> None:
    """As in a new process: nothing of the lab has been imported, and its folder is on no path."""
    sys.path[:] = [path for path in sys.path if not path.startswith(str(tmp_path))]
    for name in [name for name in sys.modules if name.partition(".")[0] == "our_lab"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def command(*words: str, cwd: Path, home: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """`rlexp <words>` as it is installed: the working folder is on no path (as it would be with `python -m`)."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "rlexp.cli.main", *words],
        cwd=cwd,
        env=environment_of(home) | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def frozen_sweep(lab: Path) -> Path:
    words = [*SMALL_OF_LAB, "seed=0,1"]
    return SweepFolder.create(plan(words), "x", ["rlexp"], SweepRequest(tuple(words))).path


def sealed_run(tmp_path: Path) -> Path:
    outcome = rlexp.train(rlexp.compose([*SMALL_OF_LAB, "name=first"]))
    assert outcome.status == "done", outcome.error
    return outcome.folder.absolute()


@pytest.mark.parametrize("place", ["in the lab", "elsewhere"])
def test_a_sweep_of_a_lab_is_taken_for_its_own(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    sweep = frozen_sweep(lab)
    forget(tmp_path)
    if place == "elsewhere":
        monkeypatch.chdir(tmp_path)
    with pytest.raises(rlexp.ConfigError, match="stop.env_stepz"):  # All that was frozen has been accepted.
        rlexp.resume_multirun(sweep, ["stop.env_stepz=1000"])


def test_more_trials_of_a_labs_sweep_are_drawn_from_elsewhere(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*SMALL_OF_LAB, "seed=tag(int,interval(0,1000))", "sweep=random", "sweep.trials=2"]
    sweep = SweepFolder.create(plan(words), "x", ["rlexp"], SweepRequest(tuple(words)))
    forget(tmp_path)
    monkeypatch.chdir(tmp_path)
    with lab_of(sweep.path):
        apply_changes(sweep, ["sweep.trials=4"])
    assert [trial.config.env.id for trial in sweep.frozen.all()] == ["our_lab.envs.corridor.Corridor"] * 4


def test_a_run_of_a_lab_is_used_from_another_folder(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sealed_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    for use in (
        lambda: rlexp.load(run).action_space.n == 2,
        lambda: rlexp.make_env(run).reset(seed=0)[0].shape == (1,),
        lambda: rlexp.compose(config_dir=run).env.id == "our_lab.envs.corridor.Corridor",
        lambda: rlexp.evaluate(run, ["evaluation.evaluation_duration=1"])["metrics"]["eval/episodes"] == 1,
        lambda: rlexp.resume(run, [f"stop.env_steps={3 * BATCH}"]).status == "done",
        lambda: main(["--config-dir", str(run), "--cfg", "job"]) == 0,
    ):
        forget(tmp_path)
        assert use()


def test_a_lab_around_a_run_that_the_user_never_worked_in_is_not_used(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its files may have come out of a stranger's archive, and are this user's all the same."""
    sweep = frozen_sweep(lab)
    forget(tmp_path)
    monkeypatch.chdir(tmp_path)
    (lab / "our_lab" / "__init__.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')\n")
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "another"))
    assert main(["resume", str(sweep)]) == 2
    told = capsys.readouterr().err
    assert f"RLEXP_LAB={lab}" in told and "our_lab" in told
    assert not (tmp_path / "canary").exists() and not any(p.startswith(str(lab)) for p in sys.path)
    (lab / "pyproject.toml").write_text("[tool.rlexp]\nconf = 3\n")
    assert main(["resume", str(sweep)]) == 2
    assert "conf must be" not in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_command_that_an_interrupted_sweep_prints_goes_on_with_it(lab: Path, tmp_path: Path) -> None:
    words = (*SMALL_OF_LAB[:-1], "stop.env_steps=8000", "seed=0,1", "sweep.name=x", "-m")
    child = Child.__new__(Child)
    child.folder, child.out = lab, tmp_path / "out.txt"
    with child.out.open("wb") as out:
        child.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rlexp.cli.main", *words],
            cwd=lab,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment_of(tmp_path),
            start_new_session=True,
        )
    first = lab / "sweeps" / "x" / "trials" / "000-seed=0"
    child.until(lambda: len(records(first)) > 3)
    os.killpg(child.process.pid, signal.SIGINT)
    assert child.end() == 130, child.text
    printed = next(line for line in child.text.splitlines() if "rlexp resume" in line)
    resume = shlex.split(printed[printed.index("rlexp resume") :])[1:]
    done = command(*resume, cwd=lab, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {trial["status"] for trial in trials(lab / "sweeps" / "x").values()} == {"done"}
    # From elsewhere, with more to do; and the best trial's own command.
    done = command("resume", str(lab / "sweeps" / "x"), "stop.env_steps=8400", cwd=tmp_path, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    best = json.loads((lab / "sweeps" / "x" / "sweep.json").read_text())["best"]["command"]
    done = command(*shlex.split(best)[1:], "hardware.num_env_runners=1", cwd=tmp_path, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    done = command("evaluate", str(lab / "sweeps" / "x"), cwd=tmp_path, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr

"""What goes wrong in one trial of a sweep, or around it, and that the others and a resume do not suffer; the numbers
are those of the faults."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from breaking import ON_PATH, TRUSTED
from harness import records
from processes import BATCH, CARTPOLE, SMALL, Command, corridor, run, trials

BUDGET = 6 * BATCH
WHOLE = list(range(BATCH, BUDGET + 1, BATCH))
SWEEP = ("callbacks=none", "sweep.name=a", f"stop.env_steps={BUDGET}")


def statuses(folder: Path) -> list[str]:
    return [trial["status"] for trial in trials(folder).values()]


def steps(folder: Path, name: str) -> list[int]:
    return [row["env_steps"] for row in records(folder / "trials" / name)]


@pytest.mark.slow
def test_11_a_trial_whose_numbers_are_none_fails_and_a_scheduler_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "a"
    nan = (*corridor("NotFinite", field="reward"), "+env.config.at_step=300,100000,200000,300000")
    asha = ("sweep.scheduler.name=asha", f"sweep.scheduler.grace_steps={2 * BATCH}")
    code, text = run("-m", *nan, *SWEEP, *asha, folder=tmp_path)
    assert code == 1, text
    found = statuses(folder)
    assert found[0] == "failed" and set(found[1:]) <= {"done", "pruned"} and "done" in found
    first = next(iter(trials(folder).values()))
    assert "reward" in first["error"] and "nan" in first["error"] and "step" in first["error"]
    assert "error.txt" in text


@pytest.mark.slow
def test_19_a_full_disk_fails_trials_in_one_line_each_and_all_go_on_when_there_is_room(
    tmp_path: Path, mount: Callable[[str, str], Path]
) -> None:
    disk = mount("disk", "size=7m")
    wide = [word for word in CARTPOLE if not word.startswith(("model.", "stop."))]
    words = ("-m", *wide, "model.fcnet_hiddens=[300,300]", "checkpoint.keep=100", *SWEEP, "seed=0,1")
    code, text = run(*words, f"sweep.dir={disk}", "sweep.concurrency=1", folder=tmp_path)
    assert code == 1 and "Traceback" not in text, text
    assert "failed" in statuses(disk / "a")
    assert "no space is left on the disk" in text.lower()
    subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
    code, text = run("resume", str(disk / "a"), folder=tmp_path)
    assert code == 0 and statuses(disk / "a") == ["done", "done"], text
    assert all(steps(disk / "a", name) == WHOLE for name in trials(disk / "a"))


@pytest.mark.slow
def test_25_34_failed_before_its_first_checkpoint_a_trial_begins_anew_when_the_cause_is_gone(
    tmp_path: Path,
) -> None:
    """Under a stale RAY_ADDRESS, which must not be followed."""
    folder = tmp_path / "sweeps" / "a"
    wide = ("env=gym", "env.id=breaking.Wide", TRUSTED, *SMALL[1:])
    environment = {**ON_PATH, "RAY_ADDRESS": "127.0.0.1:1"}
    broken = "+callbacks.breaks={_target_: breaking.Breaks, hook: on_train_result, at: 2}"
    (tmp_path / "width").write_text("3")
    words = ("-m", *wide, "callbacks=none", *SWEEP[1:], broken, "checkpoint.every=100", "seed=0,1")
    code, text = run(*words, "sweep.concurrency=1", folder=tmp_path, **environment)
    assert code == 1 and statuses(folder) == ["failed", "failed"], text
    assert "000-seed=0: ValueError: in on_train_result" in text
    assert "broken on purpose" in (folder / "trials" / "000-seed=0" / "error.txt").read_text()
    code, text = run("resume", "sweeps/a", folder=tmp_path, **environment)
    assert code == 1 and "in on_train_result" in text, (
        "what this user saved is trusted; the cause is still there"
    )
    again = (TRUSTED, "checkpoint.every=1")
    code, text = run(
        "resume", "sweeps/a", *again, "callbacks.breaks.hook=on_record", folder=tmp_path, **environment
    )
    assert code == 1 and "in on_record" in text, "the reason of now, not the one of before"
    assert "in on_record" in next(iter(trials(folder).values()))["error"]
    again = (*again, "callbacks.breaks.at=1000")
    code, text = run("resume", "sweeps/a", *again, folder=tmp_path, **environment)
    assert code == 0 and statuses(folder) == ["done", "done"], text
    assert all(steps(folder, name) == WHOLE for name in trials(folder))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["hardware.num_env_runners=1000", "seed=0,1"], "hardware.num_env_runners"),
        (["seed=0,1", "sweep.metric=train/retrun_mean"], "train/return_mean"),
        (["algorithm.lr=1e-3,fast"], "algorithm.lr"),
        (["algorithm.lrr=1e-3,1e-4"], "algorithm.lr"),
        (["algorithm=ppo,pppo"], "ppo"),
        (["seed=range(3,3)"], "seed"),
        (["algorithm.lr=interval(1,0)", "sweep=random"], "algorithm.lr"),
        (["seed=0,1", "sweep.scheduler.name=asha", "sweep.metric=eval/return_mean"], "evaluation"),
    ],
    ids=["35", "12", "36-type", "36-key", "36-group", "empty", "reversed", "never-logged"],
)
def test_what_can_never_run_is_told_before_the_first_trial(
    words: list[str], told: str, tmp_path: Path, command: Command
) -> None:
    small: list[Any] = [*CARTPOLE, *SWEEP]
    code, text = command("-m", *small, *words)
    assert code == 2 and told in text, text
    assert not (tmp_path / "sweeps").exists()

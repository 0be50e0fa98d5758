"""Sweeps that are interrupted, killed in parts, or whose records are damaged: nothing is lost or done twice."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest
from harness import records, sweep_state
from processes import BATCH, CARTPOLE, Child, corridor, manifest, rlexp_child, run
from tracking import reading

BUDGET = 12 * BATCH
WHOLE = list(range(BATCH, BUDGET + 1, BATCH))
SWEEP = ("-m", *CARTPOLE, "callbacks=none", "sweep.name=a", f"stop.env_steps={BUDGET}")

pytestmark = pytest.mark.slow


def steps(folder: Path) -> dict[str, list[int]]:
    return {
        path.name: [row["env_steps"] for row in records(path)]
        for path in sorted((folder / "trials").iterdir())
    }


def worker(child: Child) -> psutil.Process:
    """The process that a trial trains in."""
    return next(p for p in child.family if "SweepTrial" in " ".join(p.cmdline()))


def none_left(child_family: list[psutil.Process], within_s: float = 30.0) -> bool:
    return not psutil.wait_procs(child_family, timeout=within_s)[1]


def test_ctrl_c_saves_what_trains_and_the_rest_goes_on_later(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "a"
    words = (*SWEEP[:-1], f"stop.env_steps={200 * BATCH}", "seed=0,1", "checkpoint.every=1000")
    with rlexp_child(*words, "sweep.concurrency=1", folder=tmp_path) as child:
        first = folder / "trials" / "000-seed=0"
        child.until(lambda: len(records(first)) >= 3)
        family = child.family
        child.signal_group(signal.SIGINT)
        assert child.end() == 130, child.text
        assert "save and stop" in child.text and "rlexp resume" in child.text
    assert none_left(family)
    assert sweep_state(folder)["status"] == "stopped" and manifest(first)["status"] == "stopped"
    saved = len(records(first))
    assert (first / "checkpoints" / "latest").exists() and 3 <= saved < 200
    code, text = run("resume", "sweeps/a", folder=tmp_path)
    assert code == 0 and "1 go on where they were, 1 begin" in text, text
    whole = list(range(BATCH, 200 * BATCH + 1, BATCH))
    assert steps(folder) == {"000-seed=0": whole, "001-seed=1": whole}


def test_a_killed_worker_is_replaced_and_its_trial_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "a"
    words = (*SWEEP, "seed=0,1", "sweep.concurrency=1", "sweep.max_failures=1")
    with rlexp_child(*words, folder=tmp_path) as child:
        first = folder / "trials" / "000-seed=0"
        child.until(lambda: len(records(first)) >= 3)
        worker(child).kill()
        assert child.end() == 0, child.text
    assert steps(folder) == {"000-seed=0": WHOLE, "001-seed=1": WHOLE}
    assert {trial["status"] for trial in sweep_state(folder)["trials"].values()} == {"done"}
    assert manifest(first)["resumed"][0]["from"] is not None


def test_a_killed_worker_fails_its_trial_alone(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "a"
    with rlexp_child(*SWEEP, "seed=0,1", "sweep.concurrency=1", folder=tmp_path) as child:
        first = folder / "trials" / "000-seed=0"
        child.until(lambda: len(records(first)) >= 3)
        worker(child).kill()
        assert child.end() == 1, child.text
        assert "its process died" in child.text
    assert [trial["status"] for trial in sweep_state(folder)["trials"].values()] == ["failed", "done"]


def test_after_sigkill_nothing_stays_and_damaged_records_are_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "a"
    with rlexp_child(*SWEEP, "seed=0,1", "sweep.concurrency=1", folder=tmp_path) as child:
        child.until(lambda: len(records(folder / "trials" / "001-seed=1")) >= 3)
        family = child.family
        child.kill()
    began = time.monotonic()
    assert none_left(family[1:]), f"still there after {time.monotonic() - began:.0f} s"
    whole = (folder / "sweep.json").read_bytes()
    for share in (0.0, 0.5, 0.99):
        (folder / "sweep.json").write_bytes(whole[: int(len(whole) * share)])
        code, text = run("resume", "sweeps/a", "sweep.mode=min", folder=tmp_path)
        assert code == 2 and "is settled when a sweep is planned" in text, text
    code, text = run("resume", "sweeps/a", folder=tmp_path)
    assert code == 0 and "sweep.json was damaged" in text and "1 done before" in text, text
    assert steps(folder) == {"000-seed=0": WHOLE, "001-seed=1": WHOLE}


def test_an_environment_that_hangs_fails_its_trial_alone(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "a"
    words = ("-m", *corridor("Slow", step_s=0.0), "callbacks=none", "sweep.name=a", "stop.iterations=3")
    code, text = run(
        *words, "+env.config.hang_at=300,1000000", "hardware.sample_timeout_s=2", folder=tmp_path
    )
    assert code == 1, text
    trials = sweep_state(folder)["trials"]
    assert [trial["status"] for trial in trials.values()] == ["failed", "done"]
    assert "hang" in next(iter(trials.values()))["error"]


def test_a_sweep_ends_when_its_time_is_up(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "a"
    words = ("-m", *CARTPOLE, "callbacks=none", "sweep.name=a", "stop.env_steps=10000000", "sweep.wall_s=12")
    began = time.monotonic()
    code, text = run(*words, "seed=0,1,2", "sweep.concurrency=1", folder=tmp_path)
    assert code == 0 and time.monotonic() - began < 60, text
    counts = [trial["status"] for trial in sweep_state(folder)["trials"].values()]
    assert counts[1:] == ["waiting", "waiting"] and sweep_state(folder)["status"] == "stopped"
    before = next(iter(sweep_state(folder)["trials"].values()))["env_steps"]
    code, text = run("resume", "sweeps/a", "sweep.wall_s=25", folder=tmp_path)
    assert code == 0 and "1 go on where they were, 2 begin" in text, text
    after = next(iter(sweep_state(folder)["trials"].values()))
    assert after["env_steps"] > before and sweep_state(folder)["status"] == "stopped"


def test_more_trials_of_a_random_search_are_drawn_where_it_ended(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "a"
    words = ("-m", *CARTPOLE, "callbacks=none", "sweep.name=a", "stop.iterations=1", "sweep=random")
    code, text = run(*words, "algorithm.lr=tag(log,interval(1e-5,1e-2))", "sweep.trials=2", folder=tmp_path)
    assert code == 0, text
    first = sweep_state(folder)["trials"]
    code, text = run("resume", "sweeps/a", "sweep.trials=3", "stop.itertions=2", folder=tmp_path)
    assert code == 2 and "stop.iterations" in text, text
    code, text = run("resume", "sweeps/a", "sweep.trials=3", folder=tmp_path)
    assert code == 0 and "2 done before, 0 go on where they were, 1 begin" in text, text
    trials = sweep_state(folder)["trials"]
    assert list(trials)[:2] == list(first) and len(trials) == 3
    assert len({trial["varied"]["algorithm.lr"] for trial in trials.values()}) == 3


def test_killed_in_a_trial_its_newest_wandb_run_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "a"
    # Slow: W&B's writer keeps back the first seconds.
    words = (
        "-m",
        *corridor("Slow", step_s=0.005),
        "callbacks=none",
        "tracking=wandb",
        "sweep.name=a",
        "seed=0,1",
    )
    words += (f"stop.env_steps={10 * BATCH}", "checkpoint.every=2", "sweep.concurrency=1")
    with rlexp_child(*words, folder=tmp_path) as child:
        second = folder / "trials" / "001-seed=1"
        child.until(lambda: len(records(second)) >= 7)
        child.kill()
    code, text = run("resume", "sweeps/a", folder=tmp_path)
    assert code == 0, text
    for name, sessions in (("000-seed=0", 1), ("001-seed=1", 2)):
        trial = folder / "trials" / name
        segments = reading.logs(trial)
        assert len(segments) == sessions
        runs = [reading.records(segment, "run")[0] for segment in segments]
        first = manifest(trial)["run_id"]
        counted = segments if len({told["run_id"] for told in runs}) == 1 else segments[1:]
        assert {told["run_id"] for told in runs} <= {first, f"{first}-2"}
        assert {(told["run_group"], told["display_name"]) for told in runs} == {("a", name)}
        told = [row["env_steps"] for segment in counted for row in reading.history(segment)]
        assert told == [BATCH * i for i in range(1, 11)]
    assert len({manifest(folder / "trials" / name)["run_id"] for name in ("000-seed=0", "001-seed=1")}) == 2

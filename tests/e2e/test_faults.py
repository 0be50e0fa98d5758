"""Each fault really caused in a run, and what the person is told; the numbers are those of the faults."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from processes import (
    BATCH,
    CARTPOLE,
    SMALL,
    checkpoints,
    corridor,
    gone,
    manifest,
    records,
    rlexp_child,
    run,
    summary,
)

from rlexp.checkpoint import seal
from rlexp.errors import CheckpointError, ConfigError

HERE = Path(__file__).parent
BREAKING = {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])}
TRUSTED = "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,breaking]"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small filesystem in the test's folder; skips where mounting is not allowed."""
    with ExitStack() as mounted:

        def mount(options: str) -> Path:
            place = tmp_path / "disk"
            place.mkdir()
            if shutil.which("mount") is None:
                pytest.skip("there is no mount command here")
            command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
            mounted.callback(subprocess.run, ["umount", "-l", str(place)], check=True)
            return place

        yield mount


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Trains in this process, in `tmp_path/runs`."""
    import rlexp

    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def start(*overrides: str) -> Any:
        return rlexp.train(rlexp.compose(["callbacks=none", *overrides, f"runs_dir={tmp_path / 'runs'}"]))

    return start


def failed(folder: Path, text: str, why: str) -> None:
    """One clear line on the terminal, the trace in the folder, `failed` in the records."""
    errors = [line for line in text.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and re.search(why, errors[0]), text
    assert "Traceback" not in text
    assert manifest(folder)["status"] == summary(folder)["status"] == "failed"
    assert "Traceback" in (folder / "error.txt").read_text()


def test_1_an_environment_that_raises_sometimes_is_retried_and_counted(train: Callable[..., Any]) -> None:
    done = train(*corridor("Crashing", p_crash=0.02), "stop.iterations=5", "name=a")
    assert done.exit_code == 0
    lines = records(done.folder)
    assert sum(line["perf/env_failures"] for line in lines) > 0
    assert [line["env_steps"] for line in lines] == [BATCH * i for i in range(1, 6)], "no batch is short"


@pytest.mark.parametrize("runners", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_2_an_environment_that_always_raises_ends_the_run_in_bounded_time(
    tmp_path: Path, runners: int
) -> None:
    env = ("env=gym", "env.id=breaking.BreaksForGood", TRUSTED, *SMALL[1:])
    words = (*env, f"hardware.num_env_runners={runners}", "hardware.num_cpus_per_env_runner=0.5", "name=a")
    start = time.monotonic()
    code, text = run(*words, folder=tmp_path, **BREAKING)
    assert code == 1 and time.monotonic() - start < 60, text
    failed(tmp_path / "runs" / "a", text, r"breaking.BreaksForGood.*times in a row.*the simulator is gone")
    trace = (tmp_path / "runs" / "a" / "error.txt").read_text()
    assert re.search(r'File ".*breaking.py", line \d+, in step', trace), trace


def test_2_one_that_never_worked_is_refused_before_training(
    train: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"envs.testing.Crashing.*times in a row.*the simulator crashed"):
        train(*corridor("Crashing", p_crash=1.0), "name=a")
    assert not (tmp_path / "runs" / "a").exists()


@pytest.mark.parametrize(("field", "value"), [("observation", "nan"), ("reward", "inf")])
def test_10_a_number_that_is_not_finite_stops_the_run_with_env_step_and_field(
    train: Callable[..., Any], field: str, value: str
) -> None:
    outcome = train(*corridor("NotFinite", at_step=300, field=field, value=value), "name=a")
    assert outcome.exit_code == 1 and outcome.error is not None
    assert re.search(rf"envs.testing.NotFinite.*returned {value} in .*step 300", outcome.error), outcome.error
    assert manifest(outcome.folder)["status"] == "failed"
    assert summary(outcome.folder)["checkpoint"] == f"checkpoints/step_{BATCH}", "the last good state stays"


def test_12_a_metric_that_is_not_logged_is_told_with_the_nearest(tmp_path: Path) -> None:
    code, text = run(*CARTPOLE, "stop.metric={train/retrun_mean: 5}", "name=a", folder=tmp_path)
    assert code == 2 and "train/retrun_mean" in text and "did you mean: train/return_mean" in text
    assert not (tmp_path / "runs" / "a").exists()


def test_16_killed_inside_a_save_the_last_whole_checkpoint_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    wide = [word for word in corridor() if not word.startswith("model.")]
    words = (*wide, "model.fcnet_hiddens=[1024,1024]", "callbacks=none", "checkpoint.keep=100", "name=a")
    with rlexp_child(*words, folder=tmp_path) as child:
        child.until(lambda: len([n for n in checkpoints(folder) if n.startswith("step_")]) >= 2)
        child.until(lambda: any(name.startswith(".writing-") for name in checkpoints(folder)))
        child.kill()
    left = checkpoints(folder)
    assert any(name.startswith(".writing-") for name in left)
    whole = max(int(name[5:]) for name in left if name.startswith("step_"))
    iterations = whole // BATCH + 2
    code, text = run("resume", "runs/a", f"stop.iterations={iterations}", folder=tmp_path)
    assert code == 0 and f"resumed from step_{whole}:" in text
    assert [line["iteration"] for line in records(folder)] == list(range(1, iterations + 1))
    assert not [name for name in checkpoints(folder) if name.startswith(".")], "the half is cleared away"


def test_17_18_a_checkpoint_with_a_part_missing_is_refused(train: Callable[..., Any]) -> None:
    from rlexp.run.evaluate import evaluate
    from rlexp.run.resume import resume

    done = train(*corridor(), "stop.iterations=1", "name=a")
    shutil.rmtree(done.folder / "checkpoints" / f"step_{BATCH}" / "algorithm/learner_group/learner/rl_module")
    for use in (partial(resume, done.folder, ["stop.iterations=2"]), partial(evaluate, done.folder)):
        with pytest.raises(CheckpointError, match=r"damaged: .*rl_module.*missing") as told:
            use()
        assert told.value.exit_code == 2
    assert manifest(done.folder)["status"] == "done" and len(records(done.folder)) == 1


def test_19_a_full_disk_fails_the_run_with_one_line_and_keeps_the_last_checkpoint(
    tmp_path: Path, small_disk: Callable[[str], Path]
) -> None:
    disk = small_disk("size=6m")
    wide = [word for word in corridor() if not word.startswith("model.")]
    words = (*wide, "model.fcnet_hiddens=[300,300]", "checkpoint.keep=100", "callbacks=progress", "name=a")
    code, text = run(*words, "tracking=[wandb,tensorboard]", f"runs_dir={disk}", folder=tmp_path)
    assert code == 1, text
    errors = [line for line in text.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and "no space is left on the disk" in errors[0].lower()
    assert "Traceback" not in text
    kept = [name for name in checkpoints(disk / "a") if not name.startswith(".")]
    whole = max(int(name[5:]) for name in kept if name.startswith("step_"))
    assert [name for name in checkpoints(disk / "a") if name.startswith(".")] == []
    assert manifest(disk / "a")["status"] == "failed"
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    iterations = whole // BATCH + 1
    code, text = run("resume", str(disk / "a"), f"stop.iterations={iterations}", folder=tmp_path)
    assert code == 0 and f"resumed from step_{whole}:" in text
    assert [line["iteration"] for line in records(disk / "a")] == list(range(1, iterations + 1))


def test_20_a_read_only_place_is_refused_before_training(
    tmp_path: Path, small_disk: Callable[[str], Path]
) -> None:
    disk = small_disk("size=1m,ro")
    code, text = run(*corridor(), "name=a", f"runs_dir={disk}/runs", folder=tmp_path)
    assert code == 2 and "read-only" in text and "runs_dir=" in text and "building" not in text


def test_21_temporary_files_on_another_filesystem_do_no_harm(
    train: Callable[..., Any], small_disk: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = small_disk("size=8m")
    monkeypatch.setenv("TMPDIR", str(disk))
    monkeypatch.setattr(tempfile, "tempdir", None)
    done = train(*corridor(), "stop.iterations=2", "name=a")
    assert done.exit_code == 0 and checkpoints(done.folder)[-1] == f"step_{2 * BATCH}"
    assert [path.name for path in disk.iterdir()] == [], "and nothing stays there"


def test_29_a_second_launch_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    with rlexp_child(*corridor("Slow", step_s=0.001), "name=a", folder=tmp_path) as child:
        child.until(lambda: manifest(folder) if (folder / "manifest.json").exists() else None)
        for words in ((*corridor(), "name=a", "overwrite=true"), ("resume", "runs/a")):
            code, text = run(*words, folder=tmp_path)
            assert code == 2 and f"another process is using {folder}" in text, text
            assert f"pid {child.process.pid}" in text
        child.until(lambda: records(folder))
    assert manifest(folder)["status"] == "running"


def test_33_34_killed_with_remote_runners_no_process_stays_and_the_run_goes_on(tmp_path: Path) -> None:
    """Under a stale RAY_ADDRESS, which must not be followed."""
    folder = tmp_path / "runs" / "a"
    remote = (
        "hardware.num_env_runners=2",
        "hardware.num_cpus_per_env_runner=0.5",
        "callbacks=none",
        "name=a",
    )
    stale = {"RAY_ADDRESS": "127.0.0.1:1"}
    with rlexp_child(*CARTPOLE, *remote, folder=tmp_path, **stale) as child:
        child.until(lambda: len(records(folder)) >= 2)
        family = child.family
        assert len(family) > 5
        child.kill()
        assert gone(family, 30) == []
    iterations = len(records(folder)) + 1
    code, text = run("resume", "runs/a", f"stop.iterations={iterations}", folder=tmp_path, **stale)
    assert code == 0, text
    assert [line["iteration"] for line in records(folder)] == list(range(1, iterations + 1))
    assert "RAY_ADDRESS=127.0.0.1:1 is ignored" in (folder / "log.txt").read_text()
    assert not [p for p in psutil.process_iter() if p.pid in {f.pid for f in family} and p.name() == "raylet"]


def test_35_more_cpus_than_there_are_is_told_before_anything_starts(tmp_path: Path) -> None:
    code, text = run(*CARTPOLE, "hardware.num_env_runners=1000", "name=a", folder=tmp_path)
    assert code == 2 and "1000" in text and "hardware.num_env_runners" in text and "training" not in text
    assert not (tmp_path / "runs" / "a").exists()


def test_38_a_strangers_checkpoint_is_refused_unless_trusted(
    train: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlexp.run.resume import resume

    made = train(*corridor(), "stop.iterations=1", "name=a").folder
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "another"))
    for use in (
        partial(resume, made, ["stop.iterations=2"]),
        partial(train, *corridor(), f"checkpoint.from={made}", "name=b"),
    ):
        with pytest.raises(CheckpointError, match=r"runs the code stored in it[\s\S]*checkpoint.trust=true"):
            use()
    assert manifest(made)["status"] == "done" and not (tmp_path / "runs" / "b").exists()
    assert resume(made, ["stop.iterations=2", "checkpoint.trust=true"]).status == "done"


def test_39_other_spaces_on_restore_are_refused_with_the_difference(
    train: Callable[..., Any], tmp_path: Path
) -> None:
    from rlexp.run.resume import resume

    wide = ("env=gym", "env.id=breaking.Wide", TRUSTED, *SMALL[1:])
    (tmp_path / "width").write_text("3")
    made = train(*wide, "stop.iterations=1", "name=a").folder
    before = {name: (made / name).read_text() for name in ("config.yaml", "manifest.json", "metrics.jsonl")}
    (tmp_path / "width").write_text("4")
    for use in (
        partial(resume, made, ["stop.iterations=2", TRUSTED]),
        partial(train, *wide, f"checkpoint.from={made}", "name=b"),
    ):
        difference = r"observation space:\n +checkpoint .*\(3,\).*\n +this run +.*\(4,\)"
        with pytest.raises(CheckpointError, match=difference) as told:
            use()
        assert told.value.exit_code == 2
    for name, text in before.items():
        assert (made / name).read_text() == text, "a refused resume changes nothing"
    assert not (tmp_path / "runs" / "b").exists()


def test_39_another_module_class_on_restore_is_refused(train: Callable[..., Any]) -> None:
    from rlexp.run.resume import resume

    made = train(*corridor(), "stop.iterations=1", "name=a").folder
    checkpoint = made / "checkpoints" / f"step_{BATCH}"
    spaces = json.loads((checkpoint / "spaces.json").read_text())
    spaces["default_policy class"] = "my_models.Renamed"
    (checkpoint / "spaces.json").write_text(json.dumps(spaces))
    sealed = seal.read(checkpoint)
    seal.write(checkpoint, step=sealed.step, score=sealed.score, meta=sealed.meta, serial=sealed.serial)
    difference = r"class:\n +checkpoint my_models.Renamed\n +this run +ray.rllib"
    with pytest.raises(CheckpointError, match=difference):
        resume(made, ["stop.iterations=2"])


@pytest.fixture
def breaking_run(train: Callable[..., Any]) -> Callable[..., Any]:
    """Trains in this process with `breaking.Breaks`."""

    def start(hook: str, *words: str) -> Any:
        callback = f"+callbacks.broken={{_target_: breaking.Breaks, hook: {hook}}}"
        return train(*corridor(), callback, TRUSTED, *words)

    return start


@pytest.mark.parametrize("hook", ["on_run_start", "on_record", "on_checkpoint", "on_train_result"])
def test_a_callback_that_raises_fails_the_run_which_then_can_go_on(
    breaking_run: Callable[..., Any], hook: str
) -> None:
    from rlexp.run.resume import resume

    every = 5 if hook == "on_record" else 1
    outcome = breaking_run(hook, "name=a", f"checkpoint.every={every}")
    assert outcome.exit_code == 1 and outcome.error == f"ValueError: in {hook}"
    trace = (outcome.folder / "error.txt").read_text()
    assert "broken on purpose" in trace and "breaking.py" in trace
    assert manifest(outcome.folder)["status"] == "failed"
    if hook == "on_record":
        assert checkpoints(outcome.folder)[-1] == f"step_{2 * BATCH}", "what was trained is saved"
    again = resume(outcome.folder, ["stop.iterations=4", "callbacks.broken.hook=none", TRUSTED])
    assert again.status == "done" and [r["iteration"] for r in records(outcome.folder)] == [1, 2, 3, 4]
    assert not (outcome.folder / "error.txt").exists() and manifest(outcome.folder)["status"] == "done"


def test_a_callback_that_fails_to_close_is_only_told(
    breaking_run: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    outcome = breaking_run("on_run_end", "stop.iterations=2", "name=a")
    assert outcome.status == "done"
    assert "Breaks failed to close: ValueError: in on_run_end" in capfd.readouterr().err


def test_a_tracker_that_raises_fails_the_run(train: Callable[..., Any]) -> None:
    outcome = train(*corridor(), "+tracking.broken={_target_: breaking.BrokenTracker}", TRUSTED, "name=a")
    assert outcome.exit_code == 1 and outcome.error == "OSError: the tracker is broken"
    assert manifest(outcome.folder)["status"] == "failed"
    assert summary(outcome.folder)["checkpoint"] == f"checkpoints/step_{2 * BATCH}"


@pytest.mark.slow
def test_a_refusal_after_building_stops_every_process(tmp_path: Path) -> None:
    """That a checkpoint has other spaces is found out when the algorithm and Ray are there already."""
    (tmp_path / "width").write_text("3")
    wide = ("env=gym", "env.id=breaking.Wide", TRUSTED, *SMALL[1:])
    assert run(*wide, "stop.iterations=1", "name=a", folder=tmp_path, **BREAKING)[0] == 0
    (tmp_path / "width").write_text("4")
    remote = ("hardware.num_env_runners=1", "checkpoint.from=runs/a", "name=b")
    with rlexp_child(*wide, *remote, folder=tmp_path, **BREAKING) as child:
        child.until(lambda: len(child.family) > 5)
        family = child.family
        assert child.end(60) == 2, child.text
        assert gone(family, 30) == []
    assert not (tmp_path / "runs" / "b").exists()

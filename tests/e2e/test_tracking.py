"""Whole runs read back from their trackers, with the trackers' own readers."""

from __future__ import annotations

import math
import re
import socket
from pathlib import Path

import pytest
from harness import records
from processes import BATCH, corridor, manifest, rlexp_child, run, summary
from tracking import reading

KEY = "0123456789abcdef0123456789abcdef01234567"


def holds_no_key(folder: Path) -> None:
    for file in (f for f in folder.rglob("*") if f.is_file()):
        assert KEY.encode() not in file.read_bytes(), file


def tensorboard(folder: Path) -> dict[str, dict[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: {e.step: e.value for e in events.Scalars(tag)} for tag in events.Tags()["scalars"]}


@pytest.mark.slow
@pytest.mark.landing
def test_27_28_killed_and_resumed_both_trackers_have_one_whole_run(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    words = (
        *corridor("Slow", step_s=0.005),
        "tracking=[wandb,tensorboard]",
        "callbacks=none",
        "checkpoint.every=2",
    )
    words += ("tracking.wandb.group=study", "tracking.wandb.tags=[first]", "name=a")
    with rlexp_child(*words, folder=tmp_path, WANDB_API_KEY=KEY) as child:
        child.until(lambda: len(records(folder)) >= 7)
        child.kill()
    killed = records(folder)
    first = reading.logs(folder)[0]
    logged = [row["env_steps"] for row in reading.history(first)]
    assert logged == [BATCH * i for i in range(1, len(logged) + 1)]
    assert len(killed) - len(logged) <= 4, "at most the last seconds of history are lost"

    iterations = len(killed) + 2
    code, text = run("resume", "runs/a", f"stop.iterations={iterations}", folder=tmp_path, WANDB_API_KEY=KEY)
    assert code == 0, text
    lines, segments = records(folder), reading.logs(folder)
    assert [line["env_steps"] for line in lines] == [BATCH * i for i in range(1, iterations + 1)]
    assert len(segments) == 2 and f"wandb sync {segments[1].parent}" in text
    runs = [reading.records(segment, "run")[0] for segment in segments]
    run_id = manifest(folder)["run_id"]
    ahead = max(logged, default=0) > int(text.partition("resumed from step_")[2].partition(":")[0])
    assert [r["run_id"] for r in runs] == [run_id, f"{run_id}-2" if ahead else run_id]
    assert {(r["run_group"], r["display_name"], *r["tags"]) for r in runs} == {("study", "a", "first")}

    config = runs[1]["config"]["update"]
    assert config["env"]["id"] == "envs.testing.Slow" and config["checkpoint"]["every"] == 2
    assert config["algorithm"]["train_batch_size_per_learner"] == BATCH

    counted = segments[1:] if ahead else segments
    rows = [row for segment in counted for row in reading.history(segment)]
    assert [row["env_steps"] for row in rows] == [line["env_steps"] for line in lines]
    for row, line in zip(rows, lines, strict=True):
        for name, value in line.items():
            assert row[name] == pytest.approx(value, nan_ok=True), name
    assert (f"all that counts is in {run_id}-2" in text) == ahead
    told = reading.summary(segments[1])["summary"]
    assert told["status"] == "done"
    assert told["best_return_mean"] == pytest.approx(summary(folder)["best_return_mean"])

    curves = tensorboard(folder)
    for name in ("train/return_mean", "learner/total_loss", "perf/sps"):
        want = {line["env_steps"]: line[name] for line in lines if name in line}
        unwritten = sorted(want.keys() - curves[name].keys())
        assert curves[name].keys() <= want.keys() and len(unwritten) <= 6, "the last seconds before the kill"
        assert all(step <= killed[-1]["env_steps"] for step in unwritten)
        for step, value in curves[name].items():
            # Steps after the checkpoint were trained anew; what the resumed run says of them counts.
            assert math.isclose(want[step], value, rel_tol=1e-5), (name, step)
    holds_no_key(tmp_path)


@pytest.mark.slow
@pytest.mark.landing
def test_26_an_unreachable_server_never_stops_a_run(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    words = (*corridor(), "tracking=wandb", "tracking.wandb.mode=online", "stop.iterations=3", "name=a")
    online = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": f"http://127.0.0.1:{port}", "WANDB_MODE": "online"}
    code, text = run(*words, folder=tmp_path, timeout=60, **online)
    folder = tmp_path / "runs" / "a"
    assert code == 0 and len(records(folder)) == 3
    told = re.search(r"W&B was offline; upload the run with: wandb sync (\S+)", text)
    assert told and Path(told[1]).is_dir(), text
    assert len(reading.history(reading.logs(folder)[0])) == 3
    assert f"http://127.0.0.1:{port} cannot be used" in (folder / "log.txt").read_text()
    holds_no_key(tmp_path)

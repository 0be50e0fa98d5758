"""Real W&B offline folders, written by real processes and read back by wandb's own reader."""

from __future__ import annotations

import http.server
import json
import logging
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from reading import KEY, child, finished, history, logs, records, summary, written

from rlexp.base.errors import ConfigError
from rlexp.base.events import RunInfo
from rlexp.tracking.wandb import WandbTracker
from rlexp.tracking.wandb_mode import choose, has_key, why_unreachable

WAIT_S = 2.0
"""Who waited for W&B or for a server would take longer; a record takes a millisecond, on a busy machine a hundred."""
INFO = {"name": "a-run", "run_id": "run0id", "config": {"algorithm": {"lr": 0.1}}}


def test_an_offline_run_has_config_history_group_and_summary_and_no_secret(tmp_path: Path) -> None:
    arguments = {"mode": "offline", "project": "lab", "tags": ["a", "b"], "notes": "why"}
    process = child(
        tmp_path / "run", "wandb", 10, 100, 10, 0.001, 0, json.dumps(arguments), WANDB_API_KEY=KEY
    )
    figures, err = finished(process)
    assert err == ""
    assert figures["longest"] < WAIT_S
    (log,) = logs(tmp_path / "run")
    rows = history(log)
    assert [row["env_steps"] for row in rows] == list(range(10, 101, 10))
    assert [row["_step"] for row in rows] == list(range(10, 101, 10))
    assert [row["train/return_mean"] for row in rows] == list(range(-10, -101, -10))
    (run,) = records(log, "run")
    assert (run["run_id"], run["run_group"], run["display_name"]) == ("run0id", "a-sweep", "a-run")
    told = summary(log)
    assert told["config"]["algorithm"] == {"lr": 0.1}
    assert told["config"]["env"]["config"]["api_token"] == "***"
    assert (told["project"], told["tags"], told["notes"]) == ("lab", ["a", "b"], "why")
    assert (told["state"], told["exit_code"]) == ("finished", 0)
    assert told["summary"]["train/return_mean"] == {"max": -10, "last": -100}
    assert told["summary"]["return_mean"] == 1.5
    assert told["summary"]["status"] == "done"
    metrics = {metric.get("name") or metric["glob_name"]: metric for metric in records(log, "metric")}
    assert metrics["*"]["step_metric"] == "env_steps"
    for file in (tmp_path / "run").rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file
            assert b"s3cr3t" not in file.read_bytes(), file


def test_a_closed_port_neither_stops_nor_slows_the_run(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"  # bound, but nobody listens
        extra = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": url}
        arguments = json.dumps({"mode": "online"})
        figures, err = finished(child(tmp_path / "run", "wandb", 1, 300, 1, 0.005, 0, arguments, **extra))
    assert figures["longest"] < WAIT_S
    assert figures["end"] < 10
    (log,) = logs(tmp_path / "run")
    assert [row["env_steps"] for row in history(log)] == list(range(1, 301))
    assert f"W&B at {url} cannot be used" in err
    assert f"wandb sync {log.parent}" in err
    assert len(err.splitlines()) == 1


@pytest.fixture
def refusing_server() -> Iterator[str]:
    """An HTTP server that answers, but takes no key."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            self.send_response(200)
            self.end_headers()

        def do_POST(self) -> None:  # noqa: N802
            self.send_response(401)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_server_that_refuses_the_key_makes_the_run_offline_under_the_same_id(
    tmp_path: Path, refusing_server: str
) -> None:
    extra = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": refusing_server}
    figures, err = finished(child(tmp_path / "run", "wandb", 1, 200, 1, 0.002, 0, "{}", **extra))
    assert figures["longest"] < WAIT_S
    (log,) = logs(tmp_path / "run")
    assert log.name == "run-run0id.wandb"
    assert len(history(log)) == 200
    assert "401" in err
    assert f"wandb sync {log.parent}" in err


def test_a_silent_server_is_given_up_after_the_time_limit() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        reason = why_unreachable(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
    assert reason is not None
    assert time.monotonic() - started < 2


@pytest.mark.slow
@pytest.mark.parametrize("ahead", [pytest.param(True, marks=pytest.mark.landing), False])
def test_a_killed_and_resumed_run_is_whole_in_its_newest_wandb_run(tmp_path: Path, ahead: bool) -> None:
    """`ahead`: W&B has rows after the checkpoint; else it lacks the last ones before."""
    folder = tmp_path / "run"
    process = child(folder, "wandb", 10, 10**6, 10, 0.02, 0, json.dumps({"mode": "offline"}))
    assert process.stdout is not None
    printed: list[tuple[int, float]] = []
    while not printed or printed[-1][1] - printed[0][1] < 7:
        _, step, at = process.stdout.readline().split()
        printed.append((int(step), float(at)))
    process.send_signal(signal.SIGKILL)
    killed = time.time()
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGKILL
    (first,) = logs(folder)
    before = [row["env_steps"] for row in history(first)]
    assert before == list(range(10, before[-1] + 1, 10)), "a hole in the history"
    # The seconds that the kill cost: those after the last row that the file has.
    lost_s = killed - dict(printed)[before[-1]]
    assert lost_s < 4, lost_s

    time.sleep(1.1)  # wandb names its folders by the second
    # wandb's own process outlives the killed one, and may have written a row since the file was first read.
    last = history(first)[-1]["env_steps"]
    checkpoint = last - 50 if ahead else max(dict(printed))
    end = checkpoint + 500
    resumed = child(folder, "wandb", checkpoint + 10, end, 10, 0.0, checkpoint, '{"mode": "offline"}')
    finished(resumed)
    _, second = logs(folder)
    after = [row["_step"] for row in history(second)]
    earlier = [] if ahead else [row["env_steps"] for row in history(first)]
    assert [*earlier, *after] == list(range(10, end + 1, 10)), "a hole, or a step twice"
    assert records(second, "run")[0]["run_id"] == ("run0id-2" if ahead else "run0id")


def finish_one(folder: Path, tracker: WandbTracker, status: str = "done") -> Path:
    tracker.on_run_end(status, {})
    (log,) = logs(folder)
    return written(log)


def test_videos_checkpoints_and_failure_are_logged(tmp_path: Path) -> None:
    tracker = WandbTracker(mode="offline", log_checkpoints=True)
    tracker.on_run_start(RunInfo(folder=tmp_path, **INFO))
    video = tmp_path / "episode.gif"
    video.write_bytes(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;")
    tracker.log_video("video/eval", video)
    tracker.on_record({"env_steps": 5, "iteration": 1})
    checkpoint = tmp_path / "checkpoints" / "step_5"
    checkpoint.mkdir(parents=True)
    (checkpoint / "weights").write_text("w")
    (checkpoint.parent / "best").symlink_to("step_5")
    tracker.on_checkpoint(checkpoint, {"env_steps": 5, "iteration": 1})
    tracker.log_video("video/last", video)
    log = finish_one(tmp_path, tracker, "failed")
    rows = history(log)
    assert rows[0]["video/eval._type"] == "video-file"
    assert rows[-1]["video/last._type"] == "video-file"
    assert len(list(log.parent.glob("files/media/videos/video/*.gif"))) == 2
    (artifact,) = records(log, "artifact")
    assert artifact["name"] == "run0id-checkpoint"
    assert set(artifact["aliases"]) == {"latest", "best"}
    assert [entry["path"] for entry in artifact["manifest"]["contents"]] == ["weights"]
    assert summary(log)["exit_code"] == 1
    assert tracker.notice == f"W&B was offline; upload the run with: wandb sync {log.parent}"


def test_something_wandb_cannot_take_is_said_once_and_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = WandbTracker(mode="offline")
    tracker.on_run_start(RunInfo(folder=tmp_path, **INFO))
    tracker.log_video("video/eval", tmp_path / "missing.mp4")
    tracker.log_video("video/eval", tmp_path / "missing.mp4")
    tracker.on_record({"env_steps": 5, "iteration": 1, "train/return_mean": float("nan")})
    with caplog.at_level(logging.WARNING):
        log = finish_one(tmp_path, tracker)
    assert [row["env_steps"] for row in history(log)] == [5]
    assert history(log)[0]["train/return_mean"] == "NaN"
    assert len([record for record in caplog.records if "could not take" in record.message]) <= 1


def test_disabled_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    tracker = WandbTracker()
    tracker.on_run_start(RunInfo(folder=tmp_path, **INFO))
    tracker.on_record({"env_steps": 5, "iteration": 1})
    tracker.on_run_end("done", {})
    assert list(tmp_path.iterdir()) == []


def test_auto_goes_online_only_with_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://wandb.example.org"
    assert choose("auto", url) == "offline"
    file = tmp_path / "netrc"
    file.write_text(f"machine other.example.org login user password {KEY}\n")
    monkeypatch.setenv("NETRC", str(file))
    assert choose("auto", url) == "offline"
    file.write_text(f"machine wandb.example.org login user password {KEY}\n")
    assert choose("auto", url) == "online"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert choose("auto", url) == "offline"
    assert choose("online", url) == "online"
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert has_key(url)


def test_wrong_modes_are_refused() -> None:
    with pytest.raises(ConfigError, match="tracking.wandb.mode is 'onlin'") as caught:
        WandbTracker(mode="onlin")
    assert "online" in caught.value.suggestions
    with pytest.raises(ConfigError, match="there is no API key"):
        WandbTracker(mode="online")


@pytest.mark.parametrize(
    ("chosen", "environment", "expected"),
    [(None, None, "rlexp"), (None, "lab", "lab"), ("mine", "lab", "mine")],
)
def test_the_project_is_the_configs_or_the_environments(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    chosen: str | None,
    environment: str | None,
    expected: str,
) -> None:
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    if environment is not None:
        monkeypatch.setenv("WANDB_PROJECT", environment)
    tracker = WandbTracker(mode="offline", project=chosen)
    tracker.on_run_start(RunInfo(tmp_path, "a-run", "run0id", {}))
    log = finish_one(tmp_path, tracker)
    assert records(log, "run")[0]["project"] == expected

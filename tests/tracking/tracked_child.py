"""A stand-in for a training process, to be killed: reports rows to one tracker and prints each step.

python tracked_child.py FOLDER TRACKER FIRST_STEP LAST_STEP STEP PAUSE_S [RESUMED_AT] [ARGUMENTS as JSON]
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from rlexp.base.events import RunInfo


def make(tracker: str, folder: Path, arguments: dict[str, Any]) -> list[Any]:
    """As a run has them: its own record first."""
    from rlexp.storage.runs.metrics_file import MetricsFile
    from rlexp.tracking.wandb import WandbTracker

    record = MetricsFile(folder / "metrics.jsonl")
    return [record, WandbTracker(**arguments)] if tracker == "wandb" else [record]


def main() -> None:
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    first, last, every = (int(text) for text in sys.argv[3:6])
    pause, resumed_at = float(sys.argv[6]), int(sys.argv[7]) if len(sys.argv) > 7 else 0
    arguments = json.loads(sys.argv[8]) if len(sys.argv) > 8 else {}
    folder.mkdir(parents=True, exist_ok=True)
    listeners = make(kind, folder, arguments)
    config = {"algorithm": {"lr": 0.1}, "env": {"config": {"api_token": "s3cr3t-s3cr3t"}}}
    info = RunInfo(folder, "a-run", "run0id", config, resumed_at=resumed_at, group="a-sweep")
    for listener in listeners:
        listener.on_run_start(info)
    longest = 0.0
    for iteration, step in enumerate(range(first, last + 1, every), start=1):
        started = time.perf_counter()
        for listener in listeners:
            listener.on_record({"env_steps": step, "iteration": iteration, "train/return_mean": float(-step)})
        longest = max(longest, time.perf_counter() - started)
        print(f"step {step} {time.time()}", flush=True)
        time.sleep(pause)
    started = time.perf_counter()
    for listener in listeners:
        listener.on_run_end("done", {"return_mean": 1.5, "wall_s": 2.0})
    print(json.dumps({"longest": longest, "end": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main()

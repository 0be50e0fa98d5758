"""A run's course as the run loop tells it, for the display's tests: `course.py LOG BUDGET END CLASS`."""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path
from typing import Any

from rlexp.base.events import Record, RunInfo
from rlexp.terminal.quiet import quiet

BUDGETS: dict[str, dict[str, Any]] = {
    "steps": {"env_steps": 1000},
    "iterations": {"env_steps": None, "iterations": 5},
    "time": {"wall_s": 60.0},
    "none": {},
}

if __name__ == "__main__":
    log, budget, end = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    # The callback itself imports RLlib, which takes seconds; its display does not.
    module = "callbacks.progress" if sys.argv[4] == "Progress" else "callbacks.display"
    display = getattr(importlib.import_module(module), sys.argv[4])
    with quiet(log) as terminal:
        progress = display(every_s=0.0, refresh_per_s=20.0)
        with terminal.status("building ..."):
            time.sleep(0.2)
            progress.on_run_start(RunInfo(Path("runs/x"), "trial", "id", {}, BUDGETS[budget]))
        for iteration in range(1, 5):
            time.sleep(0.3)
            print("a library talks")
            os.write(1, b"a child talks\n")
            if iteration == 2:
                progress.on_evaluate_start()
                time.sleep(0.2)
                progress.on_evaluate_end()
                terminal.warn("something is odd")
            record: Record = {"env_steps": 128 * iteration, "iteration": iteration}
            record["train/return_mean"] = 10.0 * iteration
            if iteration == 2:
                record["eval/return_mean"] = 51.0
            progress.on_record(record)
            if iteration == 3 and end == "crash":
                raise RuntimeError("broken")
            if iteration == 3 and end == "ctrl-c":
                raise KeyboardInterrupt
            if iteration == 3 and end == "exit":
                sys.exit(3)
        progress.on_checkpoint(Path("checkpoints/step_512"), {})
        time.sleep(0.2)
        progress.on_run_end("done", {})
        terminal.say("the end")

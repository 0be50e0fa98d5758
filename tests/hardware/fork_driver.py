"""A driver for the tests of forked workers: a session whose libraries were imported ahead, and what its workers are.

Usage: fork_driver.py ACTION LOG; ACTION is `tell` (then end), `wait` (tell, then until killed), `alone` (the server is
killed before Ray asks it), `threads` (tell what a sweep's workers have, with the server and then without it).
"""

from __future__ import annotations

import inspect
import json
import os
import signal
import sys
import time
from pathlib import Path
from traceback import walk_stack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlexp.config.schema import RunConfig

LIBRARIES = ("numpy", "yaml")


class Worker:
    """An actor."""

    def tell(self) -> dict:
        imported = [name for name in ("numpy", "torch") if name in sys.modules]
        import numpy as np
        import psutil

        return {
            "pid": os.getpid(),
            "parent": os.getppid(),
            "group": os.getpgrp(),
            "own_group": os.getpgrp() != os.getpgid(os.getppid()),
            "imported": imported,
            "drawn": float(np.random.random()),
            "interrupt": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
            "blocked": sorted(int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])),
            "nice": psutil.Process().nice(),
            "oom_score_adj": int(Path("/proc/self/oom_score_adj").read_text()),
            "folder": str(Path.cwd()),
            "umask": _umask(),
            "setting": os.environ.get("LAB_SETTING"),
            "first_path": sys.path[0],
            "main": Path(sys.modules["__main__"].__file__ or "").name,
            "frames_of_no_module": [
                frame.f_code.co_filename for frame, _ in walk_stack(None) if inspect.getmodule(frame) is None
            ],
            "unseen": [name for name in os.environ if name in ("OPENBLAS_NUM_THREADS",)],
        }

    def threads(self) -> int:
        import torch

        return torch.get_num_threads()

    def leave(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def _umask() -> int:
    os.umask(mask := os.umask(0))
    return mask


def main() -> None:
    action, log = sys.argv[1], Path(sys.argv[2])
    from hardware_configs import run_config

    from rlexp.base.processes import leftovers
    from rlexp.hardware.ray_session import import_ahead, session

    config = run_config(num_env_runners=1, env_vars={"LAB_SETTING": "7"})
    if action == "threads":
        tell_threads(config, log)
        return
    import_ahead.begin(config, LIBRARIES)
    server = import_ahead._servers[0].process.pid
    import_ahead.begin(config, LIBRARIES)
    assert import_ahead._servers[0].process.pid == server, "one is enough"
    session.start(config, log)
    if action == "alone":
        os.kill(server, signal.SIGKILL)
    import ray

    actor = ray.remote(num_cpus=1, max_restarts=1, max_task_retries=-1)(Worker)
    workers = [actor.remote() for _ in range(2)]
    told = ray.get([worker.tell.remote() for worker in workers])
    plain = ray.remote(num_cpus=1, runtime_env={"env_vars": {"OTHER": "1"}})(Worker)
    ray.kill(workers.pop())
    other = ray.get(plain.remote().tell.remote())
    begin = time.perf_counter()
    workers[0].leave.options(max_task_retries=0).remote()
    while (again := ray.get(workers[0].tell.remote()))["pid"] == told[0]["pid"]:
        time.sleep(0.05)
    mark = leftovers.mark_of_this_process()
    facts = {
        "server": server,
        "told": told,
        "other": other,
        "again": again,
        "again_s": time.perf_counter() - begin,
        "mark": mark,
        "processes": [process.pid for process, _ in leftovers.marked(mark)],
    }
    write(facts, log)
    if action == "wait":
        time.sleep(1000)
    session.stop()


def tell_threads(config: RunConfig, log: Path) -> None:
    import ray

    from rlexp.hardware.ray_session import import_ahead, session
    from rlexp.sweep.execution import preload

    facts = {}
    for name in ("forked", "started"):
        if name == "forked":
            import_ahead.begin(config, preload.LIBRARIES)
        session.start(config, log, preload=preload.MODULES)
        facts[name] = []
        for cpus in (1, 2):
            worker = ray.remote(num_cpus=cpus)(Worker).remote()
            facts[name].append(ray.get(worker.threads.remote()))
            ray.kill(worker)
        session.stop()
    write(facts, log)


def write(facts: dict, log: Path) -> None:
    facts_file = log.with_name("facts.json")
    facts_file.with_suffix(".new").write_text(json.dumps(facts))
    facts_file.with_suffix(".new").rename(facts_file)


if __name__ == "__main__":
    main()

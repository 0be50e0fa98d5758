"""A driver for the tests of sessions: starts one with actors, says what it sees as JSON, does as told.

Usage: ray_driver.py ACTION LOG; ACTION is `leave` (stop and end), `wait` (until killed), `exit` (no stop).
"""

import json
import os
import signal
import sys
import time
from pathlib import Path


def main() -> None:
    action, log = sys.argv[1], Path(sys.argv[2])
    from hardware_configs import run_config

    from rlexp.base.processes import leftovers
    from rlexp.hardware.ray_session import session

    config = run_config(
        num_env_runners=1, num_learners=1, num_cpus_per_learner=0, env_vars={"LAB_SETTING": "7"}
    )
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    start = time.perf_counter()
    session.start(config, log)
    seconds = time.perf_counter() - start
    import ray

    @ray.remote(num_cpus=1)
    class Worker:
        def tell(self) -> dict:
            import rlexp

            print("a line from a worker", flush=True)
            names = ("LAB_SETTING", "PYTHONPATH", "OMP_NUM_THREADS", "RAY_ADDRESS")
            return {"rlexp": rlexp.__file__, **{name: os.environ.get(name) for name in names}}

        def hang(self) -> None:
            time.sleep(1000)

    workers = [Worker.remote() for _ in range(2 if action == "wait" else 1)]
    told = ray.get([worker.tell.remote() for worker in workers])[0]
    running = [worker.hang.remote() for worker in workers] if action == "wait" else []
    mark = leftovers.mark_of_this_process()
    print(
        json.dumps(
            {
                "pid": os.getpid(),
                "mark": mark,
                "address": ray.get_runtime_context().gcs_address,
                "seconds": seconds,
                "worker": told,
                "cpus": ray.cluster_resources().get("CPU"),
                "processes": [process.pid for process, _ in leftovers.marked(mark)],
                "sigterm_kept": signal.getsignal(signal.SIGTERM) is signal.SIG_IGN,
                "own_mark": os.environ.get(leftovers.MARK),
                "own_ray_address": os.environ.get("RAY_ADDRESS"),
            }
        ),
        flush=True,
    )
    if action == "wait":
        ray.get(running)
    elif action == "leave":
        # The log reader polls; what a worker has printed arrives a moment later.
        deadline = time.monotonic() + 10
        while "a line from a worker" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        session.stop()
        session.stop()


if __name__ == "__main__":
    main()

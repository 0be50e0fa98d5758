"""Real Ray sessions, each in a driver process of its own; faults 33 and 34 are caused, not imitated."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from hardware_configs import run_config

from rlexp.base.errors import ConfigError
from rlexp.base.processes import leftovers
from rlexp.cli import clean
from rlexp.hardware.ray_session.session import needs_ray, start, store_bytes
from rlexp.hardware.threads import apply_threads, torch_threads

HERE = Path(__file__).parent
ALGORITHMS = "ray.rllib.algorithms"


def _driver(action: str, log: Path, **environ: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """A driver that has its session, and what it says of it."""
    path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    driver = subprocess.Popen(
        [sys.executable, str(HERE / "ray_driver.py"), action, str(log)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **environ},
    )
    assert driver.stdout is not None
    return driver, json.loads(driver.stdout.readline())


def _alive(pids: list[int]) -> list[int]:
    found = []
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except psutil.NoSuchProcess:
            continue
    return found


def _seconds_until_gone(pids: list[int], limit_s: float = 40) -> float:
    begin = time.monotonic()
    while _alive(pids) and time.monotonic() - begin < limit_s:
        time.sleep(0.1)
    return time.monotonic() - begin


@pytest.mark.slow
def test_foreign_address_is_ignored_and_nothing_is_left(tmp_path: Path) -> None:
    """Fault 34: a stale RAY_ADDRESS, and a port of Ray's that something else holds."""
    log = tmp_path / "run" / "log.txt"
    with socket.socket() as busy:
        try:
            busy.bind(("127.0.0.1", 6379))
            busy.listen()
        except OSError:
            pass  # Held already, which is what the test wants.
        driver, told = _driver("leave", log, RAY_ADDRESS="127.0.0.1:6379")
        assert driver.wait(60) == 0
    assert told["worker"]["LAB_SETTING"] == "7"
    assert told["worker"]["OMP_NUM_THREADS"] == os.environ.get("OMP_NUM_THREADS", "1")
    assert told["worker"]["RAY_ADDRESS"] is None
    assert str(HERE.parents[1]) in told["worker"]["PYTHONPATH"].split(os.pathsep)
    assert told["own_ray_address"] == "127.0.0.1:6379", "the environment is as it was"
    assert told["own_mark"] is None, "what the driver starts later is no part of the session"
    assert told["sigterm_kept"], "ray.init replaces the handler that saves a checkpoint"
    assert told["cpus"] <= len(os.sched_getaffinity(0))
    assert "(Worker pid=" in log.read_text() and "a line from a worker" in log.read_text()
    assert "Autoscaler status" not in log.read_text()
    assert _seconds_until_gone(told["processes"]) < 10


def test_no_orphans_after_the_driver_is_killed(tmp_path: Path) -> None:
    """Fault 33: SIGKILL, with two actors busy."""
    driver, told = _driver("wait", tmp_path / "log.txt")
    assert len(told["processes"]) >= 7, "GCS, raylet, two agents, the log monitor and two actors"
    driver.kill()
    driver.wait(10)
    assert _seconds_until_gone(told["processes"]) < 30
    assert leftovers.marked(told["mark"]) == []


@pytest.mark.slow
def test_clean_ends_what_a_dead_watchdog_could_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bystander, other = _driver("wait", tmp_path / "other.txt")
    driver, told = _driver("wait", tmp_path / "log.txt")
    try:
        children = psutil.Process(driver.pid).children()
        (watchdog,) = [child for child in children if any("leftovers.py" in part for part in child.cmdline())]
        watchdog.kill()
        # Ray's agents outlive a killed driver by up to two minutes, but not always; suspended, they do.
        agents = [pid for pid in told["processes"] if psutil.Process(pid).name().endswith("Agent")]
        for pid in agents:
            os.kill(pid, signal.SIGSTOP)
        driver.kill()
        driver.wait(10)
        _seconds_until_gone([pid for pid in told["processes"] if pid not in agents])
        left = _alive(told["processes"])
        assert left == sorted(agents) and left
        assert {found.pid for found in leftovers.find()} >= set(left)
        assert clean.run(["--dry-run", str(tmp_path)]) == 0
        assert f"would end process {left[0]}" in capsys.readouterr().out
        assert _alive(left) == left
        assert clean.run([str(tmp_path)]) == 0
        assert f"ended process {left[0]} " in capsys.readouterr().out
        assert _alive(left) == []
        assert _alive(other["processes"]) == other["processes"], "a living driver's session is left alone"
        assert clean.run([str(tmp_path)]) == 0
    finally:
        bystander.kill()
        bystander.wait(10)
    assert _seconds_until_gone(other["processes"]) < 30


@pytest.mark.slow
def test_a_driver_that_forgets_to_stop_leaves_nothing(tmp_path: Path) -> None:
    driver, told = _driver("exit", tmp_path / "log.txt")
    assert driver.wait(60) == 0
    assert _seconds_until_gone(told["processes"]) < 30


def test_an_unreachable_cluster_is_told_before_ray_is_imported() -> None:
    code = (
        "import sys; from hardware_configs import run_config; from rlexp.hardware.ray_session import session\n"
        "try: session.start(run_config(address='127.0.0.1:1'), None)\n"
        "except session.RunFailedError: raise\n"
        "except Exception as error: print(type(error).__name__, 'ray' in sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=30)
    assert done.stdout.split() == ["ConfigError", "False"]


JOIN = """
import sys
import ray
from hardware_configs import machine, run_config
from rlexp.hardware.ray_session import session

named = run_config(address=sys.argv[1])
session.start(named, None)
session.start(named, None)
seen = session.joined(machine(1))
print(sys.argv[1] in seen.host, seen.cores <= session.resources()["CPU"])
session.stop()
session.start(run_config(address="auto", env_vars={"LAB_SETTING": "8"}), None)

@ray.remote(num_cpus=0)
def setting():
    import os
    import rlexp
    return os.environ["LAB_SETTING"]

print(ray.get_runtime_context().gcs_address == sys.argv[1], ray.get(setting.remote()))
session.stop()
print(ray.is_initialized())
"""


@pytest.mark.slow
def test_a_named_cluster_is_joined_seen_and_left_running(tmp_path: Path) -> None:
    owner, told = _driver("wait", tmp_path / "log.txt")
    try:
        path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
        env = {**os.environ, "PYTHONPATH": path, "RAY_ADDRESS": told["address"], "RAY_AUTH_MODE": "token"}
        command = [sys.executable, "-c", JOIN, told["address"]]
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)
        assert done.stdout.split("\n")[:3] == ["True True", "True 8", "False"], done.stderr
        assert _alive(told["processes"]) == told["processes"], "leaving a cluster does not end it"
    finally:
        owner.kill()
        owner.wait(10)
    assert _seconds_until_gone(told["processes"]) < 30


def test_a_failed_start_leaves_no_watchdog(monkeypatch: pytest.MonkeyPatch) -> None:
    before = leftovers.marked(leftovers.mark_of_this_process())  # of another test's session
    with pytest.raises(ConfigError, match="not host:port"):
        start(run_config(address="nowhere"), None)
    assert leftovers.marked(leftovers.mark_of_this_process()) == before


@pytest.mark.parametrize(
    ("config", "needed"),
    [
        (run_config(), False),
        (run_config(f"{ALGORITHMS}.dqn.DQNConfig"), False),
        (run_config(f"{ALGORITHMS}.dreamerv3.DreamerV3Config"), False),
        (run_config(f"{ALGORITHMS}.impala.IMPALAConfig"), True),
        (run_config(f"{ALGORITHMS}.bc.BCConfig"), True),
        (run_config("my_lab.PPOConfig"), True),  # whose Algorithm class may be anything
        (run_config(num_env_runners=1), True),
        (run_config(num_learners=1), True),
        (run_config(num_aggregator_actors_per_learner=1), True),
        (run_config(address="auto"), True),
        (run_config(evaluation={"evaluation_interval": 1, "evaluation_num_env_runners": 1}), True),
        (run_config(evaluation={"evaluation_interval": None, "evaluation_num_env_runners": 1}), False),
    ],
)
def test_needs_ray(config: Any, needed: bool) -> None:
    assert needs_ray(config) is needed


def test_impala_needs_ray_only_on_rllib_s_own_path() -> None:
    from ray.rllib.algorithms.appo import APPO
    from ray.rllib.algorithms.impala import IMPALA

    from rlexp.engine.algorithms.async_step import FastAPPO, FastIMPALA

    for name, stock, fast in (("impala.IMPALA", IMPALA, FastIMPALA), ("appo.APPO", APPO, FastAPPO)):
        alone = run_config(f"{ALGORITHMS}.{name}Config")
        assert needs_ray(alone, stock) and not needs_ray(alone, fast)
        assert needs_ray(run_config(f"{ALGORITHMS}.{name}Config", num_env_runners=1), fast)


def test_object_store_is_modest() -> None:
    assert store_bytes(1 << 30) == 256 << 20
    assert store_bytes(16 << 30) == (16 << 30) // 10
    assert store_bytes(1 << 40) == 4 << 30


def test_torch_threads() -> None:
    import torch
    from hardware_configs import machine

    assert torch_threads(run_config(torch_threads=5), machine(2)) == 5
    assert torch_threads(run_config(), machine(2)) == 1
    assert torch_threads(run_config(), machine(64)) == 8
    assert torch_threads(run_config(num_env_runners=10), machine(16)) == 3
    assert torch_threads(run_config(gym_env_vectorize_mode="async"), machine(16)) == 1
    assert torch_threads(run_config(address="auto", num_cpus_per_learner=4), machine(16)) == 4
    before = torch.get_num_threads()
    try:
        apply_threads(3)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)

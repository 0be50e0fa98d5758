"""What all tests share: nothing is sent anywhere, one Ray session, and small disks to fill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from buckets import ACCOUNT, make_bucket, s3_server
from harness import CHECKOUT, tiny
from hypothesis import settings
from slow_shares import SHARE, UNTIL, parse_share

# Two workers and about a hundred commands import the same modules: compiled once, here, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if TYPE_CHECKING:
    from rlexp.run.trainable import RunTrainable

settings.register_profile("untimed", deadline=None)  # A busy machine is no fault of what is tested.
settings.load_profile("untimed")

# `nohup`, and a shell that runs the tests in the background, let their children ignore signals that are tested here.
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGTERM, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects the slow tests that are not in the share that `RLEXP_SLOW_SHARE` names."""
    for item in items:
        if item.get_closest_marker("landing") and not item.get_closest_marker("slow"):
            raise pytest.UsageError(
                f"{item.nodeid} is marked landing, which is for slow tests: mark it slow too"
            )
    try:
        share = parse_share(os.environ.get(SHARE, ""))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    if share is None:
        return
    others = [item for item in items if item.get_closest_marker("slow") and not share.holds(item.nodeid)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in set(others)]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a slow test that would begin after the time that `RLEXP_SLOW_UNTIL` names."""
    until = os.environ.get(UNTIL)
    if until and time.time() > float(until) and item.get_closest_marker("slow"):
        pytest.skip(f"{UNTIL}={until} is over")


@pytest.fixture(autouse=True, scope="session")
def _nothing_leaves() -> None:
    os.environ["WANDB_MODE"] = "offline"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """A Ray that runs find in place and leave running; its processes can import the tests' own modules."""
    import ray

    if ray.is_initialized():
        yield
        return
    folders = [
        CHECKOUT,
        CHECKOUT / "tests",
        *sorted(path for path in (CHECKOUT / "tests").iterdir() if path.is_dir()),
    ]
    with pytest.MonkeyPatch.context() as patch:
        for folder in reversed(folders):
            patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        ray.init(
            address="local",
            num_cpus=4,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            object_store_memory=200_000_000,
        )
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def local_rllib() -> None:
    """RLlib starts no Ray where all is in this process, as in runs; for tests that build algorithms themselves."""
    from rlexp.compat import rllib_without_ray

    rllib_without_ray.install()


@pytest.fixture
def ray_for_runners(request: pytest.FixtureRequest, local_rllib: None) -> None:
    """Ray for those cases of a test whose `runners` are processes: it takes seconds to start, and time meanwhile."""
    case = getattr(request.node, "callspec", None)  # None of a test without parameters.
    if case is not None and case.params.get("runners"):
        request.getfixturevalue("ray_session")


@pytest.fixture
def tiny_trainable() -> Iterator[Callable[..., RunTrainable]]:
    """`tiny_trainable(*overrides)` is what steps a tiny run in this process; stopped in the end."""
    from rlexp.run.building.prepare import prepare
    from rlexp.run.trainable import RunTrainable

    made = []

    def make(*overrides: str) -> RunTrainable:
        made.append(RunTrainable(config={"prepared": prepare(tiny("tracking=none", *overrides))}))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str, str], Path]]:
    """`mount(name, options)` mounts a tmpfs in the test's folder; skips where mounting is not allowed."""
    if shutil.which("mount") is None:
        pytest.skip("there is no mount command here")
    with ExitStack() as mounted:

        def tmpfs(name: str, options: str) -> Path:
            place = tmp_path / name
            place.mkdir()
            command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
            mounted.callback(subprocess.run, ["umount", "-l", str(place)], check=True)
            return place

        yield tmpfs


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """An S3 server that all tests share."""
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(s3_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty bucket; what this process copies from it lies in the test's folder."""
    for name, value in {**ACCOUNT, "AWS_ENDPOINT_URL": s3_address}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RLEXP_STORAGE", str(tmp_path / "here"))
    name = f"lab-{uuid.uuid4().hex[:12]}"
    make_bucket(s3_address, name)
    return f"s3://{name}"

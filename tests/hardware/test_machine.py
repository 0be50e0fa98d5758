import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlexp.base.errors import ConfigError
from rlexp.hardware.machine.machine import find_cluster, free_disk, inspect_machine, split_address
from rlexp.hardware.ray_session.connect import cluster_address, connection_problem


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where connections are taken and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_look_tells_this_machine(tmp_path: Path) -> None:
    here = inspect_machine(tmp_path / "not" / "yet")
    assert here.cores >= 1
    assert here.memory_bytes > 1 << 28
    assert here.free_disk_bytes > 0
    assert here.versions["ray"].startswith("2.60")
    assert free_disk(tmp_path) > 0


def test_looking_imports_neither_ray_nor_torch() -> None:
    code = (
        "import sys; from rlexp.hardware import auto, demand; "
        "from rlexp.hardware.machine import machine; from rlexp.hardware.ray_session import session; "
        "machine.inspect_machine(); "
        "print([m for m in ('ray', 'torch', 'gymnasium', 'wandb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_cluster_by_environment_and_by_note(silent_port: int, tmp_path: Path) -> None:
    note = tmp_path / "current"
    assert find_cluster({}, note) is None
    found = find_cluster({"RAY_ADDRESS": f"127.0.0.1:{silent_port}"}, note)
    assert found is not None and found.reachable and found.source == "RAY_ADDRESS"
    note.write_text(f"127.0.0.1:{_closed_port()}\n")
    noted = find_cluster({"RAY_ADDRESS": "auto"}, note)
    assert noted is not None and not noted.reachable and noted.source == "ray start"


def test_addresses() -> None:
    assert split_address("ray://head") == ("head", 10001)
    assert split_address("ray://head:7/") == ("head", 7)
    assert split_address("[::1]:6379") == ("::1", 6379)
    for bad in ("head", "head:x", ":6379", "head:0", ""):
        with pytest.raises(ValueError, match="host:port"):
            split_address(bad)


def test_an_unreachable_cluster_is_told_in_bounded_time(silent_port: int) -> None:
    start = time.perf_counter()
    for port, what in ((_closed_port(), "refused"), (silent_port, "no answer within")):
        with pytest.raises(ConfigError, match=what) as caught:
            cluster_address(f"127.0.0.1:{port}")
        assert caught.value.key == "hardware.address"
    assert time.perf_counter() - start < 12


def test_another_server_is_no_cluster() -> None:
    import http.server
    import threading

    class Quiet(http.server.BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            return

    with http.server.HTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert connection_problem(f"127.0.0.1:{server.server_port}") == "something else listens there"
        server.shutdown()


def test_auto_without_a_cluster_says_what_to_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("rlexp.hardware.machine.machine.CLUSTER_FILE", tmp_path / "none")
    monkeypatch.setattr("rlexp.hardware.machine.machine.find_cluster.__defaults__", (None, tmp_path / "none"))
    with pytest.raises(ConfigError, match="RAY_ADDRESS is not set") as caught:
        cluster_address("auto")
    assert "hardware.address=" in (caught.value.fix or "")

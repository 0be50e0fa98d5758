"""What this machine is, as far as a run cares; looking takes a moment and imports neither Ray nor torch."""

from __future__ import annotations

import os
import platform
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rlexp.base.version import installed
from rlexp.hardware.machine.gpus import usable_gpus
from rlexp.hardware.machine.limits import memory_limit, usable_cores

PACKAGES = ("rlexp", "ray", "torch", "gymnasium", "hydra-core", "omegaconf", "numpy", "wandb")
CLUSTER_FILE = Path("/tmp/ray/ray_current_cluster")
"""Where `ray start` notes the address of the cluster this host belongs to."""
CONNECT_S = 0.5


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster that could be joined with `hardware.address=auto`.

    Attributes:
        address: `host:port` of its head.
        source: where the address was read: `RAY_ADDRESS` or `ray start`.
        reachable: whether its port answered within half a second.
    """

    address: str
    source: str
    reachable: bool


@dataclass(frozen=True)
class Machine:
    """The cores, memory, disk and GPUs that a run may use here.

    Attributes:
        cores: CPU cores this process may use (affinity and with the cgroup quota).
        memory_bytes: memory this process may use (with the cgroup limit).
        free_disk_bytes: free space where runs are written; 0 when unknown.
        gpus: names of the visible GPUs.
        cluster: a Ray cluster named by the environment or started on this host, if any.
        host: its name; for a cluster seen as one machine, which cluster.
        versions: installed versions of the packages that matter; absent ones are left out.
        main: the machine that the main process is on, when this is a cluster seen as one machine.
    """

    cores: int
    memory_bytes: int
    free_disk_bytes: int = 0
    gpus: tuple[str, ...] = ()
    cluster: Cluster | None = None
    python: str = ""
    system: str = ""
    host: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    main: Machine | None = None

    @classmethod
    def of_cluster(cls, here: Machine, address: str, resources: Mapping[str, float]) -> Machine:
        """A cluster seen as one machine.

        Args:
            here: the machine that the main process is on.
            address: the cluster's.
            resources: what it has to give, under Ray's names; one CPU is taken for granted.
        """
        cores, gpus = max(1, int(resources.get("CPU", 0))), int(resources.get("GPU", 0))
        name = f"the Ray cluster at {address}"
        return replace(here, cores=cores, gpus=("a GPU of the cluster",) * gpus, host=name, main=here)


def inspect_machine(path: Path | str = ".") -> Machine:
    """Reads what this machine has; `path` is where runs will be written (its nearest existing parent counts)."""
    return Machine(
        cores=usable_cores(),
        memory_bytes=usable_memory(),
        free_disk_bytes=free_disk(Path(path)),
        gpus=usable_gpus(),
        cluster=find_cluster(),
        python=platform.python_version(),
        system=platform.platform(terse=True),
        host=socket.gethostname(),
        versions=versions(),
    )


def usable_memory() -> int:
    """Bytes of memory this process may use."""
    import psutil

    return min(psutil.virtual_memory().total, memory_limit() or (1 << 62))


def free_disk(path: Path) -> int:
    """Free bytes where `path` is or would be made; 0 where that is unknown."""
    path = path.absolute()
    for folder in (path, *path.parents):
        if folder.is_dir():
            try:
                return shutil.disk_usage(folder).free
            except OSError:
                return 0
    return 0


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Installed versions, without importing the packages."""
    return {package: version for package in packages if (version := installed(package))}


def find_cluster(environ: Mapping[str, str] | None = None, note: Path = CLUSTER_FILE) -> Cluster | None:
    """The Ray cluster that `RAY_ADDRESS` names, else the one `ray start` noted on this host, else None."""
    named = (os.environ if environ is None else environ).get("RAY_ADDRESS", "").strip()
    if named and named not in ("auto", "local"):
        return Cluster(named, "RAY_ADDRESS", reachable(named))
    try:
        noted = note.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return Cluster(noted, "ray start", reachable(noted)) if noted else None


def reachable(address: str, timeout_s: float = CONNECT_S) -> bool:
    """Whether something listens at `host:port` (or `ray://host:port`)."""
    try:
        with socket.create_connection(split_address(address), timeout=timeout_s):
            return True
    except (OSError, ValueError):
        return False


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port` or `ray://host[:port]` (Ray Client's own port by default).

    Raises:
        ValueError: it is neither.
    """
    bare = address.removeprefix("ray://").split("?")[0].rstrip("/")
    host, colon, port = bare.rpartition(":")
    if not colon and address.startswith("ray://"):
        host, port = bare, "10001"
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{address!r} is not host:port")
    return host.strip("[]"), int(port)

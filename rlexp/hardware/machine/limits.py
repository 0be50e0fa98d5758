"""Cores and memory this process may really use: affinity and cgroup limits, not what the board carries."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
PROC_CGROUP = Path("/proc/self/cgroup")
NO_LIMIT = 1 << 60
"""cgroup v1 writes "no limit" as a number near 2**63."""


_share: int | None = None


def take_share(cores: float) -> None:
    """Limits this process to so many cores, which are booked for it, from now on."""
    global _share
    _share = max(1, math.floor(cores + 1e-9))


def is_shared() -> bool:
    """True in a trial of a sweep: other processes use this machine's other cores."""
    return _share is not None


def usable_cores(root: Path = CGROUP, membership: Path = PROC_CGROUP) -> int:
    """CPU cores this process may use: its share, or the affinity mask, cut by a cgroup CPU quota; at least 1."""
    if _share is not None:
        return _share
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    quota = cpu_quota(root, membership)
    return max(1, allowed if quota is None else min(allowed, math.floor(quota + 1e-9)))


def cpu_quota(root: Path = CGROUP, membership: Path = PROC_CGROUP) -> float | None:
    """The tightest cgroup CPU quota, in cores, or None without one."""
    quotas = []
    for folder in _folders(root, membership, "cpu"):
        both = _read(folder / "cpu.max")
        if both and not both.startswith("max"):
            quota, period = both.split()[:2]
            quotas.append(int(quota) / int(period))
        old, period_us = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if old and period_us and int(old) > 0 and int(period_us) > 0:
            quotas.append(int(old) / int(period_us))
    return min(quotas, default=None)


def memory_limit(root: Path = CGROUP, membership: Path = PROC_CGROUP) -> int | None:
    """The tightest cgroup memory limit in bytes, or None without one."""
    limits = []
    for folder in _folders(root, membership, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            text = _read(folder / name)
            if text.isdigit() and int(text) < NO_LIMIT:
                limits.append(int(text))
    return min(limits, default=None)


def _folders(root: Path, membership: Path, controller: str) -> list[Path]:
    """The cgroup folders that bind this process for one controller: its own and all above it."""
    folders: list[Path] = []
    for line in _read(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # v2 (no controllers named) is mounted at the root itself, v1 in a folder named after its controllers.
        base = root / controllers if controllers and (root / controllers).is_dir() else root
        base = root / controller if controllers and not (root / controllers).is_dir() else base
        inner = base / path.lstrip("/")
        while True:
            folders.append(inner)
            if inner == base or base not in inner.parents:
                break
            inner = inner.parent
    # In a container the path named is the host's; the container's own limit then lies at the mount itself.
    return list(dict.fromkeys([*folders, root, root / controller]))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""

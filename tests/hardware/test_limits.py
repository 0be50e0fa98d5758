import os
from pathlib import Path

import pytest

from rlexp.hardware.machine.gpus import visible
from rlexp.hardware.machine.limits import cpu_quota, memory_limit, usable_cores


def _tree(root: Path, files: dict[str, str]) -> tuple[Path, Path]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root / "fs", root / "membership"


def test_v2_quota_of_an_outer_group_binds(tmp_path: Path) -> None:
    root, member = _tree(
        tmp_path,
        {
            "membership": "0::/outer/inner\n",
            "fs/outer/cpu.max": "150000 100000\n",
            "fs/outer/inner/cpu.max": "max 100000\n",
            "fs/outer/memory.max": "1073741824\n",
            "fs/outer/inner/memory.max": "max\n",
        },
    )
    assert cpu_quota(root, member) == 1.5
    assert memory_limit(root, member) == 1 << 30
    assert usable_cores(root, member) == 1


def test_v2_container_sees_its_limit_at_the_mount(tmp_path: Path) -> None:
    root, member = _tree(tmp_path, {"membership": "0::/\n", "fs/cpu.max": "200000 100000\n"})
    assert cpu_quota(root, member) == 2.0


def test_v1_quota_and_memory(tmp_path: Path) -> None:
    root, member = _tree(
        tmp_path,
        {
            "membership": "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n",
            "fs/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "50000\n",
            "fs/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
            "fs/memory/docker/abc/memory.limit_in_bytes": "536870912\n",
            "fs/memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
    )
    assert cpu_quota(root, member) == 0.5
    assert usable_cores(root, member) == 1
    assert memory_limit(root, member) == 512 << 20


def test_no_limits_leaves_the_affinity_mask(tmp_path: Path) -> None:
    assert usable_cores(tmp_path, tmp_path / "none") == len(os.sched_getaffinity(0))


def test_affinity_mask_is_heeded(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        (None, ("a", "b", "c")),
        ("", ()),
        ("-1", ()),
        ("1", ("b",)),
        ("2,0", ("c", "a")),
        ("0,7,1", ("a",)),
        ("GPU-bb", ("b",)),
        ("GPU-", ()),
    ],
)
def test_cuda_visible_devices(setting: str | None, names: tuple[str, ...]) -> None:
    found = [("GPU-aa11", "a"), ("GPU-bb22", "b"), ("GPU-cc33", "c")]
    assert visible(found, setting) == names

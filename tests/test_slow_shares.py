"""Slow tests are divided into shares by their names, and none begins when its time is over."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from harness import CHECKOUT
from slow_shares import SHARE, UNTIL, Share, parse_share

IDS = [f"tests/a_folder/test_{number}.py::test_it[{number}]" for number in range(300)]

TESTS = """
import pytest

@pytest.mark.slow
@pytest.mark.parametrize("number", range(12))
def test_slow(number): pass

def test_quick(): pass
"""


def outcomes(folder: Path, **env: str) -> Mapping[str, int]:
    """Runs pytest on `TESTS` with the conftest of this folder; tests by what became of them."""
    (folder / "test_made.py").write_text(TESTS)
    for name in ("conftest.py", "slow_shares.py", "buckets.py", "harness.py"):
        (folder / name).write_text((CHECKOUT / "tests" / name).read_text())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [*command, "-o", "markers=slow", "-c", os.devnull, "--rootdir", str(folder), str(folder)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    last = done.stdout.strip().splitlines()[-1] + done.stderr
    counts = (part.split() for part in last.split(" in ")[0].split(", "))
    return {"rc": done.returncode, **{what: int(number) for number, what, *_ in counts if number.isdecimal()}}


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_test_is_in_exactly_one_share(count: int) -> None:
    shares = [Share(position, count) for position in range(1, count + 1)]
    held = [[node_id for node_id in IDS if share.holds(node_id)] for share in shares]
    assert sorted(sum(held, [])) == sorted(IDS)
    assert min(map(len, held)) > 0.6 * len(IDS) / count


def test_a_test_keeps_its_share_from_one_process_to_the_next() -> None:
    assert [Share(2, 3).holds(node_id) for node_id in IDS[:6]] == [False, True, False, False, False, False]


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/", "a/b", "-1/3", "1/0"])
def test_what_names_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write k/n"):
        parse_share(text)


def test_no_share_is_named_by_nothing() -> None:
    assert parse_share("") is None


@pytest.mark.slow
def test_a_share_leaves_quick_tests_alone_and_late_slow_tests_are_skipped(tmp_path: Path) -> None:
    parts = [outcomes(tmp_path, **{SHARE: f"{position}/2"}) for position in (1, 2)]
    assert all(part["rc"] == 0 for part in parts)
    assert sum(part["passed"] for part in parts) == 12 + 2
    assert sum(part["deselected"] for part in parts) == 12
    assert outcomes(tmp_path, **{UNTIL: str(time.time() - 1)}) == {"rc": 0, "passed": 1, "skipped": 12}
    assert outcomes(tmp_path, **{UNTIL: str(time.time() + 100)}) == {"rc": 0, "passed": 13}
    assert outcomes(tmp_path, **{SHARE: "3/2"})["rc"] == pytest.ExitCode.USAGE_ERROR

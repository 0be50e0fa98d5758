"""A Ray cluster of simulated machines: each has CPUs and a home folder of its own, and can be lost at once.

As a script it holds the cluster; words on its standard input say what happens to it.

Usage: machines.py HOME [HOME ...]     # a machine of two CPUs for each; the first is the head
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

CPUS = 2


class Machines:
    """The cluster, for a test; a context manager."""

    def __init__(self, *homes: Path) -> None:
        for home in homes:
            home.mkdir(exist_ok=True)
        words = [sys.executable, __file__, *map(str, homes)]
        # A Ray of this process has left word there that clusters want its token, which no other home holds.
        inherited = {name: value for name, value in os.environ.items() if name != "RAY_AUTH_MODE"}
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=inherited
        )

    def __enter__(self) -> Machines:
        self.address = self._said()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell("end")
        self._process.wait(60)

    def lose(self, number: int) -> None:
        """All processes of a machine are gone at once."""
        self._tell(f"lose {number}")
        self._said()

    def join(self, home: Path) -> None:
        """Another machine."""
        home.mkdir(exist_ok=True)
        self._tell(f"join {home}")
        self._said()

    def _tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def _said(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("said "):
                return line.split()[1]
        raise AssertionError("the cluster has ended")


def _lose(node: Any) -> None:
    found = node.all_processes
    own = [psutil.Process(each.process.pid) for kind in found.values() for each in kind]
    children = [child for process in own for child in process.children(recursive=True)]
    for process in [*own, *children]:
        process.kill()


def _machine(home: str) -> dict[str, Any]:
    return {
        "num_cpus": CPUS,
        "object_store_memory": 100_000_000,
        "env_vars": {"RLEXP_HOME": home, "HOME": home},
    }


def main() -> None:
    """Until it is told to end."""
    from ray.cluster_utils import Cluster

    head, *others = sys.argv[1:]
    cluster = Cluster(initialize_head=True, head_node_args=_machine(head))
    nodes = [cluster.head_node, *(cluster.add_node(**_machine(home)) for home in others)]
    cluster.wait_for_nodes()
    print(f"said {cluster.address}", flush=True)
    for line in sys.stdin:
        word, _, which = line.strip().partition(" ")
        if word == "end":
            break
        if word == "lose":
            _lose(nodes[int(which)])
        else:
            nodes.append(cluster.add_node(**_machine(which)))
        print("said done", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()

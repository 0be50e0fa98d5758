"""What a row of the registry is: one thing that rlexp leans on and that another package does not promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["there", "changed", "missing"]


@dataclass(frozen=True)
class Target:
    """A private or patched name.

    Args:
        path: as `rlexp.compat.stock_source.definition` takes it: `package.module:Class.attribute`.
        parameters: of a function, what it takes without `self`; None where that does not matter.
    """

    path: str
    parameters: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.replace(":", ".").rpartition(".")[2]

    @property
    def state(self) -> State:
        """Read from the installed package's source; nothing is imported."""
        from rlexp.compat.stock_source import definition

        found = definition(self.path)
        if found is None:
            return "missing"
        return "there" if self.parameters is None or found.parameters == self.parameters else "changed"


@dataclass(frozen=True)
class Row:
    """One row.

    Args:
        name: short, unique; errors and log lines name it.
        library: the distribution, as package registries know it.
        targets: what is leant on, each written as `path` or, where a function's shape matters, `path(a, b, *c)`.
        kind: `patch` where something is put in the place of the target, `private` where it is only used.
        why: what it is for.
        without: what happens where it is gone.
        need: `needed`: a run cannot do without; `faster`: it can, and says so in the log.
        files: where the targets are touched, relative to `rlexp/`.
        issue: the address upstream, where one was found.
        made: names that only objects made at run time have, so that no source shows them.
        fault: of a patch, the test that shows what is wrong without it, as `file::test`.
    """

    name: str
    library: str
    targets: tuple[str, ...]
    kind: Literal["patch", "private"]
    why: str
    without: str
    need: Literal["needed", "faster"]
    files: tuple[str, ...]
    issue: str | None = None
    made: tuple[str, ...] = ()
    fault: str | None = None

    @property
    def shape(self) -> tuple[Target, ...]:
        """The targets with what is expected of each."""
        return tuple(_target(text) for text in self.targets)

    def broken(self) -> dict[str, State]:
        """The state of each target that is not as expected, by path."""
        states = {target.path: target.state for target in self.shape}
        return {path: state for path, state in states.items() if state != "there"}

    @property
    def state(self) -> State:
        """The worst of its targets' states."""
        states = set(self.broken().values())
        return "missing" if "missing" in states else "changed" if states else "there"


def _target(text: str) -> Target:
    path, bracket, parameters = text.partition("(")
    if not bracket:
        return Target(path)
    names = (name.strip() for name in parameters.rstrip(")").split(","))
    return Target(path, tuple(name for name in names if name))


def within(owner: str, *names: str) -> tuple[str, ...]:
    """The targets of several names of one module (`package.module:`) or class (`package.module:Class.`)."""
    return tuple(f"{owner}{name}" for name in names)

"""What all checks share: the part that is checked, and the list of its flaws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.config.callables.targets import DEFAULT_TRUSTED, locate


class Part:
    """A class or function of a lab, and what is wrong with it.

    Args:
        target: it, or its import path.

    Attributes:
        path: the import path by which a config names it.
        target: the class or function.
        trusted: modules that it may be imported from.
        flaws: sentences, each with what to change.
    """

    def __init__(self, target: Callable[..., Any] | str) -> None:
        self.path = target if isinstance(target, str) else f"{target.__module__}.{target.__qualname__}"
        self.trusted = (*DEFAULT_TRUSTED, self.path.partition(".")[0])
        self.flaws: list[str] = []
        self.target: Any = target
        if isinstance(target, str):
            try:
                self.target = locate(target, self.trusted)
            except ConfigError as error:
                self.stop(str(error))
        elif "<locals>" in self.path:
            self.stop(
                "it is defined inside a function; move it to the top of a module: a config names it by import path"
            )

    def flaw(self, sentence: str) -> None:
        """Notes a flaw; the same one once."""
        if sentence not in self.flaws:
            self.flaws.append(sentence)

    def stop(self, sentence: str) -> None:
        """Notes a flaw that leaves nothing else to check.

        Raises:
            AssertionError: always.
        """
        self.flaw(sentence)
        self.finish()

    def finish(self) -> None:
        """Ends the check.

        Raises:
            AssertionError: there are flaws; all of them are in its message.
        """
        if self.flaws:
            lines = "".join(f"\n  - {flaw}" for flaw in self.flaws)
            raise AssertionError(f"{self.path} does not keep the contract:{lines}")

    @contextmanager
    def noting(self, doing: str) -> Iterator[None]:
        """Whatever is raised inside becomes a flaw: `doing` says what was done."""
        try:
            yield
        except AssertionError as error:
            if str(error).startswith(self.path):  # of `stop`
                raise
            self.flaw(f"{doing} raised {describe(error)}")
        except Exception as error:
            self.flaw(f"{doing} raised {describe(error)}")


def describe(error: BaseException) -> str:
    """The type of an error and what it says, in one line; a ConfigError speaks for itself."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

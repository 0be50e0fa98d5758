"""Errors a person is meant to read: each says what is wrong, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_REQUEUE = 75
"""A batch system's warning (SIGUSR1, SIGUSR2) stopped it: run it again to go on; `EX_TEMPFAIL` of sysexits.h."""


class RlexpError(Exception):
    """Base of all errors that end a command with one clear message instead of a traceback."""

    exit_code = EXIT_FAILED


class ConfigError(RlexpError):
    """Bad usage or configuration, found before anything started (exit code 2).

    Args:
        message: what is wrong, naming the key.
        key: the dotted key at fault, where there is one.
        suggestions: the nearest right names or values, best first.
        fix: what to write instead, ready to paste.
    """

    exit_code = EXIT_USAGE

    def __init__(
        self, message: str, *, key: str | None = None, suggestions: Sequence[str] = (), fix: str | None = None
    ) -> None:
        self.key, self.suggestions, self.fix = key, list(suggestions), fix
        lines = [message]
        if suggestions:
            lines.append("  did you mean: " + ", ".join(suggestions))
        if fix:
            lines.append(f"  write: {fix}")
        super().__init__("\n".join(lines))


class ConfigErrors(ConfigError):  # noqa: N818
    """Several configuration errors reported at once, so that one edit mends them all."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        self.errors = list(errors)
        Exception.__init__(self, "\n".join(str(e) for e in errors))
        first = errors[0]
        self.key, self.suggestions, self.fix = first.key, first.suggestions, first.fix


class RunFailedError(RlexpError):
    """Training began and could not go on (exit code 1); the trace lies in the run's folder."""


class CheckpointError(RlexpError):
    """A checkpoint is missing, damaged, foreign or does not fit (exit code 2: nothing has started)."""

    exit_code = EXIT_USAGE

"""The `rlexp` command: finds the verb, and turns every error into one message and an exit code."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from rlexp.base.errors import EXIT_USAGE, ConfigError, RlexpError
from rlexp.terminal.interrupt import exit_code_of, interruptible, interruption_of

VERBS = {
    "train": "rlexp.cli.train",
    "resume": "rlexp.cli.resume",
    "evaluate": "rlexp.cli.evaluate",
    "list": "rlexp.cli.listing",
    "help": "rlexp.cli.help",
    "doctor": "rlexp.cli.doctor",
    "init": "rlexp.cli.init",
    "clean": "rlexp.cli.clean",
    "report": "rlexp.cli.report",
    "curriculum": "rlexp.cli.curriculum",
    "lab": "rlexp.cli.lab",
}
"""Each verb's module has `run(argv) -> exit code`. Without a verb, `train` is meant."""

COMPLETION = ("-sc", "--shell-completion")
"""Flags that a shell asks with at each TAB, so that nothing else is imported for them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code (see `rlexp.base.errors`)."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        run, rest = _find(words)
        return run(rest)
    except BrokenPipeError:
        return EXIT_USAGE
    except (Exception, KeyboardInterrupt) as error:
        if (interrupted := interruption_of(error)) is not None:
            print("interrupted", file=sys.stderr)
            return exit_code_of(getattr(interrupted, "signal_name", None))
        if not isinstance(error, RlexpError):
            raise
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def _find(words: list[str]) -> tuple[Callable[[list[str]], int], list[str]]:
    verb, rest = ("train", words)
    if any(word in COMPLETION for word in words):
        return import_module("rlexp.cli.completion").run, words
    if words and words[0] in VERBS:
        verb, rest = words[0], words[1:]
    elif words and not words[0].startswith(("-", "+", "~")) and "=" not in words[0]:
        raise _unknown_verb(words[0])
    return import_module(VERBS[verb]).run, rest


def _unknown_verb(word: str) -> ConfigError:
    from rlexp.base.suggest import nearest
    from rlexp.config.composition.groups import choices_named

    choices = choices_named(word) if word.isidentifier() else []
    close = [f"rlexp {verb}" for verb in nearest(word, VERBS)]
    alternatives = [*(f"rlexp {choice}" for choice in choices), *close]
    return ConfigError(
        f"{word!r} is neither a command nor an override (key=value)",
        suggestions=alternatives[1:],
        fix=alternatives[0] if alternatives else "rlexp --help",
    )


def command() -> NoReturn:
    """`main` as a process, which ends at once: to take PyTorch's and RLlib's modules apart takes over a second."""
    from rlexp.base import gc_pause

    # From the first moment on: also while Python imports, and whatever the command.
    with interruptible():
        gc_pause.begin()
        code = main()
        with contextlib.suppress(KeyboardInterrupt):
            _finish()
    os._exit(code)


def _finish() -> None:
    """As Python does: first what still works, then what waits for the end."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # Whoever read them may be gone.
            stream.flush()


if __name__ == "__main__":
    command()

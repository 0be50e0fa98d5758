"""Builds and trains in a run's folder; whatever happens, the folder tells, and nothing stays behind."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from rlexp.base.errors import EXIT_USAGE
from rlexp.environment.hangs import interrupt_sampling
from rlexp.run.lifecycle import Outcome, RunLifecycle, RunRequest, one_line
from rlexp.terminal.interrupt import Interrupt, exit_code_of, interruptible
from rlexp.terminal.quiet import quiet

AT_ONCE = "interrupted at once; the last checkpoint stands"
BEFORE = "interrupted before training began"
LEAVE_S = 2.0
"""Seconds after a second signal in which what runs may end by itself; an environment may catch the signal and go on."""
CLOSE_S = 5.0
"""The same for what closes a run."""


def build_and_train(request: RunRequest) -> Outcome:
    """Trains a run to its end; used by new and resumed runs alike.

    Raises:
        ConfigError, CheckpointError: before training has begun. A folder that this process made is removed
            again; another is left as it was.
    """
    folder = request.folder
    with quiet(folder.log, request.config.log_level) as terminal, interruptible() as interrupt:
        lifecycle = RunLifecycle(request, terminal)
        try:
            with _ends_on_repeat(interrupt, LEAVE_S, lambda: lifecycle.abandon(reason=BEFORE)):
                lifecycle.build()
            with _ends_on_repeat(interrupt, LEAVE_S, lambda: lifecycle.abandon(reason=AT_ONCE)):
                ending = _train(lifecycle, interrupt)
        except KeyboardInterrupt:
            ending = ("stopped", AT_ONCE if lifecycle.began else BEFORE)
        except BaseException as failure:
            if not lifecycle.began and getattr(failure, "exit_code", None) == EXIT_USAGE:
                lifecycle.release("failed", {})
                if folder.discard():
                    terminal.warn(f"the earlier run in {folder.place} is as it was")
                raise
            ending = ("failed", one_line(failure))
            lifecycle.keep_trace(failure)
        with (
            _ends_on_repeat(interrupt, CLOSE_S),
            interrupt.deferred(lambda name: terminal.say(f"{name}: closing (once more to leave at once)")),
        ):
            return replace(lifecycle.close(*ending), signal=interrupt.name)


def _train(lifecycle: RunLifecycle, interrupt: Interrupt) -> tuple[str, str]:
    """Runs the loop; returns status and reason."""
    from rlexp.environment.hangs.hang_watch import last_words, take_signal
    from rlexp.run.hang_reporter import reporting_hangs

    def first(name: str) -> None:
        lifecycle.terminal.say(_on_interrupt(name))
        interrupt_sampling.request()

    take_signal()
    with (
        interrupt_sampling.cuttable(),
        reporting_hangs(lifecycle.folder, lifecycle.terminal),
        last_words(lifecycle.abandon),
        interrupt.deferred(first),
    ):
        lifecycle.begin()
        ending = lifecycle.loop.run(interrupt)
    return ending.status, ending.reason


@contextlib.contextmanager
def _ends_on_repeat(
    interrupt: Interrupt, seconds: float, close: Callable[[], None] | None = None
) -> Iterator[None]:
    """Meanwhile a second signal ends the process where it does not end the block: its code may catch every exception.

    Args:
        interrupt: of the run.
        seconds: that the block has to end by itself.
        close: is called then, in another thread than the one that does not come back; it has `CLOSE_S`.
    """
    over = threading.Event()

    def leave(name: str) -> None:
        if over.wait(seconds):
            return
        if close is not None:
            closing = threading.Thread(target=close, daemon=True)
            closing.start()
            closing.join(CLOSE_S)
        os._exit(exit_code_of(name))

    with interrupt.insisting(leave):
        try:
            yield
        finally:
            over.set()


def _on_interrupt(name: str) -> str:
    return f"{name}: finishing this iteration, then saving (once more to stop at once, without saving)"

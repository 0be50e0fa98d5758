"""Builds and trains in a run's folder; whatever happens, the folder tells, and nothing stays behind."""

from __future__ import annotations

from dataclasses import replace

from rlexp.environment import cutting
from rlexp.errors import EXIT_USAGE
from rlexp.run.driven import Driven, Outcome, Ready, one_line
from rlexp.terminal.interrupt import Interrupt, interruptible
from rlexp.terminal.quiet import quiet

AT_ONCE = "interrupted at once; the last checkpoint stands"
BEFORE = "interrupted before training began"


def drive(ready: Ready) -> Outcome:
    """Trains a run to its end; used by new and resumed runs alike.

    Raises:
        ConfigError, CheckpointError: before training has begun. A folder that this process made is removed
            again; another is left as it was.
    """
    folder = ready.folder
    with quiet(folder.log, ready.config.log_level) as terminal, interruptible() as interrupt:
        driven = Driven(ready, terminal)
        try:
            driven.build()
            ending = _train(driven, interrupt)
        except KeyboardInterrupt:
            ending = ("stopped", AT_ONCE if driven.began else BEFORE)
        except BaseException as failure:
            if not driven.began and getattr(failure, "exit_code", None) == EXIT_USAGE:
                driven.release("failed", {})
                if folder.discard():
                    terminal.warn(f"the earlier run in {folder.place} is as it was")
                raise
            ending = ("failed", one_line(failure))
            driven.keep_trace(failure)
        with interrupt.deferred(lambda name: terminal.say(f"{name}: closing (once more to leave at once)")):
            return replace(driven.close(*ending), signal=interrupt.name)


def _train(driven: Driven, interrupt: Interrupt) -> tuple[str, str]:
    """Runs the loop; returns status and reason."""
    from rlexp.environment.hang import last_words, take_signal
    from rlexp.run.witness import witnessed

    def first(name: str) -> None:
        driven.terminal.say(_on_interrupt(name))
        cutting.request()

    take_signal()
    with (
        cutting.cuttable(),
        witnessed(driven.folder, driven.terminal),
        last_words(driven.abandon),
        interrupt.deferred(first),
    ):
        driven.begin()
        ending = driven.loop.run(interrupt)
    return ending.status, ending.reason


def _on_interrupt(name: str) -> str:
    return f"{name}: finishing this iteration, then saving (once more to stop at once, without saving)"

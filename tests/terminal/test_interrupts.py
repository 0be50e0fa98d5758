"""Signals to this process, really sent: what the first does, what repeats it, and whose stay theirs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from rlexp.base.errors import ConfigError
from rlexp.terminal import interrupt as module
from rlexp.terminal.interrupt import (
    Interrupted,
    children_keep_on,
    exit_code_of,
    interruptible,
    interruption_of,
)

CAUGHT = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2]


@pytest.fixture(autouse=True)
def _as_at_the_start_of_a_program() -> Iterator[None]:
    """However the tests were started."""
    before = {number: signal.getsignal(number) for number in CAUGHT}
    for number in CAUGHT:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.01)


@pytest.mark.parametrize("number", CAUGHT)
def test_the_first_signal_is_only_noted_and_a_repeated_one_counts_as_the_same(number: signal.Signals) -> None:
    with interruptible() as interrupt, interrupt.deferred():
        for _ in range(3):
            send(number)
        assert interrupt.name == number.name


def test_another_signal_right_after_the_first_is_the_same_request() -> None:
    """A closing terminal sends SIGHUP and a wrapper SIGTERM."""
    with interruptible() as interrupt, interrupt.deferred():
        send(signal.SIGHUP)
        send(signal.SIGTERM)
        assert interrupt.name == "SIGHUP"


def test_a_later_signal_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPEAT_S", 0.05)
    with interruptible() as interrupt, interrupt.deferred():
        send(signal.SIGINT)
        time.sleep(0.06)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)


def test_where_nothing_is_to_be_saved_the_first_ends_and_its_repetition_does_not_disturb() -> None:
    with interruptible():
        with pytest.raises(Interrupted) as caught:
            send(signal.SIGUSR1)
        assert caught.value.signal_name == "SIGUSR1"
        send(signal.SIGUSR1)


def test_batch_systems_warnings_have_an_exit_code_of_their_own() -> None:
    assert {exit_code_of(name) for name in ("SIGUSR1", "SIGUSR2")} == {75}
    assert {exit_code_of(name) for name in ("SIGINT", "SIGTERM", "SIGHUP", None)} == {130}


def test_a_programs_own_handler_of_a_batch_signal_stays() -> None:
    """submitit, for one, saves and requeues on SIGUSR2 itself."""
    heard: list[int] = []
    signal.signal(signal.SIGUSR2, lambda number, _: heard.append(number))
    with interruptible() as interrupt, interrupt.deferred():
        send(signal.SIGUSR2)
        send(signal.SIGUSR1)
        assert interrupt.name == "SIGUSR1"
    assert heard == [signal.SIGUSR2]


def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interruptible() as interrupt, interrupt.deferred():
        send(signal.SIGHUP)
        assert interrupt.name is None


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_children_do_not_hear_what_the_run_will_answer_and_the_run_hears_it_afterwards(
    number: signal.Signals,
) -> None:
    with interruptible() as interrupt, interrupt.deferred():
        with children_keep_on():
            child = subprocess.Popen(
                [sys.executable, "-c", "print(1, flush=True); input()"], stdin=-1, stdout=-1
            )
            os.kill(os.getpid(), number)
        assert child.stdout is not None and child.stdout.readline() == b"1\n"
        time.sleep(0.01)
        assert interrupt.name == number.name
        child.send_signal(number)
        child.communicate(b"\n", timeout=10)
        assert child.returncode == 0


def test_an_interrupt_is_found_behind_what_it_made_a_library_raise() -> None:
    def restored() -> None:
        try:
            raise Interrupted("SIGTERM")
        finally:
            None.flags  # type: ignore[attr-defined]  # noqa: B018

    def explained() -> None:
        try:
            restored()
        except AttributeError as error:
            raise ConfigError("cannot be composed") from error

    with pytest.raises(ConfigError) as caught:
        explained()
    found = interruption_of(caught.value)
    assert isinstance(found, Interrupted) and found.signal_name == "SIGTERM"
    assert interruption_of(ConfigError("unknown key")) is None

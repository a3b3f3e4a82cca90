"""Signals that come as a tool of the kit closes: when their handlers are called."""

from __future__ import annotations

import signal
import threading

import pytest

from pytest_resilience import VirtualClock, _uninterrupted
from pytest_resilience._uninterrupted import Uninterrupted


@pytest.fixture
def came():
    """What has happened, to which a handler of two signals adds their numbers."""
    happened = []
    before = {
        number: signal.signal(number, lambda number, _frame: happened.append(number))
        for number in (signal.SIGUSR1, signal.SIGUSR2)
    }
    yield happened
    for number, handler in before.items():
        signal.signal(number, handler)


def test_handlers_are_called_at_the_end_of_the_outermost_block(came):
    """They are called once for each signal that came, and are the handlers again after it."""
    handlers = [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)]
    with Uninterrupted():
        with Uninterrupted():
            signal.raise_signal(signal.SIGUSR2)
        signal.raise_signal(signal.SIGUSR1)
        came.append("end")
    assert came == ["end", signal.SIGUSR2, signal.SIGUSR1]
    assert [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)] == handlers


def test_every_handler_is_called_even_if_one_raises(came):
    """What a handler raises comes out of the block, and no signal is lost for it."""
    signal.signal(signal.SIGUSR2, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt), Uninterrupted():
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR2)
    assert came == [signal.SIGUSR1]


def test_a_signal_that_comes_again_is_not_held_back(came):
    """A second Ctrl-C ends what hangs."""
    with Uninterrupted():
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
        came.append("end")
    assert came == [signal.SIGUSR1, "end", signal.SIGUSR1]


def test_a_signal_waits_for_an_end_that_hangs_only_so_long(came, monkeypatch):
    """Then its handler is called: the limit of a test ends also what hangs as it closes, inside a clock, too."""
    monkeypatch.setattr(_uninterrupted, "_PATIENCE_S", 0)
    with VirtualClock(), Uninterrupted():
        signal.raise_signal(signal.SIGUSR1)
        while not came:
            pass
        came.append("end")
    assert came == [signal.SIGUSR1, "end", signal.SIGUSR1]


def test_a_handler_that_is_set_meanwhile_stays(came):
    """Whatever ends in the block may give its own handler back."""
    with Uninterrupted():
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
    assert came == []


def test_in_another_thread_nothing_is_held_back(came):
    """Handlers run in the main thread only, and only there they can be set."""
    inside, go_on = threading.Event(), threading.Event()

    def work():
        with Uninterrupted():
            inside.set()
            assert go_on.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    assert inside.wait(60)
    signal.raise_signal(signal.SIGUSR1)
    assert came == [signal.SIGUSR1]
    go_on.set()
    thread.join()

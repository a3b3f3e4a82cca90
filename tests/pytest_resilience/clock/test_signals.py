"""Signals that threads of the clock send to their own process, and those they wait for."""

import asyncio
import os
import signal
import threading
import time

import pytest

from pytest_resilience import VirtualClock

SENDERS = (
    lambda: os.kill(os.getpid(), signal.SIGUSR1),
    lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1),
)


class SignalledError(Exception):
    """What a handler raises."""


@pytest.fixture
def handle():
    """Set the handler of a signal for the test."""
    handlers = []

    def set_handler(handler, number=signal.SIGUSR1):
        handlers.append((number, signal.signal(number, handler)))

    yield set_handler
    for number, handler in reversed(handlers):
        signal.signal(number, handler)


@pytest.fixture
def blocked():
    """Hold back two signals in the thread of the test."""
    chosen = [signal.SIGUSR1, signal.SIGALRM]
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, chosen)
    yield chosen
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@pytest.mark.parametrize("send", SENDERS)
def test_a_thread_interrupts_the_sleep_of_the_main_thread(send, handle):
    """The handler is called at once, in the main thread, which sleeps on."""
    with VirtualClock() as clock:
        seen = []
        handle(lambda *_: seen.append((clock.elapsed, threading.current_thread() is threading.main_thread())))
        thread = threading.Timer(2, send)
        thread.start()
        time.sleep(5)
        assert seen == [(2.0, True)]
        assert clock.elapsed == 5.0
        send()
        assert seen == [(2.0, True), (5.0, True)]
        thread.join()


@pytest.mark.parametrize("send", SENDERS)
def test_what_the_handler_raises_ends_the_wait(send, handle):
    """An exception of the handler's comes out of the wait of the main thread."""

    def fail(*_):
        raise SignalledError

    handle(fail)
    with VirtualClock() as clock:
        thread = threading.Timer(2, send)
        thread.start()
        with pytest.raises(SignalledError):
            threading.Event().wait()
        assert clock.elapsed == 2.0
        thread.join()


def test_a_thread_signals_an_event_loop():
    """A loop that waits for a signal only is in no deadlock: the thread that sends it does so in virtual time."""

    async def main():
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, event.set)
        thread = threading.Timer(2, SENDERS[0])
        thread.start()
        await event.wait()
        loop.remove_signal_handler(signal.SIGUSR1)
        thread.join()

    with VirtualClock() as clock:
        asyncio.run(main())
        assert clock.elapsed == 2.0


def test_a_thread_waits_for_the_signal_of_another(blocked):
    """`sigwait` and its like take what another thread sends, at its time."""
    with VirtualClock() as clock:
        for wait in (signal.sigwait, signal.sigwaitinfo, lambda chosen: signal.sigtimedwait(chosen, 60)):
            thread = threading.Timer(2, SENDERS[1])  # the thread of pytest-timeout holds back nothing
            thread.start()
            found = wait(blocked)
            assert getattr(found, "si_signo", found) == signal.SIGUSR1
            thread.join()
        assert clock.elapsed == 6.0
        assert clock.guesses == 0


def test_a_signal_to_wait_for_may_have_come_already(blocked):
    """What is pending is taken at once."""
    with VirtualClock() as clock:
        for wait in (signal.sigwait, lambda chosen: signal.sigtimedwait(chosen, 60).si_signo):
            signal.raise_signal(signal.SIGUSR1)
            assert wait(blocked) == signal.SIGUSR1
        assert clock.elapsed == 0


def test_an_alarm_is_waited_for(blocked):
    """The alarm of the clock ends `sigwait` where the signal is held back."""
    with VirtualClock() as clock:
        signal.setitimer(signal.ITIMER_REAL, 3)
        assert signal.sigwait(blocked) == signal.SIGALRM
        assert clock.elapsed == 3.0


def test_the_clock_takes_no_signal_away(run_program):
    """What is sent to the process, by itself or by a child, reaches the threads of the program only."""
    done = run_program(
        "import _thread, os, signal, subprocess, sys, threading\n"
        "from pytest_resilience import VirtualClock\n"
        "with VirtualClock(grace=60) as clock:\n"
        "    thread = threading.Thread(target=int)\n"
        "    thread.start()\n"
        "    thread.join()\n"
        "    _thread._count()\n"  # which waits for it to be gone
        "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
        "    os.kill(os.getpid(), signal.SIGUSR1)\n"
        "    print(signal.sigwait([signal.SIGUSR1]))\n"
        "    code = f'import os, signal; os.kill({os.getpid()}, signal.SIGUSR1)'\n"
        "    with subprocess.Popen([sys.executable, '-c', code]):\n"
        "        print(signal.sigtimedwait([signal.SIGUSR1], 5).si_signo)\n"
        "    print(clock.elapsed)\n"
    )
    assert (done.stdout, done.stderr) == ("10\n10\n0.0\n", "")


def test_a_signal_that_does_not_come(blocked):
    """`sigtimedwait` returns None after as much virtual time, and at once where it is to look only."""
    with VirtualClock() as clock:
        assert signal.sigtimedwait(blocked, 7) is None
        assert signal.sigtimedwait(blocked, 0) is None
        assert clock.elapsed == 7.0


def test_wrong_arguments_are_refused_as_ever(blocked):
    """The C functions say what is wrong with a signal, or a time, that makes no sense."""
    calls = (
        lambda: signal.sigtimedwait(blocked, -1),
        lambda: signal.sigtimedwait(blocked, "1"),
        lambda: signal.sigwait([999]),
        lambda: signal.sigwait(1),
        lambda: os.kill(os.getpid(), 999),
        lambda: os.kill("x", 1),
    )

    def outcome_of(call):
        with pytest.raises((TypeError, ValueError, OSError)) as raised:
            call()
        return repr(raised.value)

    expected = [outcome_of(call) for call in calls]
    with VirtualClock():
        assert [outcome_of(call) for call in calls] == expected

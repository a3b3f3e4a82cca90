"""Opening and closing the clock, whatever happens in between."""

from __future__ import annotations

import asyncio
import inspect
import queue
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_resilience.clock import Jump, VirtualClock
from pytest_resilience.clock._bubble import scheduler as _scheduler
from pytest_resilience.clock._calls.catalogue import staying_patched
from pytest_resilience.clock._warnings import complaints
from tests.pytest_resilience.clock.patched import everything_patched


class Unusual(BaseException):
    pass


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, SystemExit, Unusual])
def test_real_time_is_back_whatever_ends_the_block(error):
    """Every patch is undone after any exception, and the exception passes through."""
    before = everything_patched()
    if error is None:
        with VirtualClock():
            time.sleep(5)
    else:
        with pytest.raises(error), VirtualClock():
            time.sleep(5)
            raise error
    assert everything_patched() == before


def test_clocks_in_a_row_may_stay_patched():
    """Between them time is real, each of them starts from zero, and at the end every patch is undone."""
    before = everything_patched()
    with staying_patched():
        between = []
        for _ in range(2):
            with VirtualClock() as clock:
                time.sleep(5)
                asyncio.run(asyncio.sleep(5))
            assert clock.elapsed == 10
            between.append(abs(time.time() - _real_time()))
            with pytest.raises(TypeError):
                threading.Event().wait("no number")
        assert max(between) < 60
    assert everything_patched() == before


def _real_time():
    return float(subprocess.run(["date", "+%s"], capture_output=True, check=True, text=True).stdout)


def test_clocks_do_not_nest(clock):
    """A second clock is refused, and the first one is none the worse for it."""
    with pytest.raises(RuntimeError) as caught, VirtualClock():
        pass
    assert str(caught.value) == (
        "a virtual clock is open already, and clocks do not nest: use that one (the `virtual_clock` fixture, "
        "if the test has it) instead of opening another"
    )
    time.sleep(5)
    assert clock.elapsed == 5.0


def test_a_clock_is_used_once():
    """A clock that has closed cannot be opened again."""
    clock = VirtualClock()
    with clock:
        pass
    with pytest.raises(RuntimeError) as caught, clock:
        pass
    assert str(caught.value) == ("this virtual clock has been used already; make a new VirtualClock() for each block")


@pytest.mark.parametrize(
    "use", [lambda clock: clock.now(), lambda clock: clock.advance(1), lambda clock: clock.hold().__enter__()]
)
def test_a_closed_clock_says_so(use):
    """Before and after its block the clock cannot be read or moved, but what it recorded remains."""
    clock = VirtualClock()
    with pytest.raises(RuntimeError, match="has not been opened; use it inside its `with` block"):
        use(clock)
    with clock:
        time.sleep(5)
    with pytest.raises(RuntimeError, match="has closed; use it inside its `with` block"):
        use(clock)
    assert (clock.elapsed, clock.elapsed_ns, clock.sleeps, len(clock.jumps)) == (5.0, 5_000_000_000, [5.0], 1)


def test_only_threads_of_the_clock_may_advance_it():
    """A thread outside is told that it has real time only."""
    go, told = queue.Queue(), queue.Queue()

    def outsider():
        with pytest.raises(RuntimeError) as caught:
            go.get().advance(1)
        told.put(str(caught.value))

    thread = threading.Thread(target=outsider)
    thread.start()
    with VirtualClock() as clock, clock.hold():
        go.put(clock)
        assert told.get() == ("advance() was called from a thread outside the virtual clock, which has real time only")
    thread.join()


def test_a_secret_in_the_name_of_a_thread_that_a_guess_woke_is_not_shown():
    """Who was woken and who was waited for are named, without what may be secret in their names."""
    jump = Jump(0.0, 5.0, "amqp://app:hunter2@mq:5672", "a sleep", guess=True, waited_for=("token=hunter2",))
    (warning,) = complaints([], [jump])
    assert "life from token=[redacted]; thread 'amqp://app:[redacted]@mq:5672' had waited for a sleep" in str(warning)


@pytest.mark.usefixtures("heeded")
def test_an_interrupt_ends_a_virtual_sleep():
    """Ctrl-C reaches the main thread while it waits for another thread of the clock."""
    before = everything_patched()
    main = threading.get_ident()

    def interrupter():
        time.sleep(5)
        signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.001)  # in real time, once the clock has closed

    thread = threading.Thread(target=interrupter)
    with pytest.raises(KeyboardInterrupt), VirtualClock():
        thread.start()
        thread.join()
    thread.join()
    assert everything_patched() == before


def test_a_signal_handler_runs_in_real_time(clock):
    """A handler that interrupts a virtual wait may use locks and sleeps of its own; the wait then goes on."""
    main = threading.get_ident()
    lock = threading.Lock()
    seen = []

    def handler(*_):
        with lock:
            time.sleep(0.001)
            seen.append(clock.elapsed)

    previous = signal.signal(signal.SIGUSR1, handler)
    try:
        thread = threading.Thread(target=lambda: (time.sleep(5), signal.pthread_kill(main, signal.SIGUSR1)))
        thread.start()
        time.sleep(10)
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert len(seen) == 1
    assert clock.elapsed == 10.0


def test_a_thread_that_cannot_start_is_forgotten(clock):
    """When the system has no room for one more thread, the clock does not wait for the one that never came."""
    first = threading.Thread(target=time.sleep, args=(0,))
    first.start()
    first.join()
    usual = threading.stack_size(2**47)
    try:
        with pytest.raises(RuntimeError, match="can't start new thread"):
            threading.Thread(target=time.sleep, args=(5,)).start()
    finally:
        threading.stack_size(usual)
    time.sleep(1)
    assert clock.elapsed == 1.0


def test_the_module_has_an_honest_front():
    """All public names come from the package, and `__all__` is all of them."""
    import pytest_resilience.clock as package

    public = {name for name, value in vars(package).items() if name[0].isalpha() and not inspect.ismodule(value)}
    assert public == set(package.__all__)
    homes = {getattr(package, name).__module__ for name in package.__all__}
    assert homes <= {"pytest_resilience.clock", "pytest_resilience"}  # which both have them


INTERRUPTIONS = """
import contextlib, gc, os, random, signal, threading, time
from pytest_resilience.clock import VirtualClock

def interrupt(*_):
    interrupted.append(True)  # Python ignores what is raised in the callback of a weak reference
    raise KeyboardInterrupt

def nap(seconds):
    while not stop.is_set():
        time.sleep(seconds)

def nap_until_interrupted():  # a function, as from 3.12 on `with` does not cover a jump back to the head of a loop in it
    while not interrupted:
        time.sleep(0.0007)

signal.signal(signal.SIGUSR1, interrupt)
asked, ask = os.pipe()
if (sender := os.fork()) == 0:  # another process, as alarms of real time ring in virtual time here
    for number in range(60):
        os.read(asked, 1)
        time.sleep(random.Random(number).uniform(0.0001, 0.005))
        os.kill(os.getppid(), signal.SIGUSR1)
    os._exit(0)
for _ in range(60):
    stop, interrupted = threading.Event(), []
    threads = [threading.Thread(target=nap, args=(seconds,)) for seconds in (0.001, 0.002, 0.003)]
    with contextlib.suppress(KeyboardInterrupt), VirtualClock():
        for thread in threads:
            thread.start()
        os.write(ask, b"!")
        nap_until_interrupted()
    stop.set()
    for thread in threads:
        thread.join()
os.waitpid(sender, 0)
print(gc.isenabled(), threading.active_count())
"""


def test_a_signal_may_come_at_any_moment(run_program):
    """Whatever the clock is doing when a signal handler raises, it closes, and all threads live on in real time."""
    ran = run_program(INTERRUPTIONS, warnings="ignore")
    assert (ran.stdout, ran.returncode) == ("True 1\n", 0), ran.stderr


def test_a_signal_while_the_clock_closes_frees_everybody(monkeypatch):
    """A second Ctrl-C, in the middle of closing, leaves no thread waiting for a turn that never comes."""
    real_get_ident = _scheduler.get_ident

    def interrupt():
        monkeypatch.setattr(_scheduler, "get_ident", real_get_ident)
        raise KeyboardInterrupt

    with ThreadPoolExecutor(2) as executor:
        executor.submit(int).result()
        with pytest.raises(KeyboardInterrupt), VirtualClock():
            for _ in range(4):
                executor.submit(time.sleep, 0.001)
            monkeypatch.setattr(_scheduler, "get_ident", interrupt)
            raise KeyboardInterrupt
        assert executor.submit(abs, -1).result(60) == 1

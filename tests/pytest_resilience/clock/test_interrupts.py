"""Exceptions that a signal handler raises in the midst of a virtual wait, at each instruction where one can."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import os
import queue
import threading
import time

import pytest
import trio

from pytest_resilience import VirtualClock
from pytest_resilience.clock._reach import real
from tests.resilience.alerts.interrupts import CRASHES, interruptions

pytestmark = pytest.mark.skipif(CRASHES, reason="from time to time CPython 3.12 crashes where a handler ends tracing")


def acquire():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=3)


def get():
    with contextlib.suppress(queue.Empty):
        queue.SimpleQueue().get(timeout=3)


def wait():
    # Broken off as it gives its lock back, a condition says that as it does without the clock.
    with contextlib.suppress(RuntimeError):
        threading.Event().wait(3)


# An interruption may strike a callback of a weak reference, which lets nothing out but a warning.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings(
    "ignore::pytest_resilience.GuessWarning"
)  # the thread that was struck is outside for a while
@pytest.mark.parametrize(
    "work",
    [lambda: time.sleep(3), lambda: time.sleep(0), acquire, get, wait],
    ids=["sleep", "yield", "lock", "queue", "event"],
)
def test_a_wait_that_is_broken_off_leaves_a_clock_that_works(work):
    """Wherever a wait is broken off, sleeps stay virtual, and the other threads go on."""
    stop, ticks = threading.Event(), []

    def tick():
        while not stop.is_set():
            time.sleep(1)
            ticks.append(time.monotonic())

    with VirtualClock() as clock:
        threads = [threading.Thread(target=tick) for _ in range(2)]
        for thread in threads:
            thread.start()
        count = 0
        for count in interruptions(work):  # noqa: B007  # its last value tells that there were some
            before, ticked = clock.elapsed, len(ticks)
            time.sleep(2)
            assert clock.elapsed == pytest.approx(before + 2)
            assert len(ticks) - ticked >= 2
        stop.set()
        for thread in threads:
            thread.join()
    assert count > 10


def is_of_others(frame):
    """Whether other code than the clock's is struck.

    A signal handler that raises as `threading` takes or gives back the lock of a condition leaves it held without the
    clock, too.
    """
    return not frame.f_globals.get("__name__", "").startswith("pytest_resilience.clock")


def held(kind):
    made = kind()
    made.acquire()
    return made.acquire, made.release


def signalled(made, notify):
    def call(method):
        with made:
            method()

    return lambda: call(made.wait), lambda: call(notify)


def condition(lock):
    made = threading.Condition(lock())
    return signalled(made, made.notify)


def event():
    made = threading.Event()
    return made.wait, made.set


def semaphore():
    made = threading.Semaphore(0)
    return made.acquire, made.release


def items(kind):
    made = kind()
    return made.get, lambda: made.put("item")


def loop():
    made = []

    async def main():
        made.extend((asyncio.get_running_loop(), asyncio.Event()))
        await made[1].wait()

    return lambda: asyncio.run(main()), lambda: made[0].call_soon_threadsafe(made[1].set)


def trio_run():
    made = []

    async def main():
        made.extend((trio.lowlevel.current_trio_token(), trio.Event()))
        await made[1].wait()

    return lambda: trio.run(main), lambda: made[0].run_sync_soon(made[1].set)


WAKERS = {
    "lock": lambda: held(threading.Lock),
    "reentrant lock": lambda: held(threading.RLock),
    "condition": lambda: condition(threading.Lock),
    "reentrant condition": lambda: condition(threading.RLock),
    "event": event,
    "semaphore": semaphore,
    "queue": lambda: items(queue.Queue),
    "simple queue": lambda: items(queue.SimpleQueue),
    "asyncio": loop,
    "trio": trio_run,
}


@pytest.mark.parametrize("name", WAKERS)
def test_who_is_interrupted_as_it_wakes_a_thread_wakes_it_at_the_next_try_at_the_latest(name):
    """Whoever waits has its lock, item or notification, and virtual time goes on."""
    with VirtualClock() as clock:
        waiting = []

        def begin():
            wait, wake = WAKERS[name]()
            thread = threading.Thread(target=wait)
            thread.start()
            waiting[:] = thread, wake
            time.sleep(1)

        begin()
        count = 0
        for count in interruptions(lambda: waiting[1](), is_of_others):  # noqa: B007  # see above
            thread, wake = waiting
            with contextlib.suppress(RuntimeError):  # the lock has been released
                wake()
            thread.join(5)
            assert not thread.is_alive()
            begin()
        waiting[0].join()
        before = clock.elapsed
        time.sleep(5)
        assert clock.elapsed == before + 5
    assert count  # from 3.13 on, only the begin of a function is seen that has run untraced since


def block(guard):
    def work():
        with guard:
            pass

    return work, lambda: guard.acquire(blocking=False)


def release_finally(lock):
    begun = []

    def work():
        lock.acquire()
        try:
            begun.append(True)
        finally:
            lock.release()

    return work, lambda: (bool(begun), lock.acquire(blocking=False))


def put_finally(items):
    begun = []

    def work():
        try:
            begun.append(True)
        finally:
            items.put("item")

    return work, lambda: (bool(begun), items.qsize())


def put(items):
    return lambda: items.put("item"), lambda: items.mutex.acquire(blocking=False)


USES = {
    "block with a lock": lambda: block(threading.Lock()),
    "block with a reentrant lock": lambda: block(threading.RLock()),
    "block with a condition": lambda: block(threading.Condition(threading.Lock())),
    "block with a reentrant condition": lambda: block(threading.Condition()),
    "release of a lock": lambda: release_finally(threading.Lock()),
    "release of a reentrant lock": lambda: release_finally(threading.RLock()),
    "put in a simple queue": lambda: put_finally(queue.SimpleQueue()),
    "put in a queue": lambda: put(queue.Queue()),
}


def outcomes(make):
    """What may have become of something that is used when a signal breaks that off, at any instruction."""
    found, used = set(), [make()]
    for _ in interruptions(lambda: used[-1][0]()):
        thread = threading.Thread(target=lambda: found.add(used[-1][1]()))
        thread.start()
        thread.join()
        used.append(make())
    return found


def in_clock(make, clock_thread):
    """The same in a clock that is open in the thread which is broken off, or in another one."""
    if clock_thread == "its own":
        with VirtualClock():
            return outcomes(make)
    opened, done = threading.Event(), threading.Event()

    def open_clock():
        with VirtualClock() as clock, clock.hold():
            opened.set()
            done.wait()

    thread = threading.Thread(target=open_clock)
    thread.start()
    assert opened.wait(60)
    try:
        return outcomes(make)
    finally:
        done.set()
        thread.join()


# An interruption may strike a callback of a weak reference, as above.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("clock_thread", ["its own", "another"])
@pytest.mark.parametrize("name", USES)
def test_whatever_is_broken_off_is_left_as_without_a_clock(name, clock_thread):
    """No instruction is there at which a lock stays taken, or an item is lost, that CPython itself would not lose."""
    found = in_clock(USES[name], clock_thread)
    assert found
    assert found <= outcomes(USES[name])


@pytest.mark.filterwarnings("ignore::pytest_resilience.GuessWarning")  # none is at work that holds the lock
def test_who_is_interrupted_as_it_looks_at_a_lock_leaves_it_free():
    """A thread that waits for a lock which has been released outside the clock gets it, whoever has looked at it."""
    with VirtualClock(grace=0) as clock:
        waiting = []

        def begin():
            lock = threading.Lock()
            real.lock_acquire(lock)
            thread = threading.Thread(target=lock.acquire)
            thread.start()
            time.sleep(1)
            real.lock_release(lock)
            waiting[:] = [thread]

        begin()
        count = 0
        for count in interruptions(lambda: time.sleep(1)):  # noqa: B007  # see above
            waiting[0].join(5)
            assert not waiting[0].is_alive()
            begin()
        waiting[0].join()
        before = clock.elapsed
        time.sleep(5)
        assert clock.elapsed == before + 5
    assert count > 10


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # as above
def test_a_wait_for_a_condition_that_is_broken_off_has_taken_its_lock_again():
    """What the handler raises comes out, and not that the lock was not held at the end of the block."""
    condition = threading.Condition()

    def work():
        with condition:
            condition.wait(3)

    def is_left_out(frame):
        # After the lock has been given back and before the wait begins, it is lost without the clock, too.
        return is_of_others(frame) or frame.f_code.co_name == "_condition_wait"

    with VirtualClock():
        count = 0
        for count in interruptions(work, is_left_out):  # noqa: B007  # see above
            assert condition.acquire(blocking=False)
            condition.release()
    assert count > 10


def test_a_thread_whose_start_is_broken_off_runs_or_has_never_been():
    """None is waited for that does not come, and none that has started is taken for one that has not."""
    with VirtualClock() as clock:
        count = 0
        for count in interruptions(lambda: _thread.start_new_thread(time.sleep, (1,)), is_of_others):  # noqa: B007  # see above
            before = clock.elapsed
            time.sleep(5)
            assert clock.elapsed == before + 5
        time.sleep(5)
    assert count > 10


FORKING = """
import contextlib, os, sys, threading, time
from pytest_resilience import VirtualClock
from tests.resilience.alerts.interrupts import Interrupt, interruptions

HOOKS = {"pytest_resilience.clock.virtual_clock", "pytest_resilience.clock._outside.monitor"}
lost, own, children = set(), os.getpid(), []
sys.unraisablehook = lambda unraisable: lost.add(unraisable.exc_type)

def work():
    if (child := os.fork()) == 0:
        os._exit(0)
    children.append(child)
    os.waitpid(child, 0)
    children.pop()

with VirtualClock() as clock:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    count = 0
    for count in interruptions(work, lambda frame: frame.f_globals.get("__name__") not in HOOKS or os.getpid() != own):
        before = clock.elapsed
        time.sleep(5)
        assert clock.elapsed == before + 5
        if children:  # of whose end nobody has heard yet, as the wait for it was broken off
            with contextlib.suppress(ChildProcessError):
                os.waitpid(children.pop(), 0)
    stop.set()
    thread.join()
assert count > 10
assert lost == {Interrupt}
"""


@pytest.mark.slow
def test_a_fork_that_is_broken_off_leaves_a_clock_that_works(run_program):
    """What a handler raises before the fork is lost, as in every such hook, and with it nothing else."""
    ran = run_program(FORKING, environment=os.environ | {"PYTHONPATH": os.getcwd()})
    assert ran.returncode == 0, ran.stderr

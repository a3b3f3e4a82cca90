"""Everything in `threading` that waits."""

from __future__ import annotations

import threading
import time

import pytest

from pytest_resilience.clock import VirtualClock

EXISTING_LOCK = threading.Lock()
EXISTING_RLOCK = threading.RLock()
EXISTING_CONDITION = threading.Condition()
EXISTING_EVENT = threading.Event()


def start(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    return thread


@pytest.mark.parametrize(
    "make",
    [threading.Lock, threading.RLock, lambda: EXISTING_LOCK, lambda: EXISTING_RLOCK],
    ids=["Lock", "RLock", "existing Lock", "existing RLock"],
)
def test_a_lock_may_be_held_across_a_sleep(clock, make):
    """Whoever wants the lock gets it when the sleeper lets go, in the order of asking."""
    lock = make()
    log = []

    def holder(name, seconds):
        with lock:
            log.append((name, clock.elapsed))
            time.sleep(seconds)

    threads = [start(holder, name, seconds) for name, seconds in (("a", 5), ("b", 7), ("c", 1))]
    assert lock.acquire(timeout=2) is False
    assert clock.elapsed == 2.0
    assert lock.acquire(blocking=False) is False
    for thread in threads:
        thread.join()
    assert log == [("a", 0.0), ("b", 5.0), ("c", 12.0)]
    assert lock.acquire(timeout=1) is True
    lock.release()
    assert clock.guesses == 0


@pytest.mark.parametrize("make", [threading.Lock, threading.RLock])
def test_a_lock_is_passed_on_in_the_order_of_asking(clock, make):
    """However often the waiting threads are looked at, they get the lock first come first served."""
    lock = make()
    log = []

    def holder(number):
        time.sleep(number / 10)
        with lock:
            log.append(number)
            for _ in range(5):
                time.sleep(1)

    threads = [start(holder, number) for number in range(6)]
    for thread in threads:
        thread.join()
    assert log == list(range(6))


def test_a_reentrant_lock_counts(clock):
    """A reentrant lock is free only after as many releases."""
    lock = threading.RLock()
    lock.acquire()
    lock.acquire()
    thread = start(lambda: (lock.acquire(), lock.release()))
    time.sleep(1)
    lock.release()
    time.sleep(1)
    assert thread.is_alive()
    lock.release()
    thread.join()
    assert clock.elapsed == 2.0


@pytest.mark.parametrize("lock", [threading.Lock(), threading.RLock()], ids=["Lock", "RLock"])
def test_wrong_arguments_of_acquire_are_refused_as_ever(clock, lock):
    """`acquire` raises what the real one raises."""
    with pytest.raises(ValueError, match="can't specify a timeout for a non-blocking call"):
        lock.acquire(False, 1)
    with pytest.raises(ValueError, match="timeout value must be"):
        lock.acquire(timeout=-2)
    with pytest.raises(OverflowError):
        lock.acquire(timeout=1e100)
    with pytest.raises(RuntimeError):
        lock.release()


@pytest.mark.parametrize(
    "condition", [threading.Condition(), threading.Condition(threading.Lock()), EXISTING_CONDITION]
)
def test_a_condition_wakes_one_waiter_for_each_notification(clock, condition):
    """Notified waiters return True in the order of waiting, the others False at their own deadlines."""
    log = []

    def waiter(name, timeout):
        with condition:
            log.append((name, condition.wait(timeout), clock.elapsed))

    threads = [start(waiter, name, timeout) for name, timeout in (("a", None), ("b", 5), ("c", 5), ("d", 20))]
    time.sleep(1)
    with condition:
        condition.notify(2)
        time.sleep(1)
    time.sleep(10)
    with condition:
        condition.notify_all()
    for thread in threads:
        thread.join()
    assert log == [("a", True, 2.0), ("b", True, 2.0), ("c", False, 5.0), ("d", True, 12.0)]
    assert clock.guesses == 0


def test_a_condition_keeps_the_depth_of_a_reentrant_lock(clock):
    """Waiting gives a lock up that is held twice, and takes it twice again."""
    condition = threading.Condition()

    def notifier():
        with condition:
            condition.notify()

    with condition, condition:
        thread = start(notifier)
        assert condition.wait(60)
    with pytest.raises(RuntimeError, match="cannot wait on un-acquired lock"):
        condition.wait()
    thread.join()


def test_wait_for_sees_time_pass(clock):
    """`Condition.wait_for` gives up at its own deadline although it is woken again and again."""
    condition = threading.Condition()

    def noise():
        for _ in range(5):
            time.sleep(1)
            with condition:
                condition.notify_all()

    thread = start(noise)
    with condition:
        assert not condition.wait_for(lambda: False, timeout=3.5)
    assert clock.elapsed == 3.5
    thread.join()


@pytest.mark.parametrize("event", [threading.Event(), EXISTING_EVENT])
def test_an_event_ends_the_wait_at_once(clock, event):
    """`Event.wait` returns at the instant of `set`."""
    timer = threading.Timer(5, event.set)
    timer.start()
    assert event.wait(3) is False
    assert event.wait(60) is True
    assert clock.elapsed == 5.0
    assert clock.sleeps == [5.0, 3.0]  # the wait that was cut short was no sleep
    timer.join()


def test_a_semaphore_is_passed_on(clock):
    """Three pairs share a semaphore of two."""
    semaphore = threading.BoundedSemaphore(2)
    log = []

    def worker(name):
        with semaphore:
            time.sleep(10)
            log.append((name, clock.elapsed))

    threads = [start(worker, name) for name in range(6)]
    assert semaphore.acquire(timeout=4) is False
    for thread in threads:
        thread.join()
    assert log == [(0, 10.0), (1, 10.0), (2, 20.0), (3, 20.0), (4, 30.0), (5, 30.0)]


def test_a_barrier_breaks_after_its_timeout(clock):
    """A barrier that never fills breaks at its timeout, for everyone."""
    barrier = threading.Barrier(3, timeout=8)
    broken = []

    def party():
        try:
            barrier.wait()
        except threading.BrokenBarrierError:
            broken.append(clock.elapsed)

    threads = [start(party), start(party)]
    for thread in threads:
        thread.join()
    assert broken == [8.0, 8.0]


def test_a_foreign_thread_can_wake_a_thread_of_the_clock():
    """An event set by a thread from before ends a wait here; `hold` says that it will come."""
    go, event = threading.Event(), threading.Event()
    foreign = start(lambda: (go.wait(), event.set()))
    with VirtualClock() as clock:
        with clock.hold():
            go.set()
            assert event.wait(1000)
        assert clock.elapsed == 0
    foreign.join()


def test_a_lock_held_by_a_foreign_thread_is_waited_for_in_real_time():
    """A lock that a thread outside holds is no deadlock, and time stands still until it is free."""
    lock, held, go = threading.Lock(), threading.Event(), threading.Event()

    def outsider():
        with lock:
            held.set()
            go.wait()

    foreign = start(outsider)
    held.wait()
    with VirtualClock(grace=60) as clock:
        sleeper = start(time.sleep, 100)
        go.set()
        with lock:
            assert clock.elapsed == 0
        sleeper.join()
    foreign.join()


@pytest.mark.parametrize("kind", [threading.Lock, threading.RLock])
def test_who_polls_a_condition_lets_others_have_its_lock(clock, kind):
    """A wait of 0 s gives the lock away for a moment, as any wait does."""
    condition, set_at = threading.Condition(kind()), []

    def set_it():
        time.sleep(0.00002)  # the longer, the more often the other one asks
        with condition:
            set_at.append(clock.elapsed)

    thread = threading.Thread(target=set_it)
    thread.start()
    with condition:
        while not set_at:
            condition.wait(0)
    thread.join()
    assert set_at == [0.00002]


GARBAGE = """
import contextlib, gc, queue, threading, time
from pytest_resilience.clock import VirtualClock

lock, condition, event, items, log = threading.RLock(), threading.Condition(), threading.Event(), queue.Queue(), []

class Garbage:
    def __init__(self):
        self.cycle = self

    def __del__(self):
        with lock:
            pass

def hold(seconds):
    for number in range(40):
        Garbage()
        time.sleep(seconds)
        log.append((clock.elapsed, seconds))
        if number % 5 == 0:
            with lock:
                time.sleep(0.05)

def wait(method):
    for _ in range(40):
        Garbage()
        with contextlib.suppress(queue.Empty):
            method()

def wait_for_condition():
    with condition:
        condition.wait(0.7)

with VirtualClock() as clock:
    threads = [threading.Thread(target=hold, args=(0.5 + number / 10,)) for number in range(4)]
    for method in (wait_for_condition, lambda: (event.wait(0.3), event.clear()), lambda: items.get(timeout=0.2)):
        threads.append(threading.Thread(target=wait, args=(method,)))
    gc.set_threshold(1)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.set_threshold(700)
    print(clock.elapsed, clock.guesses)
"""


def test_a_finalizer_may_wait_for_a_lock_whose_holder_sleeps(run_program):
    """No garbage is collected inside the scheduler, where a finalizer that waits would stop all the others."""
    ran = run_program(GARBAGE)
    assert (ran.stdout, ran.returncode) == ("32.4 0\n", 0), ran.stderr

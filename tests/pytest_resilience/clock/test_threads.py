"""Threads in virtual time: everyone wakes at its own deadline, one at a time, in one order."""

from __future__ import annotations

import _thread
import os
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_resilience.clock import GuessWarning, VirtualClock
from pytest_resilience.clock._reach import real


def run(*bodies):
    """Run each of ``bodies`` in a thread of its own, to the end."""
    threads = [threading.Thread(target=body, name=f"t{number}") for number, body in enumerate(bodies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_sleep_at_the_same_time(clock):
    """Ten threads that sleep ten seconds take ten seconds."""
    run(*[lambda: time.sleep(10)] * 10)
    assert clock.elapsed == 10.0


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), max_size=5), max_size=6))
def test_wakes_are_ordered_by_deadline_and_arrival(plans):
    """The order of all wakes is the one of a single queue of deadlines, first come first served among equals."""
    with VirtualClock() as clock:
        log = []

        def sleeper(number, plan):
            for delay in plan:
                time.sleep(delay + 1)
                log.append((clock.elapsed_ns // 10**9, number))

        run(*[lambda number=number, plan=plan: sleeper(number, plan) for number, plan in enumerate(plans)])

    queue = [(0, number, number, list(plan)) for number, plan in enumerate(plans)]
    expected, arrivals = [], len(queue)
    queue = []
    for number, plan in enumerate(plans):
        if plan:
            queue.append((plan[0] + 1, number, number, plan[1:]))
    while queue:
        queue.sort()
        now, _, number, rest = queue.pop(0)
        expected.append((now, number))
        if rest:
            arrivals += 1
            queue.append((now + rest[0] + 1, arrivals, number, rest[1:]))
    assert log == expected


def test_one_thread_runs_at_a_time(clock):
    """A thread that becomes ready waits until the running one blocks, so nothing happens in between."""
    log = []
    start = threading.Event()

    def worker(name):
        start.wait()
        for step in range(3):
            log.append((name, step))

    threads = [threading.Thread(target=worker, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    start.set()
    assert log == []
    time.sleep(0)
    assert log == [(name, step) for name in "abc" for step in range(3)]
    for thread in threads:
        thread.join()


def test_join_with_a_timeout_waits_that_long(clock):
    """`Thread.join` gives up after its timeout and returns at once when the thread ends."""
    thread = threading.Thread(target=time.sleep, args=(10,))
    thread.start()
    thread.join(3)
    assert (thread.is_alive(), clock.elapsed) == (True, 3.0)
    thread.join(100)
    assert (thread.is_alive(), clock.elapsed) == (False, 10.0)


def test_a_thread_that_ended_is_not_alive(clock):
    """Polling `is_alive` sees the end of the thread at the instant of its end."""
    thread = threading.Thread(target=time.sleep, args=(10,))
    thread.start()
    while thread.is_alive():
        time.sleep(1)
    assert clock.elapsed == 10.0


def test_a_timer_fires_at_its_time(clock):
    """`threading.Timer` runs its function at its interval, unless it is cancelled."""
    fired = []
    timers = [threading.Timer(seconds, lambda: fired.append(clock.elapsed)) for seconds in (30, 10, 20)]
    for timer in timers:
        timer.start()
    time.sleep(15)
    timers[2].cancel()
    for timer in timers:
        timer.join()
    assert fired == [10.0, 30.0]


def test_threads_may_start_threads(clock):
    """A thread started by a thread of the clock belongs to the clock, also when it is started at a low level."""
    import _thread

    ends = []
    done = threading.Semaphore(0)

    def child():
        time.sleep(5)
        ends.append(clock.elapsed)
        done.release()

    def parent():
        threading.Thread(target=child).start()
        time.sleep(1)
        _thread.start_new_thread(child, ())

    run(parent)
    done.acquire()
    done.acquire()
    assert ends == [5.0, 6.0]


def test_an_error_in_a_thread_does_not_stop_the_clock(clock, monkeypatch):
    """A thread that raises is gone like one that returns."""
    caught = []
    monkeypatch.setattr(threading, "excepthook", lambda details: caught.append(details.exc_type))

    def failing():
        time.sleep(1)
        raise ValueError

    run(failing, lambda: time.sleep(2))
    assert (caught, clock.elapsed) == ([ValueError], 2.0)


@pytest.fixture
def load():
    """Other processes that use all the processors there are."""
    code = "import os\nprint(flush=True)\nwhile os.getppid() == int(__import__('sys').argv[1]): pass"
    command = [sys.executable, "-c", code, str(os.getpid())]
    busy = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(os.cpu_count() or 1)]
    for process in busy:
        process.stdout.readline()
    yield
    for process in busy:
        process.kill()
        process.communicate()


def test_all_runs_take_the_same_course(load):
    """A program whose threads compete for everything does exactly the same each time, also on a busy machine."""

    def program():
        log = []
        with VirtualClock() as clock:
            condition = threading.Condition()
            tokens = []

            def worker(name):
                for step in range(5):
                    with condition:
                        condition.wait_for(lambda: tokens, timeout=step + 0.5)
                        if tokens:
                            tokens.pop()
                        log.append((name, step, clock.elapsed_ns))
                    time.sleep((name * 7 + step) % 3 / 10)

            def feeder():
                for _ in range(20):
                    time.sleep(0.3)
                    with condition:
                        tokens.append(1)
                        condition.notify_all()

            run(feeder, *[lambda name=name: worker(name) for name in range(5)])
        return log

    courses = [program() for _ in range(5)]
    assert courses == [courses[0]] * 5


def test_a_spinning_thread_lets_the_others_run(clock):
    """A thread that polls with `sleep(0)` sees what the other threads do."""
    flag = []

    def setter():
        time.sleep(0)
        flag.append(1)

    thread = threading.Thread(target=setter)
    thread.start()
    while not flag:
        time.sleep(0)
    thread.join()
    assert clock.elapsed == 0


def test_a_thread_that_is_slow_to_hand_on_does_not_hold_up_its_successor(clock):
    """Whoever gets the turn is in virtual time at once, though the thread that gave it has yet to go to sleep."""

    def dawdle(frame, event, what):
        if event == "c_return" and what.__name__ == "release":
            real.sleep(0.002)

    def nap():
        sys.setprofile(dawdle)
        for _ in range(5):
            time.sleep(3600)

    run(nap, nap)
    assert len(clock.sleeps) == 10


def test_a_foreign_thread_is_joined_in_real_time():
    """Waiting for a thread from outside takes no virtual time while it ends, and times out if it does not."""
    go = threading.Event()
    thread = threading.Thread(target=go.wait)
    thread.start()
    with pytest.warns(GuessWarning), VirtualClock(grace=0.01) as clock:
        thread.join(timeout=5)
        assert thread.is_alive()
        assert (clock.elapsed, clock.guesses) == (5.0, 1)
    go.set()
    with VirtualClock(grace=60) as clock:
        thread.join(timeout=5)
        assert not thread.is_alive()
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_thread_cannot_join_itself(clock):
    """What `join` refuses in real time it refuses here."""
    with pytest.raises(RuntimeError, match="cannot join current thread"):
        threading.current_thread().join()
    with pytest.raises(RuntimeError, match="cannot join thread before it is started"):
        threading.Thread().join()


def test_threads_that_have_ended_are_not_counted(clock):
    """A thread is gone once time has passed, however slowly the interpreter takes leave of it."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-7)
    try:
        before = _thread._count()
        for _ in range(100):
            _thread.start_new_thread(int, ())
            time.sleep(1)
            assert _thread._count() == before
    finally:
        sys.setswitchinterval(interval)

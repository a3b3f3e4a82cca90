"""Threads that ask again and again, without ever waiting."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime
import queue
import selectors
import socket
import threading
import time

import pytest

from pytest_resilience.clock import GuessWarning, LeftoverThreadWarning, VirtualClock


class ImpatientClock(VirtualClock):
    """Few questions are many, so that the tests take little time."""

    _most_questions = 500


class ClockThatExpectsNoComputing(VirtualClock):
    """A twentieth of a second of computing is endless; where a test must not guess, a collection of garbage may take as long."""

    _endless = 50_000_000


@pytest.fixture
def clock():
    """A clock that is impatient, open during the test."""
    with ImpatientClock() as clock:
        yield clock


def event():
    it = threading.Event()
    return it.is_set, it.set


def lock():
    it = threading.Lock()
    it.acquire()
    return lambda: it.acquire(blocking=False), it.release


def lock_that_is_asked():
    it = threading.Lock()
    it.acquire()
    return lambda: not it.locked(), it.release


def semaphore():
    it = threading.Semaphore(0)
    return lambda: it.acquire(blocking=False), it.release


def future():
    it = concurrent.futures.Future()
    return it.done, lambda: it.set_result(None)


def got(get):
    with contextlib.suppress(queue.Empty, BlockingIOError):
        return get()


def queue_without_waiting():
    it = queue.Queue()
    return lambda: got(it.get_nowait), lambda: it.put(1)


def queue_with_no_time_left():
    it = queue.Queue()
    return lambda: got(lambda: it.get(timeout=0)), lambda: it.put(1)


def queue_that_is_asked():
    it = queue.Queue()
    return lambda: not it.empty(), lambda: it.put(1)


def simple_queue():
    it = queue.SimpleQueue()
    return lambda: got(it.get_nowait), lambda: it.put(1)


def simple_queue_that_is_asked():
    it = queue.SimpleQueue()
    return lambda: not it.empty(), lambda: it.put(1)


def connection():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def receive():
        found = got(lambda: ours.recv(1))
        if found:
            ours.close()
            theirs.close()
        return found

    return receive, lambda: theirs.send(b"x")


def sleeps_of_zero():
    done = []
    return lambda: time.sleep(0) or done, lambda: done.append(1)


def looks_at_the_clock():
    until = time.monotonic() + 0.05
    return lambda: time.monotonic() >= until, int


def looks_at_the_date():
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=0.05)
    return lambda: datetime.datetime.now(datetime.UTC) >= until, int


@pytest.mark.parametrize(
    "asked",
    [
        event,
        lock,
        lock_that_is_asked,
        semaphore,
        future,
        queue_without_waiting,
        queue_with_no_time_left,
        queue_that_is_asked,
        simple_queue,
        simple_queue_that_is_asked,
        connection,
        sleeps_of_zero,
        looks_at_the_clock,
        looks_at_the_date,
    ],
)
def test_who_asks_again_and_again_lets_others_run_and_time_pass(asked):
    """A thread that polls sees what another one does after a sleep, without a guess, and all clocks agree then."""
    with ImpatientClock() as clock:
        before = time.monotonic()
        ask, happen = asked()
        thread = threading.Thread(target=lambda: (time.sleep(0.05), happen()))
        thread.start()
        while not ask():
            pass
        thread.join()
        assert clock.elapsed == pytest.approx(0.05, rel=0.1)
        assert time.monotonic() - before == pytest.approx(clock.elapsed, abs=1e-5)
        assert clock.guesses == 0


@pytest.mark.parametrize("timeout", [0, 0.0, -1])
def test_joining_without_any_time_is_asking(timeout):
    """``while thread.is_alive(): thread.join(0)`` ends when the thread does."""
    with ImpatientClock() as clock:
        thread = threading.Thread(target=time.sleep, args=(5,))
        thread.start()
        while thread.is_alive():
            thread.join(timeout)
        assert clock.elapsed == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize("kind", [threading.Lock, threading.RLock])
def test_whoever_takes_a_lock_again_and_again_lets_others_have_it(kind):
    """A thread that polls under a lock, which another one waits for, comes to the end of its polling."""
    done, rounds = [], 0

    def finish():
        with lock:
            done.append(1)

    with ImpatientClock() as clock:
        lock = kind()
        with lock:
            thread = threading.Thread(target=finish)
            thread.start()
            time.sleep(1)
        while True:
            with lock:
                if done:
                    break
            rounds += 1
        thread.join()
        assert rounds <= 500
        assert clock.guesses == 0


def test_whoever_sleeps_beside_a_spinner_wakes_at_its_own_time():
    """A thread that spins on the clock does not overtake the deadlines of others."""
    log = []

    def nap():
        for _ in range(3):
            time.sleep(0.1)
            log.append(clock.elapsed)

    with ImpatientClock() as clock:
        thread = threading.Thread(target=nap)
        thread.start()
        until = time.monotonic() + 0.25
        while time.monotonic() < until:
            pass
        log.append("spun")
        thread.join()
    assert log == [0.1, pytest.approx(0.2, abs=1e-9), "spun", pytest.approx(0.3, abs=1e-9)]


@pytest.mark.parametrize("zero", [0, 0.0])
@pytest.mark.parametrize(("now", "most"), [(time.monotonic, 4), (time.time, 12)], ids=["monotonic", "time"])
def test_whoever_waits_while_no_time_is_left_sees_that_it_is_over(now, most, zero):
    """A loop that goes on at the very instant of its deadline ends after a few rounds, and time has not moved."""
    with VirtualClock() as clock:
        until, rounds = now() + 6, 0
        while (left := until - now()) >= 0:
            time.sleep(left or zero)
            rounds += 1
        assert rounds <= most
        assert (clock.elapsed, clock.guesses) == (6.0, 0)
        assert len(clock.jumps) == 1


@pytest.mark.parametrize("of_loop", [False, True], ids=["monotonic", "loop.time"])
def test_a_task_that_sleeps_while_no_time_is_left_sees_that_it_is_over(of_loop):
    """So does a task of an event loop, by whatever clock: it may poll up to its deadline, and no further."""

    async def poll():
        now = asyncio.get_running_loop().time if of_loop else time.monotonic
        until, rounds = now() + 6, 0
        while now() <= until:
            await asyncio.sleep(min(1, until - now()))
            rounds += 1
        return rounds

    with VirtualClock() as clock:
        assert asyncio.run(poll()) <= 20
        assert clock.elapsed == 6.0


def test_tasks_that_let_others_run_leave_the_clocks_alone():
    """A task that looks at the clock between some sleeps of 0 s, or sleeps so on and on without looking, moves none."""

    async def yielding():
        before = time.monotonic()
        for _ in range(10):
            await asyncio.sleep(0)
            assert time.monotonic() == before
        for _ in range(150):
            await asyncio.sleep(0)
        await asyncio.sleep(5)
        return time.monotonic() - before

    with VirtualClock():
        assert asyncio.run(yielding()) == 5.0


def test_a_coroutine_without_a_loop_may_sleep_for_no_time():
    """`asyncio.sleep` of 0 s needs no event loop, in real time or in virtual time."""
    with VirtualClock():
        time.monotonic()
        coroutine = asyncio.sleep(0)
        assert coroutine.send(None) is None
        with pytest.raises(StopIteration):
            coroutine.send(None)


@pytest.mark.parametrize("zero", [0, 0.0])
def test_whoever_only_lets_others_run_leaves_the_clocks_alone(zero):
    """However often a thread waits for 0 s: as long as it does not look at a clock in between, all clocks are exact."""
    with VirtualClock() as clock:
        before = time.monotonic()
        for _ in range(150):
            time.sleep(zero)
        time.sleep(5)
        assert (time.monotonic() - before, clock.elapsed) == (5.0, 5.0)


def test_a_task_that_asks_its_loop_for_the_time_again_and_again_sees_time_pass():
    """`loop.time` is a clock like any other, for who does nothing but look at it."""

    async def spin():
        until = asyncio.get_running_loop().time() + 0.05
        while asyncio.get_running_loop().time() < until:
            pass

    with ImpatientClock() as clock:
        asyncio.run(spin())
        assert clock.elapsed == pytest.approx(0.05, rel=0.1)


class ImpatientSelector(selectors.BaseSelector):
    """A selector of a program's own, that waits for nothing, as a mock does."""

    def register(self, fileobj, events, data=None):
        """Forget it."""

    def unregister(self, fileobj):
        """Know of nothing."""

    def get_map(self):
        """Hold nothing."""
        return {}

    def select(self, timeout=None):
        """Find nothing, at once."""
        return []


def test_time_passes_for_a_loop_whose_selector_does_not_wait():
    """Its timers ring and its sleeps end after some steps, as they do in real time."""
    with VirtualClock() as clock:
        loop = asyncio.SelectorEventLoop(ImpatientSelector())
        loop.run_until_complete(asyncio.sleep(0.01))
        assert clock.elapsed == pytest.approx(0.01, rel=0.5)
        loop.close()


def test_spinning_is_one_jump():
    """The moments that pass for a thread that spins are one entry among the jumps, not one each."""
    with ImpatientClock() as clock:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            pass
        (jump,) = clock.jumps
    assert (jump.start, jump.end, jump.reason) == (0.0, clock.elapsed, "time to pass, spinning")


def test_a_program_that_works_much_does_not_spin():
    """A queue that is filled and emptied thousands of times, and a date for each item, take no time at all."""
    with VirtualClock() as clock:
        items = queue.Queue()
        for _ in range(20_000):
            items.put(time.time())
        while not items.empty():
            items.get()
        assert (clock.elapsed, clock.jumps) == (0.0, [])


def test_a_thread_that_never_ends_does_not_stop_the_test():
    """The others go on beside a thread that computes without end, which is named when the clock closes."""
    stop = []

    def compute():
        while not stop:
            pass

    thread = threading.Thread(target=compute, name="endless")
    with (
        pytest.warns(GuessWarning),
        pytest.warns(LeftoverThreadWarning) as caught,
        ClockThatExpectsNoComputing(grace=0.05) as clock,
    ):
        thread.start()
        time.sleep(3600)
        assert clock.elapsed == 3600.0
        assert clock.guesses == 1
    stop.append(1)
    thread.join()
    assert str(caught[0].message) == (
        "1 thread of the virtual clock was still there at its end: 'endless'. "
        "It runs in real time from now on, and waits for a timeout until the process ends at the latest; "
        "end and join it inside the test."
    )


def test_a_thread_that_waits_for_a_variable_sees_it_change():
    """What nothing but a variable tells is seen too: on a guess, once the thread has computed for long enough."""
    with pytest.warns(GuessWarning), ClockThatExpectsNoComputing(grace=0.05) as clock:
        done = []
        thread = threading.Thread(target=lambda: (time.sleep(5), done.append(1)))
        thread.start()
        while not done:
            pass
        thread.join()
        assert (clock.elapsed, clock.guesses) == (5.0, 1)


def test_a_long_computation_takes_no_virtual_time():
    """A thread that computes for a while beside one that sleeps is not overtaken by it."""
    with VirtualClock(grace=0.01) as clock:
        log = []
        thread = threading.Thread(target=lambda: (time.sleep(5), log.append("woke")))
        thread.start()
        end = time.thread_time() + 0.1
        while time.thread_time() < end:
            pass
        log.append("computed")
        thread.join()
        assert (log, clock.elapsed, clock.guesses) == (["computed", "woke"], 5.0, 0)

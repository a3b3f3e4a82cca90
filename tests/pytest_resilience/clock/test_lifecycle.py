"""Opening and closing the clock, whatever happens in between."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import datetime
import inspect
import queue
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_resilience.clock import Jump, LeftoverThreadWarning, VirtualClock
from pytest_resilience.clock._bubble import scheduler as _scheduler
from pytest_resilience.clock._warnings import complaints


def everything_patched():
    """What the clock may touch, to be compared by identity and content."""
    return [
        repr(time.sleep),
        repr(time.time),
        repr(_thread.start_new_thread),
        dict(vars(threading.Condition)),
        dict(vars(threading.Thread)),
        dict(vars(threading.Event)),
        dict(vars(type(threading.Lock()))),
        dict(vars(type(threading.RLock()))),
        dict(vars(datetime.datetime)),
        dict(vars(queue.SimpleQueue)),
        dict(vars(selectors.DefaultSelector)),
        dict(vars(selectors.PollSelector)),
        dict(vars(asyncio.BaseEventLoop)),
    ]


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


def test_leftover_threads_are_named():
    """Threads that have not ended are named in a warning, and go on in real time."""
    done = threading.Event()
    threads = [
        threading.Thread(target=time.sleep, args=(1_000_000.001,), name="sleeper"),
        threading.Thread(target=done.wait, name="waiter"),
        threading.Thread(target=done.wait, args=(2_000_000,), name="timed waiter"),
    ]
    with pytest.warns(LeftoverThreadWarning) as caught, VirtualClock() as clock:
        for thread in threads:
            thread.start()
        clock.advance(1_000_000)
    assert [str(warning.message) for warning in caught] == [
        "3 threads of the virtual clock were still there at its end: 'sleeper', 'waiter', 'timed waiter'. "
        "They run in real time from now on; end and join them inside the test."
    ]
    assert caught[0].filename == __file__
    done.set()
    for thread in threads:
        thread.join()


def _select(left):
    reading, writing = socket.socketpair()
    with reading, writing:
        return select.select([reading], [], [], left) == ([], [], [])


def _lock(left):
    lock = threading.Lock()
    with lock:
        return not lock.acquire(timeout=left)


def _condition(left):
    condition = threading.Condition()
    with condition:
        return not condition.wait_for(bool, left)


def _get(left):
    with pytest.raises(queue.Empty):
        queue.Queue().get(timeout=left)
    return True


def _poll(left):
    until = time.monotonic() + left
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 600))
    return True


WAITS = {
    "sleep": lambda left: time.sleep(left) is None,
    "event": lambda left: not threading.Event().wait(left),
    "semaphore": lambda left: not threading.Semaphore(0).acquire(timeout=left),
    "asyncio": lambda left: asyncio.run(asyncio.sleep(left)) is None,
    "condition": _condition,
    "lock": _lock,
    "poll": _poll,
    "queue": _get,
    "select": _select,
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_a_leftover_wait_takes_what_it_had_left(wait):
    """It is over in real time after that, not at once and not an hour later, and no clock of its thread goes back."""
    readings = []

    def work():
        readings.append(time.monotonic())
        readings.append(wait(3600.05))
        readings.append(time.monotonic())

    thread = threading.Thread(target=work)
    with pytest.warns(LeftoverThreadWarning), VirtualClock() as clock:
        thread.start()
        clock.advance(3600)
    thread.join()
    began, timed_out, ended = readings
    assert timed_out
    assert 3600.05 <= ended - began < 7200
    with VirtualClock():
        assert time.monotonic() < began + 3600


def test_a_worker_that_is_older_than_the_clock_leaves_no_other_thread_its_time():
    """When it has ended, a thread that gets its identifier has the real monotonic clock."""
    with ThreadPoolExecutor(1) as pool:
        ident = pool.submit(threading.get_ident).result()
        with pytest.warns(LeftoverThreadWarning), VirtualClock() as clock:
            pool.submit(time.sleep, 1000.01)
            clock.advance(1000)
    readings = []
    for _ in range(100):
        thread = threading.Thread(target=lambda: readings.append((threading.get_ident(), time.monotonic())))
        thread.start()
        thread.join()
        if readings[-1][0] == ident:
            break
    assert readings[-1][1] < time.monotonic() + 500


def test_a_leftover_wait_is_notified_in_real_time():
    """Whoever notifies it before its time is over wakes it, as in the clock."""
    items, taken = queue.Queue(), []
    thread = threading.Thread(target=lambda: taken.append(items.get(timeout=7200)))
    with pytest.warns(LeftoverThreadWarning), VirtualClock() as clock:
        thread.start()
        clock.advance(3600)
    items.put("late")
    thread.join()
    assert taken == ["late"]


def test_a_secret_in_the_name_of_a_leftover_thread_is_not_shown():
    """A thread may be named after the address that it serves."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="amqp://app:hunter2@mq:5672")
    with pytest.warns(LeftoverThreadWarning) as caught, VirtualClock():
        thread.start()
    done.set()
    thread.join()
    assert "at its end: 'amqp://app:[redacted]@mq:5672'. " in str(caught[0].message)


def test_a_secret_in_the_name_of_a_thread_that_a_guess_woke_is_not_shown():
    """Who was woken and who was waited for are named, without what may be secret in their names."""
    jump = Jump(0.0, 5.0, "amqp://app:hunter2@mq:5672", "a sleep", guess=True, waited_for=("token=hunter2",))
    (warning,) = complaints([], [jump])
    assert "life from token=[redacted]; thread 'amqp://app:[redacted]@mq:5672' had waited for a sleep" in str(warning)


def test_an_error_keeps_its_place_before_leftover_threads():
    """When the test fails, the leftover threads are a note on its error, not an error instead."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="waiter")
    with pytest.raises(ValueError, match="the real problem") as caught, VirtualClock():
        thread.start()
        raise ValueError("the real problem")
    assert caught.value.__notes__ == [
        "1 thread of the virtual clock was still there at its end: 'waiter'. "
        "It runs in real time from now on; end and join it inside the test."
    ]
    done.set()
    thread.join()


def test_idle_workers_outlive_the_clock_and_work_on():
    """An executor made in one clock works after it and in the next one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with VirtualClock() as clock:
            executor = ThreadPoolExecutor(1)
            executor.submit(time.sleep, 10).result()
            assert clock.elapsed == 10.0
    assert executor.submit(lambda: 5).result() == 5
    executor.shutdown()


def test_threads_that_wait_for_each_other_go_on_after_the_clock():
    """Locks, joins and queues that connect leftover threads still connect them in real time."""
    lock, items, log = threading.Lock(), queue.SimpleQueue(), []
    go = threading.Event()

    def holder():
        with lock:
            go.wait()
            log.append("held")
        items.put("item")

    def taker():
        with lock:
            log.append("taken")
        log.append(items.get())

    threads = [threading.Thread(target=holder), threading.Thread(target=taker)]
    threads.append(threading.Thread(target=lambda: [thread.join() for thread in threads[:2]]))
    with pytest.warns(LeftoverThreadWarning), VirtualClock():
        for thread in threads:
            thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert log == ["held", "taken", "item"]


def test_a_leftover_loop_goes_on_in_real_time():
    """An event loop in a thread that outlives the clock still takes calls."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="loop")
    with pytest.warns(LeftoverThreadWarning), VirtualClock():
        thread.start()
    assert asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "alive"), loop).result() == "alive"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.usefixtures("heeded")
def test_an_interrupt_ends_a_virtual_sleep():
    """Ctrl-C reaches the main thread while it waits for another thread of the clock."""
    before = everything_patched()
    main = threading.get_ident()

    def interrupter():
        time.sleep(5)
        signal.pthread_kill(main, signal.SIGINT)
        time.sleep(5)

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


def empty(made, seconds):
    with contextlib.suppress(queue.Empty):
        made.get(timeout=seconds)


def unmet(made, seconds):
    with made:
        made.wait_for(lambda: False, seconds)


WAITS = {
    "Queue": (queue.Queue, empty),
    "SimpleQueue": (queue.SimpleQueue, empty),
    "Semaphore": (lambda: threading.Semaphore(0), lambda made, seconds: made.acquire(timeout=seconds)),
    "Event": (threading.Event, threading.Event.wait),
    "Condition": (threading.Condition, unmet),
    "sleep": (int, lambda _, seconds: time.sleep(seconds)),
}


@pytest.mark.parametrize("name", WAITS)
@pytest.mark.filterwarnings("ignore::pytest_resilience.clock.LeftoverThreadWarning")
def test_a_thread_that_is_left_over_does_not_wait_for_a_virtual_deadline(name):
    """Its wait ends with the clock, as its deadline may be hours ahead of real time; the next one takes real time."""
    stop, (make, wait) = threading.Event(), WAITS[name]
    made = make()

    def loop():
        while not stop.is_set():
            wait(made, 0.05)

    thread = threading.Thread(target=loop, daemon=True)
    with VirtualClock():
        thread.start()
        time.sleep(60)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


INTERRUPTIONS = """
import contextlib, gc, random, signal, threading, time
from pytest_resilience.clock import VirtualClock

def interrupt(*_):
    interrupted.append(True)  # Python ignores what is raised in the callback of a weak reference
    raise KeyboardInterrupt

def nap(seconds):
    while not stop.is_set():
        time.sleep(seconds)

def nap_until_interrupted():  # a function, as from 3.12 on `with` does not cover a jump back to the head of a loop in it
    while not interrupted:
        time.sleep(0.007)

signal.signal(signal.SIGVTALRM, interrupt)  # alarms of real time ring in virtual time here
for number in range(60):
    stop, interrupted = threading.Event(), []
    threads = [threading.Thread(target=nap, args=(seconds,)) for seconds in (0.01, 0.02, 0.03)]
    with contextlib.suppress(KeyboardInterrupt), VirtualClock():
        for thread in threads:
            thread.start()
        signal.setitimer(signal.ITIMER_VIRTUAL, random.Random(number).uniform(0.0001, 0.005))
        nap_until_interrupted()
    stop.set()
    for thread in threads:
        thread.join()
print(gc.isenabled(), threading.active_count())
"""


def test_a_signal_may_come_at_any_moment():
    """Whatever the clock is doing when a signal handler raises, it closes, and all threads live on in real time."""
    command = [sys.executable, "-W", "ignore", "-c", INTERRUPTIONS]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
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

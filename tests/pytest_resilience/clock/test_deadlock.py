"""When nothing can ever happen again, the program is told so at once."""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import socket
import subprocess
import threading
import time

import pytest

from pytest_resilience.clock import DeadlockError, VirtualClock


def test_waiting_forever_is_an_error_at_once(clock):
    """A thread that waits for something nobody can do gets an error that code under test cannot swallow."""
    time.sleep(5)
    with pytest.raises(DeadlockError) as caught:
        try:
            threading.Event().wait()
        except Exception:
            pytest.fail("an `except Exception` has caught the deadlock")
    assert caught.value.threads == ["MainThread"]
    assert caught.value.tasks == []
    assert clock.elapsed == 5.0


def test_the_stack_begins_with_the_test(clock):
    """What calls the test, thirty frames of pytest, is no part of the story."""

    def wait_for_nobody():
        threading.Event().wait()

    with pytest.raises(DeadlockError) as caught:
        wait_for_nobody()

    lines = str(caught.value).partition("waits for a notification:\n")[2].splitlines()
    places = [line.rpartition(" in ")[2] for line in lines if " in " in line and line.startswith("  /")]
    assert places == ["test_the_stack_begins_with_the_test", "wait_for_nobody", "wait"]


def test_the_message_shows_every_thread_with_its_stack_and_lock(clock):
    """Two threads that wait for each other's locks are both shown, with the line that blocks and the holder."""
    locks = threading.Lock(), threading.RLock()

    def take(first, second):
        with locks[first]:
            time.sleep(1)
            with locks[second]:
                pass

    threads = [
        threading.Thread(target=take, args=order, name=name) for name, order in (("left", (0, 1)), ("right", (1, 0)))
    ]
    for thread in threads:
        thread.start()
    with pytest.raises(DeadlockError) as caught:
        threads[0].join()
    assert caught.value.threads == ["MainThread", "left", "right"]
    text = str(caught.value)
    assert text.startswith(
        "deadlock after 1 s of virtual time: every thread is blocked and no timer is pending, "
        "so nothing can ever happen again.\n\nThread 'MainThread' waits for the end of thread 'left':\n"
    )
    assert "\nThread 'left' waits for a reentrant lock that thread 'right' holds:\n" in text
    assert "\nThread 'right' waits for a lock that thread 'left' holds:\n" in text
    assert text.count("in take\n    with locks[second]:") == 2
    assert text.endswith(
        "\nIf something outside the clock will wake one of them, say so: `with virtual_clock.hold(): ...` around the wait."
    )
    assert "_scheduler.py" not in text


def test_an_idle_worker_of_a_pool_is_no_part_of_a_deadlock(clock):
    """A worker that waits for work is not shown: it could end nothing, and nobody waits for it."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        pool.submit(int).result()
        with pytest.raises(DeadlockError) as caught:
            threading.Event().wait()
    assert caught.value.threads == ["MainThread"]
    assert "ThreadPoolExecutor" not in str(caught.value)


def test_a_secret_in_a_name_or_a_source_line_is_not_shown(clock):
    """Threads and tasks are named after what they work on, and lines of source may hold a password."""

    async def wait(password):
        await asyncio.get_running_loop().create_future()

    async def main():
        task = asyncio.create_task(wait(""), name="load redis://:hunter2@cache")
        await wait(password="hunter2")
        await task

    threading.Thread(target=threading.Event().wait, name="token=hunter2").start()
    with pytest.raises(DeadlockError) as caught:
        asyncio.run(main())
    text = str(caught.value)
    assert "hunter2" not in text + repr(caught.value)
    assert "Thread 'token=[redacted]' waits for" in text
    assert "Task 'load redis://:[redacted]@cache' is suspended:" in text
    assert 'await wait(password="[redacted]")' in text


def test_the_threads_of_a_deadlock_end_with_the_clock():
    """Threads that were shown as deadlocked are gone after the clock, so that nothing waits for them for ever."""
    lock = threading.Lock()
    unwound = []

    def stuck():
        try:
            lock.acquire()
        finally:
            unwound.append(True)

    thread = threading.Thread(target=stuck)
    with pytest.raises(DeadlockError), VirtualClock():
        lock.acquire()
        thread.start()
        thread.join()
    thread.join()
    assert unwound == [True]


def test_a_deadlocked_loop_shows_its_tasks(clock):
    """The tasks of an event loop are shown with the lines at which they are suspended."""

    async def wait_for_nobody():
        await asyncio.get_running_loop().create_future()

    async def main():
        task = asyncio.create_task(wait_for_nobody(), name="forlorn")
        await asyncio.sleep(10)
        await task

    with pytest.raises(DeadlockError) as caught:
        asyncio.run(main())
    assert len(caught.value.tasks) == 2
    assert "forlorn" in caught.value.tasks
    text = str(caught.value)
    assert "\nTask 'forlorn' is suspended:\n" in text
    assert "in wait_for_nobody\n    await asyncio.get_running_loop().create_future()" in text
    assert "in main\n    await task" in text
    assert clock.elapsed == 10.0


def test_the_root_is_told_of_a_deadlock_among_others(clock):
    """The error comes where the clock was opened, also when the fault lies in a loop of another thread."""

    async def forever():
        await asyncio.Event().wait()

    thread = threading.Thread(target=lambda: asyncio.run(forever()), name="loop", daemon=True)
    thread.start()
    with pytest.raises(DeadlockError) as caught:
        thread.join()
    assert caught.value.threads == ["MainThread", "loop"]
    assert "in forever\n" in str(caught.value)


@pytest.mark.parametrize(
    "wait",
    [
        lambda: queue.Queue().get(),
        lambda: queue.SimpleQueue().get(),
        lambda: threading.Semaphore(0).acquire(),
        lambda: threading.Barrier(2).wait(),
        lambda: threading.Condition(threading.Lock()).__enter__() and None or lock_twice(),
    ],
    ids=["Queue", "SimpleQueue", "Semaphore", "Barrier", "Lock"],
)
def test_every_kind_of_wait_can_be_deadlocked(wait):
    """Whatever a thread waits for, an impossible wait is an error."""
    with VirtualClock(grace=0.05), pytest.raises(DeadlockError):  # a thread outside may release a lock
        wait()


def lock_twice():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def test_a_deadlock_can_be_survived(clock):
    """After the error the test may go on, and so may the threads that were merely idle."""
    items = queue.SimpleQueue()
    got = []
    worker = threading.Thread(target=lambda: got.extend(iter(items.get, None)))
    worker.start()
    with pytest.raises(DeadlockError):
        threading.Event().wait()
    items.put(1)
    items.put(None)
    worker.join()
    assert got == [1]


def test_who_waits_for_a_child_that_ends_without_a_word_is_told_of_the_deadlock(clock):
    """Nothing wakes a wait without a limit on a socket whose other end the test has open as well."""
    ours, theirs = socket.socketpair()
    with ours, theirs, subprocess.Popen(["sleep", "0.2"], pass_fds=[theirs.fileno()]):
        with pytest.raises(DeadlockError):
            ours.recv(1)
        assert clock.elapsed == 0.0


def test_a_pending_timer_is_no_deadlock(clock):
    """A thread that will wake up may still end the wait."""
    event = threading.Event()
    timer = threading.Timer(1_000_000, event.set)
    timer.start()
    event.wait()
    assert clock.elapsed == 1_000_000.0
    timer.join()


def test_tasks_of_one_name_are_named_each():
    """Two tasks of the same name are two tasks of the report."""

    async def main():
        never = asyncio.Event()
        await asyncio.gather(*(asyncio.create_task(never.wait(), name="worker") for _ in range(2)))

    with pytest.raises(DeadlockError) as caught, VirtualClock():
        asyncio.run(main())
    assert caught.value.tasks.count("worker") == 2


def test_a_sleep_of_the_thread_that_holds_time_is_a_deadlock():
    """It would never end; the error says so, also where a retry waits between its attempts."""
    with VirtualClock() as clock, pytest.raises(DeadlockError) as caught, clock.hold():
        time.sleep(5)
    first, *_, last = str(caught.value).splitlines()
    assert first == (
        "deadlock after 0 s of virtual time: the thread that holds time where it is sleeps, which would never end."
    )
    assert last == (
        "Inside `with virtual_clock.hold(): ...` wait only for what comes from outside; sleep before or after the block."
    )

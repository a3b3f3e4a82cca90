"""Everything in `queue`, `concurrent.futures` and `sched` that waits."""

from __future__ import annotations

import concurrent.futures
import gc
import importlib.util
import itertools
import queue
import sched
import sys
import threading
import time

import pytest

EXISTING_QUEUE = queue.SimpleQueue()

COPY = importlib.util.module_from_spec(importlib.util.find_spec("_queue"))
COPY.__spec__.loader.exec_module(COPY)
"""The module in C once more, as where it is imported anew: it has classes of its own."""


def test_queues_wait_for_items_and_for_room(clock):
    """`queue.Queue` times out on both sides and hands items over at the instant of `put`."""
    items = queue.Queue(maxsize=1)
    thread = threading.Thread(target=lambda: [(time.sleep(10), items.put(number)) for number in range(3)])
    thread.start()
    with pytest.raises(queue.Empty):
        items.get(timeout=4)
    assert [(items.get(timeout=60), clock.elapsed) for _ in range(3)] == [(0, 10.0), (1, 20.0), (2, 30.0)]
    items.put("x")
    with pytest.raises(queue.Full):
        items.put("y", timeout=5)
    assert clock.elapsed == 35.0
    thread.join()


@pytest.mark.parametrize(
    ("items", "empty"),
    [(queue.SimpleQueue(), queue.Empty), (EXISTING_QUEUE, queue.Empty), (COPY.SimpleQueue(), COPY.Empty)],
    ids=["new", "existing", "of a copy"],
)
def test_a_simple_queue_waits_for_items(clock, items, empty):
    """`queue.SimpleQueue`, which is written in C, times out and wakes like the other one."""
    thread = threading.Thread(target=lambda: [(time.sleep(10), items.put(number)) for number in range(2)])
    thread.start()
    with pytest.raises(empty):
        items.get(timeout=4)
    with pytest.raises(empty):
        items.get(block=False)
    with pytest.raises(ValueError, match="'timeout' must be a non-negative number"):
        items.get(timeout=-1)
    assert [(items.get(), clock.elapsed) for _ in range(2)] == [(0, 10.0), (1, 20.0)]
    thread.join()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="garbage is collected there as any function in Python begins")
def test_an_item_of_a_simple_queue_comes_before_those_that_finalizers_put_meanwhile(clock):
    """`queue.SimpleQueue.put` may be called again by a finalizer that the collection of garbage runs, as in real time."""
    items, numbers, taken = queue.SimpleQueue(), itertools.count(), []

    class Circular:
        def __init__(self):
            self.itself = self

        def __del__(self):
            items.put(next(numbers))

    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        while len(taken) < 100:
            Circular()
            items.put(next(numbers))
            taken.append(items.get())
    finally:
        gc.set_threshold(*before)
    assert taken == list(range(100))


def test_an_executor_works_in_virtual_time(clock):
    """Results, `wait`, `as_completed` and the shutdown of an executor all see virtual time."""
    with concurrent.futures.ThreadPoolExecutor(3) as executor:
        futures = [executor.submit(lambda s=seconds: (time.sleep(s), s)[1]) for seconds in (30, 10, 20)]
        with pytest.raises(TimeoutError):
            futures[0].result(timeout=5)
        assert clock.elapsed == 5.0
        done, pending = concurrent.futures.wait(futures, timeout=10)
        assert (len(done), len(pending), clock.elapsed) == (1, 2, 15.0)
        assert [future.result() for future in concurrent.futures.as_completed(futures)] == [10, 20, 30]
        with pytest.raises(TimeoutError):
            list(concurrent.futures.as_completed([executor.submit(time.sleep, 9)], timeout=4))
        assert list(executor.map(lambda s: (time.sleep(s), clock.elapsed)[1], (5, 1))) == [39.0, 35.0]
    assert clock.elapsed == 39.0


def test_as_completed_with_no_time_left_ends(clock):
    """`as_completed` does not spin when its deadline falls on the instant of a result."""
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        futures = [executor.submit(time.sleep, seconds) for seconds in (5, 10)]
        with pytest.raises(TimeoutError):
            list(concurrent.futures.as_completed(futures, timeout=5))
        assert clock.elapsed == 5.0


def test_a_scheduler_runs_its_events_on_time(clock):
    """`sched`, with its default clock that was bound at import, runs in virtual time."""
    log = []
    scheduler = sched.scheduler()
    for delay in (30, 10, 20):
        scheduler.enter(delay, 1, lambda: log.append(clock.elapsed))
    scheduler.run()
    assert log == [10.0, 20.0, 30.0]

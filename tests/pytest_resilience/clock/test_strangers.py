"""Threads that are older than the clock, and answer what its threads ask."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

from pytest_resilience.clock import DeadlockError, GuessWarning, LeftoverThreadWarning, VirtualClock


def until_it_waits(thread):
    """Wait until a thread outside waits for a condition."""
    while sys._current_frames()[thread.ident].f_code is not threading.Condition.wait.__code__:
        time.sleep(0.001)


@contextlib.contextmanager
def running(target):
    """A thread outside, which has begun to wait for requests; None ends it."""
    requests = queue.Queue()
    thread = threading.Thread(target=target, args=(requests,))
    thread.start()
    until_it_waits(thread)
    try:
        yield requests
    finally:
        requests.put(None)
        thread.join()


def serve(requests):
    """Do what is asked, one after the other."""
    while (request := requests.get()) is not None:
        request()


def after_a_moment(answer):
    return lambda: (time.sleep(0.03), answer())


@pytest.mark.parametrize("timeout", [None, 10])
def test_time_stands_still_for_a_thread_outside_that_has_been_asked(timeout):
    """Whoever waits for an event gets it from a client's thread that needs real time to answer, again and again."""
    with running(serve) as requests, VirtualClock(grace=60) as clock:
        for _ in range(3):
            answered = threading.Event()
            requests.put(after_a_moment(answered.set))
            assert answered.wait(timeout)
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_time_goes_on_once_a_thread_outside_is_back_where_it_waited():
    """No grace is spent on a thread that has done what it was asked for without any answer, such as one that logs."""
    with running(serve) as requests, VirtualClock(grace=60) as clock:
        done = []
        requests.put(after_a_moment(lambda: done.append(1)))
        assert not threading.Event().wait(10)
        assert (done, clock.elapsed, clock.guesses) == ([1], 10.0, 0)


def test_who_only_sleeps_waits_for_nobody():
    """Time does not stand still where no thread waits for what a thread outside could do."""
    go = threading.Event()
    with running(serve) as requests, VirtualClock(grace=60) as clock:
        requests.put(go.wait)
        time.sleep(10)
        assert (clock.elapsed, clock.guesses) == (10.0, 0)
        go.set()


def test_an_answer_that_does_not_come_is_a_guess():
    """A thread outside that is still at work after the grace is waited for no longer, which is counted once."""
    go = threading.Event()
    with running(serve) as requests, pytest.warns(GuessWarning), VirtualClock(grace=0.05) as clock:
        requests.put(go.wait)
        for _ in range(3):
            assert not threading.Event().wait(10)
        assert (clock.elapsed, clock.guesses) == (30.0, 1)
        with pytest.raises(DeadlockError):
            threading.Event().wait()
        go.set()


def test_an_event_loop_outside_answers():
    """What a loop in a thread outside is asked to run gives its result to a thread of the clock."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def answer():
        await asyncio.sleep(0.03)
        return 5

    try:
        with VirtualClock(grace=60) as clock:
            assert asyncio.run_coroutine_threadsafe(answer(), loop).result(10) == 5
            assert (clock.elapsed, clock.guesses) == (0.0, 0)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_future_that_a_thread_outside_sets_is_waited_for():
    """A task that waits with a timeout for a future is no task that sleeps."""

    async def main(requests):
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        requests.put(after_a_moment(lambda: loop.call_soon_threadsafe(future.set_result, 5)))
        return await asyncio.wait_for(future, 10)

    with running(serve) as requests, VirtualClock(grace=60) as clock:
        assert asyncio.run(main(requests)) == 5
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


@contextlib.contextmanager
def queue_of_multiprocessing():
    """A queue; a thread of its own writes what is put into it to a pipe."""
    queue = multiprocessing.get_context("fork").Queue()
    try:
        yield queue
    finally:
        queue.close()
        queue.join_thread()


def test_a_queue_of_multiprocessing_from_before_the_clock_hands_over():
    """Its thread, which is outside then, is waited for when something is put into it, also if it is still at work."""
    with queue_of_multiprocessing() as queue:
        queue.put(1)
        assert queue.get() == 1
        with VirtualClock(grace=60) as clock:
            queue.put(2)
            assert queue.get(timeout=10) == 2
            assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_thread_that_an_earlier_clock_has_left_over_answers():
    """It waits since then, in its own way, and is outside like those that are older."""
    requests = queue.Queue()
    thread = threading.Thread(target=serve, args=(requests,))
    with pytest.warns(LeftoverThreadWarning), VirtualClock():
        thread.start()
        time.sleep(1)
    with VirtualClock(grace=60) as clock:
        answered = threading.Event()
        requests.put(after_a_moment(answered.set))
        assert answered.wait(10)
        assert (clock.elapsed, clock.guesses) == (0.0, 0)
    requests.put(None)
    thread.join()


def test_a_thread_that_is_woken_by_a_socket_answers():
    """A client may wake the thread of its connection by a byte, as those with a selector do."""
    ours, theirs = socket.socketpair()
    answers = queue.Queue()

    def client():
        while theirs.recv(1) != b"":
            time.sleep(0.03)
            answers.put(5)

    thread = threading.Thread(target=client)
    thread.start()
    try:
        with VirtualClock(grace=60) as clock:
            for _ in range(2):
                ours.send(b"!")
                assert answers.get(timeout=10) == 5
            assert (clock.elapsed, clock.guesses) == (0.0, 0)
    finally:
        ours.close()
        thread.join()
        theirs.close()


def test_a_loop_of_the_clock_waits_for_the_answer_too():
    """A coroutine that awaits what a thread outside will tell its loop gets it before its timeout."""

    async def main(requests):
        told, loop = asyncio.Event(), asyncio.get_running_loop()
        requests.put(after_a_moment(lambda: loop.call_soon_threadsafe(told.set)))
        await asyncio.wait_for(told.wait(), 10)

    with running(serve) as requests, VirtualClock(grace=60) as clock:
        asyncio.run(main(requests))
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_an_answer_that_comes_by_way_of_two_threads_is_waited_for():
    """That the first of them is back does not mean that the second has begun."""

    def relay(requests):
        while (request := requests.get()) is not None:
            second.put(request)

    with running(serve) as second, running(relay) as first, VirtualClock(grace=60) as clock:
        for number in range(100):
            answers = queue.Queue()
            first.put(lambda answers=answers, number=number: answers.put(number))
            assert answers.get(timeout=5) == number
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


@contextlib.contextmanager
def busy_processor():
    """Another process that computes on one processor for ever; it is at work when its number is there."""
    number = min(os.sched_getaffinity(0))
    code = f"import os\nos.sched_setaffinity(0, {{{number}}})\nprint('!', flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-Sc", code], stdout=subprocess.PIPE) as process:
        try:
            process.stdout.read(1)
            yield number
        finally:
            process.kill()


def test_a_thread_outside_that_waits_for_a_processor_has_been_asked():
    """On a busy machine a thread that has been woken, but does not run for long, is not taken to be at rest."""

    def relay(requests):
        while (request := requests.get()) is not None:
            second.put(request)

    def serve_when_nothing_else_runs(requests):
        os.sched_setaffinity(0, {number})
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        serve(requests)

    with (
        busy_processor() as number,
        running(serve_when_nothing_else_runs) as second,
        running(relay) as first,
        VirtualClock(grace=60) as clock,
    ):
        answered = threading.Event()
        first.put(answered.set)
        assert answered.wait(5)
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_a_thread_outside_may_start_another_for_the_work():
    """Whoever is asked may have a new thread answer, as an event loop does for names and files."""

    def start(answer):
        return lambda: threading.Thread(target=after_a_moment(answer)).start()

    with running(serve) as requests, VirtualClock(grace=60) as clock:
        answered = threading.Event()
        requests.put(start(answered.set))
        assert answered.wait(10)
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_processes_of_an_older_executor_answer():
    """Work for other processes goes through a thread of the executor, which is woken by a pipe."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as executor:
        executor.submit(abs, -1).result()
        for _ in range(2):
            with VirtualClock(grace=60) as clock:
                assert executor.submit(abs, -5).result(5) == 5
                assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_the_timer_of_pytest_timeout_is_waited_for_by_nobody():
    """A thread that only watches over the test answers nothing, so that no time stands still for it."""
    pytest_timeout = pytest.importorskip("pytest_timeout")
    timer = threading.Timer(600, pytest_timeout.timeout_timer, [None, None])
    timer.start()
    try:
        with VirtualClock(grace=60) as clock:
            queue.SimpleQueue().put("read by a thread outside, for all that is known")
            assert not threading.Event().wait(10)
            assert (clock.elapsed, clock.guesses) == (10.0, 0)
    finally:
        timer.cancel()
        timer.join()

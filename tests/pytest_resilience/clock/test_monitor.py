"""Threads that block where the clock cannot see them."""

from __future__ import annotations

import threading
import time

from pytest_resilience.clock import VirtualClock


def hidden_lock():
    """A lock whose methods were looked up before the clock was opened, as an extension module would have done it."""
    lock = threading.Lock()
    return lock.acquire, lock.release


def test_a_thread_stuck_in_c_does_not_stop_the_others():
    """Time moves on after the grace, as a guess, until whoever frees the thread has had its turn."""
    acquire, release = hidden_lock()
    acquire()

    def freer():
        time.sleep(5)
        release()

    with VirtualClock(grace=0.01) as clock:
        thread = threading.Thread(target=freer)
        thread.start()
        acquire()
        thread.join()
        assert clock.elapsed == 5.0
        assert clock.guesses == 1


def test_a_thread_stuck_in_c_lets_ready_threads_run():
    """No guess about time is needed when another thread can run."""
    acquire, release = hidden_lock()
    acquire()
    with VirtualClock(grace=60) as clock:
        event = threading.Event()

        def freer():
            event.wait()
            release()

        thread = threading.Thread(target=freer)
        thread.start()
        event.set()
        acquire()
        thread.join()
        assert (clock.elapsed, clock.guesses) == (0.0, 0)


def test_two_threads_that_spin_wait_for_time_in_the_end():
    """Threads that only yield, while another one sleeps, are taken to wait for time to pass."""
    with VirtualClock() as clock:
        done = []
        thread = threading.Thread(target=lambda: (time.sleep(5), done.append(1)))
        thread.start()
        while not done:
            time.sleep(0)
        assert (clock.elapsed, clock.guesses) == (5.0, 1)
        thread.join()

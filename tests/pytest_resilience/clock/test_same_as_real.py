"""Small programs that behave in virtual time as they do in real time, to the error."""

import _thread
import asyncio
import gc
import multiprocessing
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
import weakref
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from pytest_resilience import GuessWarning, VirtualClock


def outcome_of(call, *args):
    """What a call returns, or the error that it raises."""
    try:
        return call(*args)
    except Exception as error:
        return repr(error)


def closed_socket():
    one, other = socket.socketpair()
    one.close()
    with other:
        calls = (one.sendall, b"x"), (one.send, b"x"), (one.recv, 1), (one.sendto, b"x", ("127.0.0.1", 1))
        return [outcome_of(*call) for call in calls]


def wait_is_declined():
    one, other = socket.socketpair()
    with one, other:
        received = outcome_of(one.recv, 1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        into = outcome_of(lambda: one.recv_into(bytearray(1), flags=socket.MSG_DONTWAIT))
        message = outcome_of(one.recvmsg, 1, 0, socket.MSG_DONTWAIT)

        def fill():
            while True:
                one.send(bytes(65536), socket.MSG_DONTWAIT)

        return received, into, message, outcome_of(fill), outcome_of(one.sendall, b"x", socket.MSG_DONTWAIT)


def wrong_arguments():
    one, other = socket.socketpair()
    with one, other:
        calls = (one.send,), (one.sendto, b"x"), (one.sendmsg,), (one.send, b"x", 0, 0)
        return [outcome_of(*call) for call in calls]


def wrong_times():
    """Each C function says what is wrong with its arguments, in its own words."""
    epoll, poll, lock, items = select.epoll(), select.poll(), threading.Lock(), queue.SimpleQueue()
    thread = threading.Thread(target=int)
    thread.start()
    with epoll:
        calls = (
            *[(now, *bad) for now in (datetime.now, datetime.utcnow) for bad in (("x",), (None, None))],
            (lambda: datetime.now(zone=None),),
            *[(wait, "x") for wait in (epoll.poll, poll.poll, time.sleep)],
            *[(select.select, *bad) for bad in (([], [], [], "x"), ([], [], [], -1), (1, [], []), ([], []))],
            *[(thread.join, bad) for bad in ("x", 2 * threading.TIMEOUT_MAX)],
            *[(threading.Event().wait, bad) for bad in ("x", Fraction(1), 2 * threading.TIMEOUT_MAX)],
            *[(items.get, True, bad) for bad in ("x", -1, 1e300)],
            *[(lock.acquire, *bad) for bad in ((True, "x"), (True, -2), (False, 1))],
        )
        outcomes = [outcome_of(*call) for call in calls]
    thread.join()
    return outcomes


class Moment(datetime):
    """A class whose objects have what its constructor gives them."""

    def __new__(cls, *args, **kwargs):
        made = super().__new__(cls, *args, **kwargs)
        made.extra = args[:1]
        return made


def moments_of_a_class_of_ones_own():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = [Moment.now(), Moment.utcnow(), Moment.now(UTC), Moment.today()]
    told = [(str(each.message), each.category, each.filename, each.lineno) for each in caught]
    return [(type(each), each.extra, each.tzinfo) for each in made], told


def lock_of_processes_between_threads():
    """One that notes which thread has it, so that no other can release it."""
    lock, outcomes = multiprocessing.get_context("fork").RLock(), []

    def take_and_release():
        with lock, lock:
            outcomes.append(lock._semlock._is_mine())

    with lock:
        threads = [threading.Thread(target=take_and_release) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0)
    for thread in threads:
        thread.join()
    return outcomes


def error_of_a_thread_that_nobody_handles():
    told, over = [], threading.Event()

    def fail():
        raise ValueError("x")

    def hook(args):
        told.append((args.err_msg, args.object, repr(args.exc_value), args.exc_traceback.tb_frame.f_code.co_name))
        over.set()

    hooked, sys.unraisablehook = sys.unraisablehook, hook
    try:
        _thread.start_new_thread(fail, ())
        over.wait(60)
    finally:
        sys.unraisablehook = hooked
    words, source, *rest = told[0]
    return (source is fail or repr(fail) in words), *rest


def socket_of_another_kind():
    """What `trio.socket.socket(fileno=...)` does to find out what a descriptor is."""
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        guess = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=datagrams.fileno())
        kind = guess.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
        guess.detach()
        return kind == socket.SOCK_DGRAM


class Proxied(socket.socket):
    """A socket as PySocks has them: its methods need what its own ``__init__`` sets last."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.peer = "the server behind the proxy"

    def getpeername(self):
        return self.peer


def subclass_with_methods_of_its_own():
    with Proxied() as proxied:
        return proxied.getpeername()


def poll_that_waits_too_long():
    end, other = os.pipe()
    os.write(other, b"x")
    poll = select.poll()
    poll.register(end)
    outcomes = [outcome_of(poll.poll, timeout) for timeout in (1 << 64, 1 << 31, "1")]
    os.close(end)
    os.close(other)
    return outcomes


def list_that_changes_while_it_is_selected_from():
    _, end = pipe = os.pipe()
    files = []

    class File:
        def fileno(self):
            files.pop()
            return end

    files += [File()] * 10
    found = len(select.select([], files, [])[1])
    for each in pipe:
        os.close(each)
    return found


def thread_that_nobody_keeps():
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    reference = weakref.ref(thread)
    del thread
    gc.collect()
    return reference()


def order_of_timers():
    """As asyncio's tests ask for it: neither of two timers of one time is the earlier one."""
    loop = asyncio.new_event_loop()
    first, second = (asyncio.TimerHandle(5, print, (), loop) for _ in range(2))
    later = asyncio.TimerHandle(6, print, (), loop)
    loop.close()
    pairs = [(first, second), (second, first), (first, later), (later, first)]
    return [(one < other, one <= other, one > other, one == other) for one, other in pairs], outcome_of(
        first.__lt__, ()
    )


def timer_of_a_loop_in_debug_mode():
    async def main():
        return repr(asyncio.get_running_loop().call_later(5, print)).split(" created at ")[1]

    return asyncio.run(main(), debug=True)


class OwnTime(asyncio.SelectorEventLoop):
    """A loop by whose clock a second passes whenever it is looked at."""

    now = 0
    timers = 0

    def time(self):
        self.now += 1
        return self.now

    def call_at(self, *args, **kwargs):
        self.timers += 1
        return super().call_at(*args, **kwargs)


def loop_with_a_clock_of_its_own():
    async def main():
        for _ in range(3):
            await asyncio.sleep(1)

    loop = OwnTime()
    loop.run_until_complete(main())
    loop.close()
    return loop.timers


def count_of_threads():
    before = _thread._count()
    thread = threading.Thread(target=time.sleep, args=(0,))
    thread.start()
    thread.join()
    return _thread._count() - before


PROGRAMS = (
    loop_with_a_clock_of_its_own,
    count_of_threads,
    poll_that_waits_too_long,
    list_that_changes_while_it_is_selected_from,
    thread_that_nobody_keeps,
    order_of_timers,
    timer_of_a_loop_in_debug_mode,
    closed_socket,
    wait_is_declined,
    wrong_arguments,
    socket_of_another_kind,
    wrong_times,
    moments_of_a_class_of_ones_own,
    lock_of_processes_between_threads,
    error_of_a_thread_that_nobody_handles,
    subclass_with_methods_of_its_own,
)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_comes_to_the_same_end_as_in_real_time(program):
    """Results and errors, with their texts, do not tell whether time is virtual."""
    expected = program()
    with VirtualClock() as clock:
        assert program() == expected
        assert clock.elapsed == 0


def poll_from_two_threads():
    end, other = os.pipe()
    poll = select.poll()
    poll.register(end, select.POLLIN)
    thread = threading.Thread(target=poll.poll)
    thread.start()
    time.sleep(0.01)
    outcome = outcome_of(poll.poll, 1)
    os.write(other, b"x")
    thread.join()
    os.close(end)
    os.close(other)
    return outcome


def test_only_one_thread_may_poll():
    """A second thread that waits by the same `select.poll` object is refused."""
    with VirtualClock():
        assert poll_from_two_threads() == repr(RuntimeError("concurrent poll() invocation"))


def test_a_child_that_is_asked_again_and_again_is_seen_to_end():
    """A program that asks every 0.1 s whether a child has ended sees it end, though its sleeps take no time."""
    with VirtualClock(grace=60) as clock, subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1) as child:
        assert child.poll() is None
        child.stdin.close()
        for _ in range(100):
            time.sleep(0.1)
            if child.poll() is not None:
                break
        assert child.returncode == 1
        assert clock.elapsed == pytest.approx(0.1)
        assert clock.guesses == 0


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # the timer of the limit
def test_a_forked_child_that_is_asked_again_and_again_is_seen_to_end():
    """The same by `os.waitpid`, with which libraries look after children of their own."""
    with VirtualClock(grace=60) as clock:
        child = os.fork()
        if not child:
            os._exit(7)
        ended = (0, 0)
        while ended == (0, 0) and clock.elapsed < 10:
            time.sleep(0.1)
            ended = os.waitpid(child, os.WNOHANG)
        assert ended == (child, 7 << 8)
        assert clock.elapsed <= 0.2


def test_a_child_that_computes_for_ever_runs_into_the_timeout():
    """Time stands still for a child at work, but for no longer than the wait would take without the clock."""
    with pytest.warns(GuessWarning), VirtualClock(grace=0.01) as clock:
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as child:
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(0.2)
            child.kill()
        assert clock.sleeps == []
        assert clock.elapsed == pytest.approx(0.2)


def test_a_child_may_send_the_signal_that_an_event_loop_waits_for():
    """A loop with a handler for signals is in no deadlock while a child may send one."""

    async def main():
        event = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, event.set)
        child = await asyncio.create_subprocess_shell(f"sleep 0.05; kill -USR1 {os.getpid()}")
        await event.wait()
        return await child.wait()

    with VirtualClock(grace=60) as clock:
        assert asyncio.run(main()) == 0
        assert clock.guesses == 0


def knock_in_a_thread(address):
    while True:
        try:
            return socket.create_connection(address).close()
        except ConnectionRefusedError:
            pass


def knock_in_a_loop(address):
    async def knock():
        while True:
            try:
                _, writer = await asyncio.open_connection(*address)
            except ConnectionRefusedError:
                continue
            writer.close()
            return await writer.wait_closed()

    asyncio.run(knock())


@pytest.mark.parametrize("knock", [knock_in_a_thread, knock_in_a_loop])
def test_time_passes_for_a_program_that_is_refused_without_a_pause(knock):
    """A server that comes up in a while is reached in the end, however fast a program knocks."""
    with VirtualClock(grace=60) as clock, socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        timer = threading.Timer(1e-6, server.listen)
        timer.start()
        knock(server.getsockname())
        timer.join()
        assert 0 < clock.elapsed < 0.001
        assert clock.guesses == 0

"""What a run leaves behind or nobody sees, each found in one program and not in its sound twin."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import queue
import socket
import sys
import tempfile
import threading
import urllib.request
import warnings
from concurrent.futures import ThreadPoolExecutor

import httpx

from pytest_resilience import DiscordMock, Faults, explore
from pytest_resilience._explore.oracle.unseen import Unseen
from resilience import create_retry_decorator, send_rate_limited_discord_alert

logger = logging.getLogger("shop")


@create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
def fetch():
    return "stock"


@create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
async def fetch_async():
    return "stock"


def found(function, **limits):
    """What exploring a function finds."""
    return [str(finding) for finding in explore(function, **limits).findings]


def test_a_thread_that_a_fault_leaves_behind_is_a_leak():
    """A worker that is stopped only where all goes well goes on for ever; no warning says that a second time."""
    stops = []

    def working(*, always):
        stop = threading.Event()
        stops.append(stop)
        worker = threading.Thread(target=stop.wait, name="poller-7", daemon=True)
        worker.start()
        try:
            fetch()
        finally:
            if always:
                stop.set()
                worker.join()
        stop.set()
        worker.join()

    threads = set(threading.enumerate())
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert found(lambda: working(always=False), budget=2) == [
                "leak: the run leaves the thread 'poller-*' behind"
            ]
        assert told == []
        assert found(lambda: working(always=True)) == []
    finally:
        for stop in stops:
            stop.set()
        for thread in set(threading.enumerate()) - threads:
            thread.join(60)


def test_a_socket_and_a_file_that_a_fault_leaves_open_are_leaks():
    """What is closed only where all goes well stays open."""
    kept = []

    def opening(*, always):
        one, other = socket.socketpair()
        number = os.open(os.devnull, os.O_RDONLY)
        kept.append((one, other))

        def close():
            one.close()
            other.close()
            os.close(number)

        with contextlib.ExitStack() as closing:
            if always:
                closing.callback(close)
            fetch()
            if not always:
                close()

    try:
        assert found(lambda: opening(always=False)) == [
            "leak: the run leaves an open socket behind",
            "leak: the run leaves the open file /dev/null behind",
        ]
        assert found(lambda: opening(always=True)) == []
    finally:
        for pair in kept:
            for each in pair:
                each.close()


def test_a_file_that_is_closed_by_chance_is_a_leak(tmp_path):
    """What only the collection of garbage closes depends on who holds it."""
    path = tmp_path / "stock"
    path.touch()

    def reading():
        file = path.open()
        fetch()
        file.close()

    def with_block():
        with path.open():
            fetch()

    (text,) = found(reading)
    assert text.startswith("leak: the run closes file <_io.")
    assert found(with_block) == []


def test_a_socket_that_is_closed_by_chance_is_a_leak():
    """A socket has numbers of its own in each run, which are left out."""

    def asking():
        connection, other = socket.socketpair()
        with other:
            fetch()
            connection.close()

    assert found(asking) == ["leak: the run closes a socket only by chance"]


def test_a_lock_that_a_fault_leaves_held_is_a_leak():
    """What is released only where all goes well stays locked."""
    locks = []

    def locking(*, always):
        lock = threading.Lock()
        locks.append(lock)
        if always:
            with lock:
                fetch()
        else:
            lock.acquire()
            fetch()
            lock.release()

    assert found(lambda: locking(always=False)) == ["leak: the run leaves a held lock behind"]
    assert found(lambda: locking(always=True)) == []


def test_a_lock_by_which_a_thread_wakes_itself_is_no_leak():
    """What a thread locks in order to wait for it, as for a pause that others can end, guards nothing."""
    kept = []

    def pausing():
        try:
            fetch()
        except Exception:
            pause = threading.Lock()
            kept.append(pause)
            pause.acquire()
            pause.acquire(timeout=1)
            raise

    assert found(pausing) == []


def test_a_temporary_file_that_a_fault_leaves_behind_is_a_leak():
    """What is deleted only where all goes well stays on the disk."""
    made = []

    def writing(*, always):
        number, path = tempfile.mkstemp(suffix=".csv")
        os.close(number)
        made.append(path)
        with contextlib.ExitStack() as deleting:
            if always:
                deleting.callback(os.unlink, path)
            fetch()
            if not always:
                os.unlink(path)

    try:
        (text,) = found(lambda: writing(always=False))
        assert text.startswith("leak: the run leaves the temporary file ")
        assert text.endswith("tmp*.csv behind")
        assert found(lambda: writing(always=True)) == []
    finally:
        for path in made:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def test_a_coroutine_that_is_never_awaited_is_found():
    """A coroutine that is made before something fails is lost."""

    async def early():
        later = fetch_async()
        await fetch_async()
        await later

    async def in_time():
        await fetch_async()
        await fetch_async()

    assert found(early) == ["never awaited: the coroutine fetch_async was never awaited"]
    assert found(in_time) == []


def test_an_error_that_nobody_asks_a_task_for_is_unhandled():
    """A task that is not awaited takes its error with it."""

    async def forgotten():
        task = asyncio.create_task(fetch_async())
        await asyncio.sleep(60)
        del task

    async def awaited():
        await asyncio.create_task(fetch_async())

    assert found(forgotten) == ["unhandled: nobody saw the error of the task fetch_async: ConnectionError: injected"]
    assert found(awaited) == []


def test_an_error_that_ends_a_thread_is_unhandled():
    """A thread of its own takes its error with it; one of an executor hands it over."""
    from concurrent.futures import ThreadPoolExecutor

    def lost():
        thread = threading.Thread(target=fetch)
        thread.start()
        thread.join()

    def handed_over():
        with ThreadPoolExecutor(1) as pool:
            pool.submit(fetch).result()

    assert found(lost) == [
        "unhandled: nobody saw the error of the thread 'Thread-* (fetch)': ConnectionError: injected"
    ]
    assert found(handed_over) == []


def test_what_comes_while_all_that_was_seen_is_read_is_read_as_well():
    """A thread that the test has left behind may go wrong at any time."""
    with Unseen() as watcher:
        warnings.warn(ResourceWarning("unclosed door"), stacklevel=1)
        read = []
        for each in itertools.islice(watcher.suspicions(), 2):
            read.append(str(each))
            warnings.warn(ResourceWarning("unclosed gate"), stacklevel=1)
    assert read == ["the run closes door only by chance", "the run closes gate only by chance"]


def test_a_give_up_that_no_handler_hears_of_is_silent():
    """A logger that is disabled, as `logging.config.dictConfig` does by default, says nothing."""
    log = logging.getLogger("resilience")

    def muted():
        log.disabled = True
        try:
            fetch()
        finally:
            log.disabled = False

    text = f"silent give-up: {__name__}:fetch gave up, and no handler of the log said so"
    assert found(muted) == [text]
    assert found(fetch) == []


def test_a_secret_in_a_log_line_is_found():
    """A failure path that logs its connection string gives the password away."""

    def telling(url):
        try:
            fetch()
        except ConnectionError:
            logger.warning("can't reach %s", url)
            raise

    assert found(lambda: telling("postgres://shop:hunter2hunter2@db/stock")) == [
        "secret: a log line holds a secret: can't reach postgres://shop:[redacted]@db/stock"
    ]
    assert found(lambda: telling("db/stock")) == []


def test_a_secret_in_an_alert_is_found():
    """What the program posts to a webhook by itself is cleaned by nobody."""

    def alerting(url):
        with DiscordMock() as discord:
            try:
                fetch()
            except ConnectionError:
                webhook = discord.webhook_url().replace("/api/", "/api/v10/")
                httpx.post(webhook, json={"content": f"can't reach {url}"}).raise_for_status()
                raise

    assert found(lambda: alerting("postgres://shop:hunter2hunter2@db/stock")) == [
        "secret: an alert holds a secret: can't reach postgres://shop:[redacted]@db/stock"
    ]
    assert found(lambda: alerting("db/stock")) == []


def test_an_alert_storm_is_told_once_however_long_it_is():
    """A fault that begins later makes a shorter storm, which is the same one."""

    def shipping():
        with DiscordMock():
            for order in range(3):
                try:
                    fetch()
                except ConnectionError as error:
                    send_rate_limited_discord_alert("ship", error, f"order {order}", "no stock")

    told = found(shipping, schedules=0, budget=10)  # the tenth plan makes the first storm that is shorter
    assert told == ["alert storm: 3 alerts in less than 300 s say the same: no stock"]


def test_a_cancellation_that_asyncio_loses_is_found():
    """Up to 3.11, `asyncio.wait_for` swallows one that comes in the instant in which what it waits for is done."""

    async def stopping(patience):
        async def work():
            await asyncio.wait_for(asyncio.sleep(1), patience) if patience else await asyncio.sleep(1)
            await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await asyncio.sleep(1.005)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    is_lost = sys.version_info < (3, 12)
    assert found(lambda: asyncio.run(stopping(10))) == (["wrong result: assert False"] if is_lost else [])
    assert found(lambda: asyncio.run(stopping(None))) == []


def test_a_file_whose_opening_is_not_answered_is_no_leak(tmp_path):
    """Nobody could close what was never handed over; what somebody keeps stays open."""
    path = tmp_path / "stock"
    path.write_text("tea")
    kept = []

    @create_retry_decorator(max_attempts=2, retry_on=OSError)
    def open_it(*, keeps):
        file = path.open()
        kept.extend([file] if keeps else [])
        return file

    def reading():
        with open_it(keeps=False) as file:
            assert file.read() == "tea"

    def keeping():
        with contextlib.suppress(Exception):
            open_it(keeps=True)
        assert not any(file.closed for file in kept)
        while kept:
            kept.pop().close()

    assert found(reading) == found(keeping) == []


def test_a_socket_that_its_owner_has_closed_is_no_leak():
    """An error of urllib that comes out has the last bytes of its answer, though nobody asks for more."""

    def asking():
        with Faults() as faults:
            server = faults.server()
            server.route("GET", "/stock")
            with urllib.request.urlopen(f"{server.url}/stock", timeout=5) as answer:
                assert answer.read() == b""

    assert found(asking, schedules=0) == []


def test_a_simple_queue_that_nobody_empties_after_a_fault_is_told():
    """It has no limit, so that what is put into it once its reader has given up stays there; a pool's own is none."""

    def feeding(*, goes_on):
        items = queue.SimpleQueue()
        try:
            fetch()
            is_read = True
        except ConnectionError:
            is_read = False
        for number in range(60 if goes_on or is_read else 0):
            items.put(number)
            if is_read:
                items.get()
        with ThreadPoolExecutor(1) as pool:
            for _ in range(60):
                pool.submit(bool)

    told = found(lambda: feeding(goes_on=True), schedules=0)
    assert told == ["unbounded queue: a queue without a limit held more than 50 items"]
    assert found(lambda: feeding(goes_on=False), schedules=0) == []

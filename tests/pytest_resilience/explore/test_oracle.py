"""What nobody sees of a run, each found in one program and not in its sound twin."""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import httpx

from pytest_resilience import DiscordMock
from pytest_resilience._explore.oracle.unseen import Unseen
from resilience import send_rate_limited_discord_alert
from tests.pytest_resilience.explore.stock import fetch, fetch_async, found

logger = logging.getLogger("shop")


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

    text = f"silent give-up: {fetch.__module__}:fetch gave up, and no handler of the log said so"
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

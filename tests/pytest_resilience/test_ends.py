"""Exceptions that a signal handler raises as a tool of the kit closes, at each instant: the end of the test does the rest."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
import time

import pytest

from pytest_resilience import DiscordMock, FaultProxy, Faults, FaultServer, Retries, RetryLog, Timeline, VirtualClock
from pytest_resilience._openings import close_what_is_left, open_now, opening
from tests.pytest_resilience.faults.callables import made_module
from tests.resilience.alerts.interrupts import CRASHES, interruptions

pytestmark = pytest.mark.skipif(CRASHES, reason="from time to time CPython 3.12 crashes where a handler ends tracing")

PATCHED = (
    *(
        "_signal",
        "_thread",
        "asyncio",
        "concurrent.futures",
        "datetime",
        "httpcore",
        "httpx",
        "logging",
        "multiprocessing",
    ),
    *("posix", "os", "queue", "random", "resilience", "select", "selectors", "signal", "socket", "ssl", "subprocess"),
    *("threading", "time", "trio", "ends_shop"),
)


def code():
    """What stands where the kit may put something else in the place of a function: in modules and types."""
    beneath = tuple(f"{each}." for each in PATCHED)
    owners = [module for name, module in sorted(sys.modules.items()) if name in PATCHED or name.startswith(beneath)]
    owners += {each for module in owners for each in list(vars(module).values()) if isinstance(each, type)}
    return {
        (owner, key): seen(value) for owner in owners for key, value in list(vars(owner).items()) if callable(value)
    }


ABSENT = None, id(None)


def seen(value):
    """A function or type that stands somewhere, and what tells that it is as it was written."""
    return value, getattr(value, "__code__", None) or id(getattr(value, "__self__", None))


def descriptors():
    """The open sockets, pipes and the like; no files of /proc, which the clock looks into now and then."""
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            kind = os.readlink(f"/proc/self/fd/{number}")
            if not kind.startswith("/"):
                yield kind


def rest():
    """What else is of the process: threads, sockets and other descriptors, tools, the logger, the environment."""
    logger = logging.getLogger("resilience")
    return {
        "threads": set(threading.enumerate()),
        "descriptors": sorted(descriptors()),
        "tools": open_now(),
        "logger": (logger.isEnabledFor, logger.handle, list(logger.handlers), logger.level),
        "environment": dict(os.environ),
    }


def sleeping():
    """A clock with threads and an event loop, all in the midst of a wait."""
    clock = VirtualClock()
    clock.__enter__()
    thread = threading.Thread(target=time.sleep, args=(1,))
    thread.start()
    asyncio.run(asyncio.sleep(3))
    thread.join()
    return clock


def serving():
    """Faults at a function, at one in C, at a route and at an address."""
    faults = Faults()
    faults.__enter__()
    faults.inject(os.path.join, "raise(OSError)", strict=False)
    faults.inject("ends_shop:lgamma", "raise(OSError)", strict=False)
    faults.inject(faults.server().route("GET", "/"), "status(503)", strict=False)
    faults.inject("tcp://db.local:5432", "refuse", strict=False)
    faults.proxy("127.0.0.1:1")
    return faults


def with_processes():
    """Faults that other processes may ask for."""
    faults = Faults()
    faults.__enter__()
    faults.environment()
    return faults


def entered(make):
    def opened():
        made = make()
        made.__enter__()
        return made

    return opened


TOOLS = {
    "clock": entered(VirtualClock),
    "clock with threads": sleeping,
    "faults": serving,
    "faults in processes": with_processes,
    "server": entered(FaultServer),
    "proxy": entered(lambda: FaultProxy("127.0.0.1:1")),
    "discord": entered(DiscordMock),
    "timeline": entered(Timeline),
    "retry log": entered(RetryLog),
    "retries": entered(Retries),
}


@pytest.fixture
def shop(heap_of_the_test):
    """A module that has a function in C."""
    with made_module("ends_shop", "from math import lgamma") as module:
        yield module


# An interruption may strike a callback of a weak reference, which lets nothing out but a warning.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "in_clock"), [*((tool, False) for tool in TOOLS), ("faults", True), ("discord", True)]
)
def test_a_tool_whose_end_is_broken_off_is_closed_at_the_end_of_the_test_at_the_latest(tool, in_clock, shop):
    """Whatever the instant, every patch, thread, socket and logger is as it was, and the next clock works."""
    with VirtualClock() if in_clock else contextlib.nullcontext():
        for _ in range(2):  # what is loaded, or made, once
            TOOLS[tool]().__exit__(None, None, None)
        tools, plain, before = open_now(), code(), rest()
        with opening(for_one_test=True):
            opened = [TOOLS[tool]()]
            owners = {owner for owner, _ in plain}
            changed = {
                place: plain.get(place, ABSENT)
                for place, found in code().items()
                if found != plain.get(place) and place[0] in owners  # and not a type that the clock brings itself
            }
            count = 0
            for count in interruptions(lambda: opened[0].__exit__(None, None, None)):  # noqa: B007  # its last value tells that there were some
                close_what_is_left(tools)
                assert rest() == before
                assert {(owner, key): seen(vars(owner).get(key)) for owner, key in changed} == changed
                opened[:] = [TOOLS[tool]()]
        assert count > 3
        opened[0].__exit__(None, None, None)
        assert code() == plain
    with VirtualClock() as clock:
        time.sleep(3600)
    assert clock.elapsed == 3600

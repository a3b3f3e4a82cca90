"""What the tests of the plugin share: a clock, a module to put faults into, a named service, and suites beside other plugins."""

from __future__ import annotations

import gc
import sys
import textwrap
import types

import pytest

from pytest_resilience import VirtualClock
from resilience import configure

APP = """
    import functools, json, sqlite3, threading, time
    from time import sleep
    from resilience import conn_retry, create_retry_decorator, failpoint
    import resilience, target_names

    @conn_retry("Ledger", "open", max_retry=2, max_wait=0)
    def open_ledger():
        return "opened"

    @create_retry_decorator(max_attempts=3, max_wait=0)
    def book(amount, currency="EUR"):
        return f"booked {amount} {currency}"

    @create_retry_decorator(max_attempts=3, max_wait=0)
    async def book_async(amount):
        return f"booked {amount}"

    def plain(number=1):
        '''Count.'''
        return number

    async def plain_async(number=1):
        return number

    @functools.lru_cache
    def cached(number=1):
        return number

    def generated():
        yield 1

    class Base:
        def inherited(self):
            return "inherited"

        @classmethod
        def inherited_class(cls):
            return cls.__name__

        @staticmethod
        def inherited_static():
            return "static"

    class Client(Base):
        def __init__(self, name="client"):
            self.name = name

        def get(self, what="it"):
            return f"{self.name} got {what}"

        async def get_async(self):
            return f"{self.name} got it"

        @classmethod
        def make(cls):
            return cls("made")

        @staticmethod
        def static(number=1):
            return number

        @property
        def status(self):
            return "ok"

        def __hidden(self):
            return "hidden"

        def reveal(self):
            return self.__hidden()

        @create_retry_decorator(max_attempts=3, max_wait=0)
        def retried(self):
            return self.name

        @create_retry_decorator(max_attempts=3, max_wait=0)
        @classmethod
        def retried_class(cls):
            return cls.__name__

        class Inner:
            def get(self):
                return "inner"

    class Other(Base):
        pass

    class Clock:
        now = time.time

    partial = functools.partial(plain, 5)
    client = Client("module's")

    def never_called():
        failpoint("Ledger.between_charge_and_receipt")

    class Orders:
        def never_called_either(self):
            failpoint("Orders.before_commit")

        @property
        def total(self):
            failpoint("Orders.total")

        @functools.cached_property
        def lines(self):
            return [failpoint(name="Orders.lines") for _ in range(1)]

    REFUND = "Ledger.refund"

    class Steps:
        SHIP = "Orders.ship"

    def never_called_by_constant():
        failpoint(REFUND)
        failpoint(Steps.SHIP)
        resilience.failpoint(name=target_names.CLOSE)

    @functools.wraps(plain)
    def wrapped(*args):
        def inner():
            failpoint("Ledger.in_a_closure")
        return inner()
"""
COPY = """
    from target_app import plain, plain_async, Client
    from target_app import plain as renamed

    class Holder:
        borrowed = plain
"""

SOURCES = {
    "target_names": "CLOSE = 'Ledger.close'",
    "target_app": textwrap.dedent(APP),
    "target_copy": textwrap.dedent(COPY),
}
CODES = {name: compile(source, f"{name}.py", "exec") for name, source in SOURCES.items()}


@pytest.fixture
def clock():
    """A virtual clock, open during the test."""
    with VirtualClock() as clock:
        yield clock


@pytest.fixture
def app(pytester, monkeypatch):
    """A module of the user's, newly made, and two more that it has to do with."""
    monkeypatch.syspath_prepend(pytester.path)
    monkeypatch.delitem(sys.modules, "target_late", raising=False)
    for name, code in CODES.items():
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(code, vars(module))
    return sys.modules["target_app"]


@pytest.fixture
def heap_of_the_test(monkeypatch):
    """Hide what the suite has loaded from looks through the heap, each of which would take longer than most tests."""
    monkeypatch.setattr(gc, "unfreeze", lambda: None)


@pytest.fixture
def named():
    """Give the service a name for its prefixes."""
    configure(service_name="removals")
    yield
    configure(service_name=None)


@pytest.fixture
def together(suite, monkeypatch, pytestconfig):
    """A folder for suites, run with the plugins that are installed, but for those that load most, in the order of the file."""
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    # Where it knows the constants of the kit, which is source code here, and else looks for them in each of its files.
    monkeypatch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", str(pytestconfig.rootpath / ".hypothesis"))
    monkeypatch.setenv(
        "PYTEST_ADDOPTS",
        "-p no:randomly -p no:asyncio -p no:looptime_plugin -p no:cacheprovider -p no:xdist -p no:anyio -p no:pytest_httpx",
    )
    return suite

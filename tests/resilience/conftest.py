"""What the tests of the decorators share: the ways to call a function, what fails twice, a clock, and the log."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging

import pytest
import tenacity

from pytest_resilience.clock import VirtualClock
from resilience import alerts, conn_retry, continuous_retry, create_retry_decorator, subscribe
from resilience.events import AttemptFailed, CallEnded, CallStarted, stream

_SETTINGS = (
    "RESILIENCE_SERVICE_NAME",
    "RESILIENCE_DISCORD_WEBHOOK_URL",
    "RESILIENCE_REDIS_URL",
    "RESILIENCE_FAILPOINTS",
)


_WARM_UP = object()


class Mode:
    """One way to call a function: plainly, or as the main task of asyncio or trio.

    Attributes:
        attempts: How often the functions that it made have been run.
        warm: Whether each call comes after one that has succeeded at once. What has just succeeded may be called
            without ado, which must make no difference.
    """

    def __init__(self, name, *, warm=False):
        self.name = name
        self.is_async = name != "sync"
        self.warm = warm
        self.attempts = 0

    def function(self, *outcomes, name="fetch"):
        """Make a function whose n-th run has the n-th outcome; the last outcome repeats.

        An exception is raised; of an exception class, a new one is. Anything else is returned.
        """
        left = list(outcomes)

        def body(*args, **kwargs):
            self.attempts += 1
            outcome = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(outcome, type) and issubclass(outcome, BaseException):
                raise outcome("refused")
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        return self.of(body, name)

    def of(self, body, name="fetch"):
        """Make a function that runs a plain one."""

        def function(*args, **kwargs):
            return None if args and args[0] is _WARM_UP else body(*args, **kwargs)

        async def async_function(*args, **kwargs):
            return None if args and args[0] is _WARM_UP else body(*args, **kwargs)

        made = async_function if self.is_async else function
        made.can_warm_up = True
        made.__name__ = name
        made.__qualname__ = name
        made.__module__ = "shop.stock"
        return made

    def run(self, function, /, *args, **kwargs):
        """Call the function and see it through to its end."""
        if self.warm and hasattr(function, "can_warm_up"):
            logging.disable()
            try:
                self._finish(function, _WARM_UP)
            finally:
                logging.disable(logging.NOTSET)
        return self._finish(function, *args, **kwargs)

    def _finish(self, function, /, *args, **kwargs):
        if self.name == "asyncio":
            return asyncio.run(function(*args, **kwargs))
        if self.name == "trio":
            import trio

            return trio.run(functools.partial(function, *args, **kwargs))
        return function(*args, **kwargs)

    def see(self, function, look):
        """Call the function, let go of what it raised, and have a look while the event loop still runs."""

        def call():
            try:
                function()
            except BaseException as error:
                look(error)
            return look(None)

        async def call_async():
            try:
                await function()
            except BaseException as error:
                look(error)
            return look(None)

        if self.warm and hasattr(function, "can_warm_up"):
            self._finish(function, _WARM_UP)
        return self._finish(call_async if self.is_async else call)

    def fails(self, function, kind=Exception):
        """Call the function and return what it raised."""
        with pytest.raises(kind) as caught:
            self.run(function)
        return caught.value

    def waits_of(self, decorated):
        """Let the decorated function wait no more, and return the list of the waits that it would have made."""
        waits = []

        async def async_sleep(seconds):
            waits.append(seconds)

        decorated.retry.sleep = async_sleep if self.is_async else waits.append
        return waits


class Flaky:
    """Fails twice, then says with what it was called."""

    def __init__(self):
        self.attempts = 0

    def fail_twice(self, *args, **kwargs):
        """Raise, raise, then return the arguments."""
        self.attempts += 1
        if self.attempts < 3:
            raise ConnectionError("refused")
        return (*args, *kwargs.items())


def finish(result):
    """Await a result, if it has to be awaited."""

    async def main():
        return await result

    return asyncio.run(main()) if inspect.isawaitable(result) else result


class Log:
    """What was written to the logger ``resilience`` about calls."""

    def __init__(self, caplog):
        self._caplog = caplog

    @property
    def records(self):
        """The records of calls; others, such as the one about a missing webhook, have no failpoint."""
        mine = [record for record in self._caplog.records if record.name == "resilience"]
        return [record for record in mine if getattr(record, "failpoint", None) is not None]

    @property
    def lines(self):
        """Level and text of each record."""
        return [(record.levelname, record.getMessage()) for record in self.records]

    def texts(self, level):
        """The texts at one level."""
        return [text for at, text in self.lines if at == level]


WAYS = ["sync", "asyncio", "trio"]


@pytest.fixture(params=WAYS)
def mode(request):
    """Each way to call a function."""
    return Mode(request.param)


@pytest.fixture(params=[way + time for way in WAYS for time in ("", " again")])
def repeated_mode(request):
    """Each way to call a function, for the first time and after a success."""
    way, _, again = request.param.partition(" ")
    return Mode(way, warm=bool(again))


@pytest.fixture
def make_mode():
    """A way to call a function, as the test wants it."""
    return Mode


@pytest.fixture
def virtual_clock():
    """A clock that nothing else hangs on, so that calls are made as they are without any listener."""
    with VirtualClock() as clock:
        yield clock


@pytest.fixture(params=WAYS)
def timed_mode(request, virtual_clock):
    """The ways to call a function in virtual time."""
    return Mode(request.param)


@pytest.fixture(params=WAYS[1:])
def async_mode(request):
    """Each way to call an async function."""
    return Mode(request.param)


@pytest.fixture
def sync_mode():
    """The way to call a plain function."""
    return Mode("sync")


@pytest.fixture
def log(caplog):
    """The lines about calls, at every level."""
    caplog.set_level(logging.DEBUG, logger="resilience")
    return Log(caplog)


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Take the machine's own settings away, and let no alert of one test be remembered in the next."""
    for name in _SETTINGS:
        monkeypatch.delenv(name, raising=False)
    with alerts.isolated():
        yield


@pytest.fixture
def ends():
    """The terminal events of all calls of the test."""
    seen = []
    end = stream.subscribe(seen.append, CallEnded)
    yield seen
    end()


DSN = "postgres://app:hunter2@db:5432/orders"

NO_WAIT = tenacity.wait_none()
KINDS = {
    "retry": create_retry_decorator(12, wait=NO_WAIT),
    "connection": conn_retry("Redis", "connect", 11, wait=NO_WAIT),
    "continuous": continuous_retry(retry_delay=0),
}


def run_failing(mode, kind, error):
    """Let eleven attempts fail with the error, and the twelfth too where the decorator ever stops."""
    outcomes = [error] * 11 + ["stock"] if kind == "continuous" else [error]
    fetch = KINDS[kind](mode.function(*outcomes))
    if kind == "continuous":
        mode.run(fetch)
    else:
        mode.fails(fetch, type(error))


@pytest.fixture
def events():
    """Everything that is reported of calls."""
    recorded = []
    end = subscribe(recorded.append, CallStarted, AttemptFailed, CallEnded)
    yield recorded
    end()

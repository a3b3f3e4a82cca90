"""The whole public interface as type checkers see it. Never run; checked by mypy, basedpyright and pyrefly.

What a decorator gives back has the very type of what it was given, so signatures, overloads, generics and methods stay
what they are. A line that ends in ``type: ignore`` is a mistake that every checker has to find.
"""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
import threading
from collections.abc import Callable, Coroutine
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol, TypeVar, assert_type, overload

import tenacity
import trio

import resilience
from resilience import (
    MissingExtraError,
    configure,
    conn_retry,
    continuous_retry,
    create_retry_decorator,
    failpoint,
    func_retry,
    log_prefix,
    resume_retry_loops,
    send_rate_limited_discord_alert,
    should_send_alert,
    stop_retry_loops,
    subscribe,
    time_left,
    wait_equal_jitter,
)
from resilience.events import AttemptFailed, CallEnded, CallStarted, Event, Outcome, Reason
from resilience.testing import retries_off
from resilience.typing import Decorator, Retried, retried

T = TypeVar("T")

retry = create_retry_decorator(3)
assert_type(retry, Decorator)
assert_type(func_retry, Decorator)
assert_type(conn_retry("Redis", "connect"), Decorator)
assert_type(continuous_retry(), Decorator)


@retry
def plain(sku: str, count: int = 1, *, fresh: bool = False) -> list[str]:
    """A function."""
    return [sku] * count if fresh else []


assert_type(plain("a"), list[str])
assert_type(plain("a", 2, fresh=True), list[str])
plain(3)  # type: ignore[arg-type]
plain()  # type: ignore[call-arg]
plain("a", cold=True)  # type: ignore[call-arg]


@func_retry
async def fetch(sku: str) -> int:
    """An async function."""
    return len(sku)


@retry
def first(items: list[T]) -> T:
    """A generic function."""
    return items[0]


assert_type(first([1]), int)
assert_type(first(["a"]), str)


@overload
def parse(text: str) -> int: ...
@overload
def parse(text: bytes) -> float: ...
def parse(text: str | bytes) -> float:
    """An overloaded function."""
    return len(text)


retried_parse = retry(parse)
assert_type(retried_parse("1"), int)
assert_type(retried_parse(b"1"), float)


@conn_retry("Redis", "connect")
@retry
def stacked(number: int) -> str:
    """Decorated twice."""
    return str(number)


assert_type(stacked(1), str)
stacked("1")  # type: ignore[arg-type]


class Shop:
    """Methods of every kind, in either order of the decorators."""

    @retry
    def method(self, sku: str) -> int:
        """A method."""
        return len(sku)

    @retry
    async def async_method(self, sku: str) -> int:
        """An async method."""
        return len(sku)

    @classmethod
    @retry
    def class_inside(cls, sku: str) -> int:
        """A class method, decorated inside."""
        return len(sku)

    @retry
    @classmethod
    def class_outside(cls, sku: str) -> int:
        """A class method, decorated outside."""
        return len(sku)

    @retry
    @classmethod
    async def async_class_outside(cls, sku: str) -> int:
        """An async class method, decorated outside."""
        return len(sku)

    @staticmethod
    @retry
    def static_inside(sku: str) -> int:
        """A static method, decorated inside."""
        return len(sku)

    @retry
    @staticmethod
    def static_outside(sku: str) -> int:
        """A static method, decorated outside."""
        return len(sku)

    @retry
    @staticmethod
    async def async_static_outside(sku: str) -> int:
        """An async static method, decorated outside."""
        return len(sku)

    @property
    @retry
    def size(self) -> int:
        """A property whose getter is decorated."""
        return 1

    @functools.cached_property
    @retry
    def weight(self) -> int:
        """A cached property whose getter is decorated."""
        return 1


shop = Shop()
assert_type(shop.method("a"), int)
assert_type(Shop.method(shop, "a"), int)
assert_type(shop.class_inside("a"), int)
assert_type(Shop.class_inside("a"), int)
assert_type(shop.class_outside("a"), int)
assert_type(Shop.class_outside("a"), int)
assert_type(shop.static_inside("a"), int)
assert_type(Shop.static_inside("a"), int)
assert_type(shop.static_outside("a"), int)
assert_type(Shop.static_outside("a"), int)
assert_type(shop.size, int)
assert_type(shop.weight, int)
shop.method(1)  # type: ignore[arg-type]
shop.method()  # type: ignore[call-arg]
Shop.class_inside(1)  # type: ignore[arg-type]
Shop.class_outside(1)  # type: ignore[arg-type]
Shop.static_inside(1)  # type: ignore[arg-type]
Shop.static_outside(1)  # type: ignore[arg-type]


async def awaiting() -> None:
    """Async callables give what they gave, and fit wherever coroutines are wanted."""
    assert_type(await fetch("a"), int)
    assert_type(await shop.async_method("a"), int)
    assert_type(await Shop.async_class_outside("a"), int)
    assert_type(await Shop.async_static_outside("a"), int)
    assert_type(await asyncio.create_task(fetch("a")), int)
    assert_type(await asyncio.gather(fetch("a"), fetch("b")), tuple[int, int])
    await fetch(1)  # type: ignore[arg-type]
    await shop.async_method(1)  # type: ignore[arg-type]


class Base:
    """What others derive from."""

    def fetch(self, sku: str) -> int:
        """Override me."""
        return len(sku)

    async def fetch_later(self, sku: str) -> int:
        """Override me."""
        return len(sku)


class Derived(Base):
    """Overrides with decorated methods."""

    @retry
    def fetch(self, sku: str) -> int:
        """Overridden."""
        return super().fetch(sku)

    @retry
    async def fetch_later(self, sku: str) -> int:
        """Overridden."""
        return await super().fetch_later(sku)


class Loud(Shop):
    """Overrides a decorated method."""

    def method(self, sku: str) -> int:
        """Overridden."""
        return super().method(sku)


class Fetcher(Protocol):
    """What a decorated method fits as well."""

    def fetch(self, sku: str) -> int:
        """Fetch it."""
        ...


def use(fetcher: Fetcher, call: Callable[[str], int], later: Callable[[str], Coroutine[Any, Any, int]]) -> None:
    """Take decorated things where undecorated ones are expected."""


use(Derived(), shop.method, fetch)
use(Derived(), Shop.static_inside, shop.async_method)
assert_type(functools.partial(plain, "a")(), list[str])


class Callee:
    """A callable object."""

    def __call__(self, sku: str) -> int:
        return len(sku)


assert_type(retry(Callee())("a"), int)
assert_type(retry(functools.partial(plain, "a"))(), list[str])
retry(3)  # type: ignore[type-var]

create_retry_decorator(2, (ValueError,), 10.0, "billing", False, retry_on=OSError, alert_threshold=2, timeout=3.0)
create_retry_decorator(exclude_exceptions=[ValueError, KeyError], wait=tenacity.wait_fixed(1) + wait_equal_jitter(5.0))
create_retry_decorator(wait=lambda state: state.attempt_number * 2.0)
create_retry_decorator(max_wait=Decimal("1.5"), timeout=timedelta(minutes=1), max_retry_after=timedelta(hours=1))
create_retry_decorator("3")  # type: ignore[arg-type]
create_retry_decorator(max_wait="3")  # type: ignore[arg-type]
create_retry_decorator(retry_on=3)  # type: ignore[arg-type]
create_retry_decorator(5, (), 30.0, "", True, Exception)  # type: ignore[call-arg]  # by position, as callers may
conn_retry("Redis", "connect", 20, 10.0, exclude_exceptions=ValueError, timeout=60, alert_threshold=None)
conn_retry("Redis")  # type: ignore[call-arg]
continuous_retry(retry_delay=1, stop_event=threading.Event(), stop_on=(KeyError,))
continuous_retry(stop_event=asyncio.Event(), alert_threshold=3, timeout=60.0, max_retry_after=10, channel="ops")
continuous_retry(stop_on=lambda error: isinstance(error, KeyError))
create_retry_decorator(retry_on=lambda error: bool(error.args), exclude_exceptions=(KeyError, OSError))
create_retry_decorator(retry_on_result=lambda result: result is None, stop_event=threading.Event(), channel="ops")
create_retry_decorator(retry_on_result=3)  # type: ignore[arg-type]
conn_retry("Redis", "connect", max_retry_after=60.0, stop_event=trio.Event(), channel="ops", retry_on_result=bool)
assert_type(stop_retry_loops(), None)
assert_type(resume_retry_loops(), None)
continuous_retry(stop_event=trio.Event())
continuous_retry(stop_event=multiprocessing.Event())
continuous_retry(stop_event=True)  # type: ignore[arg-type]
continuous_retry(1.0)  # type: ignore[call-arg]

assert_type(retried(plain), Retried)
assert_type(retried(fetch).statistics, dict[str, Any])
assert_type(retried(shop.method).failpoint, str)
assert_type(retried(plain).retry, tenacity.BaseRetrying)
retried(plain).retry.sleep = tenacity.sleep
retried(plain).retry_with(stop=tenacity.stop_after_attempt(2))
retried(3)  # type: ignore[arg-type]
with retries_off():
    plain("a")

error = ConnectionError("refused")
assert_type(log_prefix("Redis", "5f3a9c01"), str)
assert_type(should_send_alert("charge", error), bool)
assert_type(should_send_alert("charge", error, "billing"), bool)
assert_type(send_rate_limited_discord_alert("charge", error, "billing", "down"), bool)
assert_type(send_rate_limited_discord_alert("charge", error, "billing", "down", channel="ops"), bool)
assert_type(time_left(), float | None)
failpoint("Orders.between_writes")
failpoint(3)  # type: ignore[arg-type]
configure(service_name="billing", discord_webhook_url=None, discord_channels={"ops": ""}, max_alerts_per_minute=20)
configure(redis_url="redis://cache")
configure(servicename="billing")  # type: ignore[call-arg]
threshold: int = resilience.EXCESSIVE_RETRY_THRESHOLD
window: float = resilience.ALERT_RATE_LIMIT_SECONDS
assert_type(MissingExtraError("sharing", extra="redis").extra, str)


def ended(event: CallEnded) -> None:
    """Listen to ends."""
    assert_type(event.attempts, int)
    assert_type(event.outcome, Outcome)
    assert_type(event.reason, Reason | None)
    assert_type(event.error, BaseException | None)
    assert_type(event.call.conn_id, str | None)


def failed(event: AttemptFailed) -> None:
    """Listen to failures."""
    assert_type(event.wait_s, float)


def anything(event: Event) -> None:
    """Listen to everything."""
    assert_type(event.at_ns, int)


assert_type(subscribe(ended, CallEnded), Callable[[], None])
subscribe(failed, AttemptFailed, every_call=False)
subscribe(anything, CallStarted)
subscribe(ended, AttemptFailed)  # type: ignore[arg-type]

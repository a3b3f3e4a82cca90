"""What a decorated call costs when it succeeds, and when it fails, against a hand-written loop and other libraries."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

import backoff
import pyresilience
import stamina
import tenacity

import resilience
from benchmarks._ratios import interleaved, report

ATTEMPTS = 5


def fetch(value: int) -> int:
    return value


async def fetch_async(value: int) -> int:
    return value


def by_hand(value: int) -> int:
    for attempt in range(ATTEMPTS):
        try:
            return fetch(value)
        except Exception:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(2**attempt)
    raise AssertionError


async def by_hand_async(value: int) -> int:
    for attempt in range(ATTEMPTS):
        try:
            return await fetch_async(value)
        except Exception:
            if attempt == ATTEMPTS - 1:
                raise
            await asyncio.sleep(2**attempt)
    raise AssertionError


def decorated(function: Any) -> dict[str, Any]:
    """Return the function under the decorators of every library, all with the same number of attempts."""
    return {
        "create_retry_decorator": resilience.create_retry_decorator(max_attempts=ATTEMPTS)(function),
        "conn_retry, INFO off": resilience.conn_retry("Redis", "connect", max_retry=ATTEMPTS - 1)(function),
        "continuous_retry": resilience.continuous_retry()(function),
        "pyresilience": pyresilience.resilient(retry=pyresilience.RetryConfig(max_attempts=ATTEMPTS))(function),
        "backoff": backoff.on_exception(backoff.expo, Exception, max_tries=ATTEMPTS)(function),
        "stamina": stamina.retry(on=Exception, attempts=ATTEMPTS)(function),
        "tenacity": tenacity.retry(stop=tenacity.stop_after_attempt(ATTEMPTS), reraise=True)(function),
    }


TARGETS = {"create_retry_decorator": 1.5, "continuous_retry": 1.5, "conn_retry, INFO off": 2.5}


def failing(decorate: Callable[[Any], Any]) -> Callable[[], None]:
    """Return a call that fails three times without waiting, and then succeeds."""
    attempts = 0

    def function() -> None:
        nonlocal attempts
        attempts += 1
        if attempts % 4:
            raise ConnectionError("refused")

    retried = decorate(function)
    retried.retry.sleep = lambda _seconds: None  # even a sleep of 0 s yields to whatever else the machine does
    return retried  # type: ignore[no-any-return]  # each decorator returns a callable of the same kind


def drive(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine that never waits, without the cost of an event loop."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it waited")


def main() -> None:
    logging.getLogger("resilience").setLevel(logging.CRITICAL)
    sync = {"hand-written loop": by_hand, **decorated(fetch)}
    taken = interleaved({name: lambda call=call: call(1) for name, call in sync.items()}, number=3000)
    report("a call that succeeds at once", taken, base="hand-written loop", targets=TARGETS)

    async_calls = {"hand-written loop": by_hand_async, **decorated(fetch_async)}
    taken = interleaved({name: lambda call=call: drive(call(1)) for name, call in async_calls.items()}, number=2000)
    report("the same, async", taken, base="hand-written loop", targets=TARGETS)

    no_wait = tenacity.wait_none()
    retried = {
        "tenacity": failing(tenacity.retry(stop=tenacity.stop_after_attempt(ATTEMPTS), wait=no_wait, reraise=True)),
        "create_retry_decorator": failing(resilience.create_retry_decorator(max_attempts=ATTEMPTS, wait=no_wait)),
        "conn_retry": failing(resilience.conn_retry("Redis", "connect", max_retry=ATTEMPTS - 1, wait=no_wait)),
    }
    taken = interleaved(retried, number=200)
    report("a call that fails three times, logging off", taken, base="tenacity")


if __name__ == "__main__":
    main()

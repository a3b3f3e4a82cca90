"""Routes of a `FaultServer` as places: what an action does to a request."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from functools import partial
from typing import Final, final

from pytest_resilience._faults.injection import Injection
from pytest_resilience._servers.http1 import Answer
from pytest_resilience._servers.routes import Exchange, Route, answer_of
from resilience import testing

GARBAGE_BYTES: Final = 64
"""Enough that no client can take it for the beginning of its protocol, and few enough to arrive at once."""


@final
class RoutePlace:
    """A route, as a place."""

    kind: testing.PlaceKind = "http"

    def __init__(self, route: Route) -> None:
        self.name = route.name
        self._route = route

    def arm(self, injection: Injection) -> None:
        self._route.faults[injection] = partial(_answered, injection)

    def disarm(self, injection: Injection) -> None:
        self._route.faults.pop(injection, None)  # once where the place was named twice


async def _answered(injection: Injection, exchange: Exchange) -> bool:
    decision = injection.decide(exchange.request)
    if decision is None:
        return False
    exchange.request.done = str(decision)
    try:
        await _strike(exchange, decision, injection)
    except testing.ReleasedError:
        exchange.connection.abort()  # no answer comes any more, which the client must not wait for
    return True


async def _strike(exchange: Exchange, decision: testing.Decision, injection: Injection) -> None:
    healthy = await exchange.healthy() if decision.after else None
    action = decision.action
    match action:
        case testing.Status():
            exchange.send(status_answer(action))
            return
        case testing.Garbage():
            exchange.connection.answer_bytes(injection.chance.randbytes(GARBAGE_BYTES))
            return
        case testing.Reset():
            exchange.connection.reset()
            return
        case testing.Sleep():
            await asyncio.sleep(action.seconds)
        case testing.Hang() | testing.Pause():
            await injection.gate.wait_async()
    answer = healthy or await exchange.healthy()
    exchange.send(
        replace(answer, cut_at=cut_at(answer.body, action)) if isinstance(action, testing.Truncate) else answer
    )


def status_answer(action: testing.Status) -> Answer:
    headers = dict(action.headers or {})
    if action.retry_after is not None:
        headers["Retry-After"] = str(-(-action.retry_after // 1_000_000_000))  # whole seconds, as HTTP has them
    if action.json is not None:
        headers.setdefault("Content-Type", "application/json")
        return Answer(action.status, tuple(headers.items()), json.dumps(action.json).encode())
    return answer_of((action.status, action.body if action.body is not None else b""), headers)


def cut_at(body: bytes, action: testing.Truncate) -> int:
    """After how many bytes a body ends."""
    size = action.size
    return int(len(body) * size.percent / 100) if isinstance(size, testing.Share) else size

"""The requests of httpx that are made in this process, led past the scripts that are armed for them.

They are met where they leave httpx: in its transports, also that of a mock of respx or pytest-httpx and that of an ASGI
or WSGI application. What a client retries above that is struck at each try, and what no script decides goes on to
whatever is there without the kit. A transport that is made without any of httpx's is not seen.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Final, final

import anyio
import httpx
from respx.transports import TryTransport

from pytest_resilience._faults import httpx_faults as faults
from pytest_resilience._faults.callers import is_of_the_code_under_test
from pytest_resilience._faults.injection import Injection
from resilience.testing import (
    Action,
    Decision,
    Hang,
    Pause,
    PlaceKind,
    Sleep,
    Truncate,
    UnknownTargetError,
    own_calls,
    target_of,
)

_TRANSPORTS: Final[tuple[type[Any], ...]] = (
    httpx.HTTPTransport,
    httpx.AsyncHTTPTransport,
    httpx.MockTransport,
    httpx.ASGITransport,
    httpx.WSGITransport,
    TryTransport,  # respx's, where it mocks clients: a mocked transport, and the real one
)
_METHODS: Final = ("handle_request", "handle_async_request")

_passing: Final[ContextVar[httpx.Request | None]] = ContextVar("_passing", default=None)
"""The request whose fault is decided already, while its transport hands it to another transport."""


@final
class HttpxRequests:
    """Asks the injections of all places, newest first, about each request that they take."""

    def __init__(self) -> None:
        self._armed: list[tuple[HttpxPlace, Injection]] = []
        self._interception = contextlib.ExitStack()

    def arm(self, place: HttpxPlace, injection: Injection) -> None:
        if not self._armed:
            with contextlib.ExitStack() as undoing:
                for transport in _TRANSPORTS:
                    for method in _METHODS:
                        if method in vars(transport):
                            undoing.enter_context(target_of(vars(transport)[method]).intercepted(self))
                self._interception = undoing.pop_all()
        self._armed.insert(0, (place, injection))

    def disarm(self, injection: Injection) -> None:
        self._armed = [each for each in self._armed if each[1] is not injection]
        if not self._armed:
            self._interception.close()

    def call(self, function: Callable[..., httpx.Response], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        def pass_on() -> httpx.Response:
            with _decided(request):
                return function(*args, **kwargs)

        request: httpx.Request = kwargs.get("request") or args[1]
        if not self._is_wanted(request):
            return function(*args, **kwargs)
        request.read()  # so that a predicate can look at the content
        injection, decision = self._decide(request)
        if injection is None or decision is None:
            return pass_on()
        action = decision.action
        healthy = pass_on() if decision.after else None
        if isinstance(action, (Sleep, Hang, Pause)):
            _wait(action, injection, request)
        elif healthy is not None and not isinstance(action, Truncate):
            healthy.close()
        answer = faults.in_place_of_the_answer(action, injection, request) or healthy or pass_on()
        return faults.cut(answer, _body(answer), action, request) if isinstance(action, Truncate) else answer

    async def call_async(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        async def pass_on() -> httpx.Response:
            with _decided(request):
                response: httpx.Response = await function(*args, **kwargs)
                return response

        request: httpx.Request = kwargs.get("request") or args[1]
        if not self._is_wanted(request):
            return await function(*args, **kwargs)
        await request.aread()
        injection, decision = self._decide(request)
        if injection is None or decision is None:
            return await pass_on()
        action = decision.action
        healthy = await pass_on() if decision.after else None
        if isinstance(action, (Sleep, Hang, Pause)):
            await _wait_async(action, injection, request)
        elif healthy is not None and not isinstance(action, Truncate):
            await healthy.aclose()
        answer = faults.in_place_of_the_answer(action, injection, request) or healthy or await pass_on()
        return (
            faults.cut(answer, await _body_async(answer), action, request) if isinstance(action, Truncate) else answer
        )

    def _is_wanted(self, request: httpx.Request) -> bool:
        if _passing.get() is request or not any(place.takes(request) for place, _ in self._armed):
            return False
        return is_of_the_code_under_test()

    def _decide(self, request: httpx.Request) -> tuple[Injection | None, Decision | None]:
        for place, injection in self._armed.copy():
            if place.takes(request):
                decision = injection.decide(request)
                if decision is not None:
                    return injection, decision
        return None, None


@contextlib.contextmanager
def _decided(request: httpx.Request) -> Iterator[None]:
    token = _passing.set(request)
    try:
        yield
    finally:
        _passing.reset(token)


def _wait(action: Action, injection: Injection, request: httpx.Request) -> None:
    patience = faults.patience(request)
    with own_calls():
        if isinstance(action, Sleep):
            time.sleep(action.seconds if patience is None else min(action.seconds, patience))
            is_over = patience is not None and patience < action.seconds
        else:
            is_over = not injection.gate.wait(patience)
    if is_over:
        faults.time_out(request)


async def _wait_async(action: Action, injection: Injection, request: httpx.Request) -> None:
    with own_calls(), anyio.move_on_after(faults.patience(request)) as waiting:
        await (anyio.sleep(action.seconds) if isinstance(action, Sleep) else injection.gate.wait_async())
    if waiting.cancelled_caught:
        faults.time_out(request)


def _body(response: httpx.Response) -> bytes:
    """The bytes of a body as they came, still compressed if they were."""
    if response.is_stream_consumed:
        return response.content
    assert isinstance(response.stream, httpx.SyncByteStream)
    try:
        return b"".join(response.stream)
    finally:
        response.close()


async def _body_async(response: httpx.Response) -> bytes:
    if response.is_stream_consumed:
        return response.content
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        return b"".join([part async for part in response.stream])
    finally:
        await response.aclose()


_WRITTEN: Final = re.compile(r"(?P<method>[A-Z]+|\*) (?P<scheme>https?|\*)://(?P<host>[^/?#\s]+)(?P<rest>[/?][^#\s]*)?")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


@final
class HttpxPlace:
    """The requests of one method, or of any, whose URL is of a pattern.

    Raises:
        UnknownTargetError: It is no method and URL.
    """

    kind: PlaceKind = "httpx"

    def __init__(self, name: str, requests: HttpxRequests) -> None:
        written = _WRITTEN.fullmatch(name)
        if written is None:
            raise UnknownTargetError(
                f"{name!r} is no request of httpx: write the method, or '*', and the URL, such as "
                "'GET https://api.example.com/items/*'; '*' stands for any text in it"
            )
        self.name = name
        self._method = written["method"]
        self._url = re.compile(_pattern(written["scheme"], written["host"], written["rest"] or ""))
        self._has_query = "?" in (written["rest"] or "")
        self._requests = requests

    def arm(self, injection: Injection) -> None:
        self._requests.arm(self, injection)

    def disarm(self, injection: Injection) -> None:
        self._requests.disarm(injection)

    def takes(self, request: httpx.Request) -> bool:
        return self._method in {"*", request.method} and self._url.fullmatch(self._text(request.url)) is not None

    def _text(self, url: httpx.URL) -> str:
        """A URL as patterns are compared with it: with the query only if the pattern has one."""
        port = "" if url.port is None else f":{url.port}"
        path, _, query = url.raw_path.decode("ascii", "replace").partition("?")
        return f"{url.scheme}://{url.host.lower()}{port}{path}{f'?{query}' if self._has_query else ''}"


def _pattern(scheme: str, host: str, rest: str) -> str:
    host = host.lower().removesuffix(_DEFAULT_PORTS.get(scheme, ":"))
    if not rest.startswith("/") and not host.endswith("*"):
        rest = f"/{rest}"  # a URL without a path asks for the root
    return re.escape(f"{scheme}://{host}{rest}").replace(r"\*", ".*")

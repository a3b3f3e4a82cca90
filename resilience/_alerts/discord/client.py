"""The client of Discord's "Execute Webhook", and the only file that imports httpx.

It posts through a transport instead of a client: below the layer that writes each URL, and with it the webhook's
token, to the log, and that follows redirects. Whatever replaces httpx's transports in a test replaces this one, too.
"""

from __future__ import annotations

import contextlib
import email.utils  # noqa: F401  # here, and not as an answer names a date: see `importing`
import encodings.idna  # noqa: F401  # which the socket module would import as it first looks up a host
import functools
import math
import socket
from collections.abc import Mapping
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast, final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from resilience._alerts.delivery.sink import Undelivered
from resilience._alerts.delivery.uninstrumented import uninstrumented
from resilience._alerts.discord.refusals import DiscordError
from resilience._alerts.discord.webhook_url import DISCORD_API, Webhook
from resilience._support.fork import importing, renew_after_fork
from resilience._support.watchdog import cut_off_after
from resilience.redact import summary_of

if TYPE_CHECKING:
    import ssl

_TIMEOUTS_S: Final = {"connect": 3.0, "read": 5.0, "write": 5.0, "pool": 1.0}  # as a rule a thread of ours waits
_EXCHANGE_S: Final = 15.0  # all of the above once, and a little: a server that trickles meets no other limit
_ANSWER_BYTES: Final = 65_536  # errors of Discord have a few hundred
_PROBLEM_CHARACTERS: Final = 300  # some errors show all that was received


class Answer(NamedTuple):
    """What Discord has answered.

    Attributes:
        error: The answer where Discord did not take the message.
        empties_bucket_s: The seconds to wait before the next message, because this one was the last that the rate limit
            of the webhook had room for; 0.0 where there is more.
    """

    error: DiscordError | None
    empties_bucket_s: float


@final
class Client:
    """A connection to Discord. Used by one thread at a time; safe after fork.

    Args:
        substitute: What requests are handed to in the place of the network, in a test.
    """

    def __init__(self, substitute: httpx.BaseTransport | None = None) -> None:
        self._substitute = substitute
        self._transport: httpx.BaseTransport | None = None
        self._socket: socket.socket | None = None
        renew_after_fork(self)

    def post(self, webhook: Webhook, body: dict[str, Any]) -> Answer | Undelivered:
        """Post once. Where there is no answer, whatever the reason, it is the message that has failed."""
        try:
            response, content = self._exchange(webhook, body)
        except Exception as problem:  # noqa: BLE001  # httpx lets through what its parts raise
            return _without_an_answer(problem)
        status, headers = response.status_code, response.headers
        error = None if response.is_success else DiscordError(status, headers, content)
        is_last = status != HTTPStatus.TOO_MANY_REQUESTS and headers.get("X-RateLimit-Remaining") == "0"
        return Answer(error, _seconds(headers.get("X-RateLimit-Reset-After")) if is_last else 0.0)

    def close(self) -> None:
        transport, self._transport, self._socket = self._transport, None, None
        if transport is not None:
            transport.close()

    def after_fork(self) -> None:
        """Leave the connection to the parent, which uses it."""
        self._transport = self._socket = None

    def _exchange(self, webhook: Webhook, body: dict[str, Any]) -> tuple[httpx.Response, bytes]:
        if self._transport is None:
            with importing:  # httpx, too, imports what it needs only here
                self._transport = self._substitute or _new_transport(DISCORD_API)
        request = httpx.Request(
            "POST",
            webhook.url(DISCORD_API),
            headers={"User-Agent": _user_agent(), "Accept-Encoding": "identity"},
            json=body,
            extensions={"timeout": _TIMEOUTS_S, "trace": self._keep_socket},
        )
        with cut_off_after(_EXCHANGE_S, self._cut), uninstrumented():
            response = self._transport.handle_request(request)
            try:
                return response, _read(response)
            finally:
                response.close()

    def _keep_socket(self, event: str, info: Mapping[str, Any]) -> None:
        """Take hold of the socket of a new connection: httpx has a time limit for each read, and none for all."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")

    def _cut(self) -> None:
        """End what is being read. Closing the socket would be unsafe: another file may get its number meanwhile."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _without_an_answer(error: Exception) -> Undelivered:
    """Say what a request without an answer means: it has certainly not arrived where no connection was made."""
    problem = summary_of(error, limit=_PROBLEM_CHARACTERS)
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)):
        return Undelivered(problem, try_again=True)
    if isinstance(error, (httpx.TransportError, TimeoutError)):
        return Undelivered(problem, try_again=True, may_have_arrived=True)
    return Undelivered(problem, try_again=isinstance(error, OSError))  # no file descriptor was left, for example


def _read(response: httpx.Response) -> bytes:
    """Return the beginning of the body, or what there is of it: the status alone says enough.

    One that is compressed, though that was not asked for, is left alone: unpacked it could be of any length.
    """
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return b""
    content = bytearray()
    with contextlib.suppress(Exception):
        for chunk in cast("httpx.SyncByteStream", response.stream):
            content += chunk
            if len(content) >= _ANSWER_BYTES:
                break
    return bytes(content[:_ANSWER_BYTES])


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or 0)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0


def _new_transport(base: str) -> httpx.HTTPTransport:
    proxy = _proxy_for(base)
    verify = _ssl_context() if base.startswith("https:") or proxy else True
    return httpx.HTTPTransport(verify=verify, proxy=proxy, limits=httpx.Limits(max_connections=1))


def _proxy_for(base: str) -> str | None:
    """Return the proxy of the environment, which httpx's transports leave to its clients."""
    parts = urlsplit(base)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    return httpx.create_ssl_context()


@functools.cache
def _user_agent() -> str:
    """Source: Discord API reference, "User Agent": without this form the edge may block a request."""
    try:
        number = version("pytest-resilience")
    except PackageNotFoundError:  # a copy that was never installed
        number = "0"
    return f"DiscordBot (https://pypi.org/project/pytest-resilience/, {number})"

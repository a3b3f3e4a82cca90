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
import random
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, cast, final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from resilience._alerts.delivery.holds import LONGEST_HOLD_S, Hold, Holds
from resilience._alerts.delivery.message import Undelivered
from resilience._alerts.discord.payload import MOST_ALERTS, message_body, plainest_body
from resilience._alerts.discord.refusals import DiscordError
from resilience._alerts.discord.watchdog import cut_off_after
from resilience._alerts.discord.webhook_url import DISCORD_API, Webhook
from resilience._support.fork import importing, renew_after_fork
from resilience.alerts.notifier import Alert
from resilience.events import AlertRefused, stream
from resilience.redact import message_of, type_name

if TYPE_CHECKING:
    import ssl

_TIMEOUTS_S: Final = {"connect": 3.0, "read": 5.0, "write": 5.0, "pool": 1.0}
_EXCHANGE_S: Final = 15.0
_ANSWER_BYTES: Final = 65_536
_COOL_DOWN_S: Final = 300.0  # a ban that does not say how long it lasts
_LONGEST_JITTER_S: Final = 0.5
_PROBLEM_CHARACTERS: Final = 300  # some errors show all that was received
_UNKNOWN_CHANNEL: Final = 10003
_DEADLY: Final = frozenset({(HTTPStatus.UNAUTHORIZED, 50027), (HTTPStatus.NOT_FOUND, 10015)})
_REFUSES_THE_MESSAGE: Final = frozenset({400, 403, 405, 413})


@final
class DiscordSink:
    """One webhook.

    Args:
        webhook: Where to post.
        holds: What the process knows about waiting, shared by all webhooks.
        base: The API, where it is not Discord's own.
    """

    most_per_message = MOST_ALERTS

    def __init__(self, webhook: Webhook, holds: Holds, *, base: str | None = None) -> None:
        self._webhook = webhook
        self._holds = holds
        self._base = base or DISCORD_API
        self._transport: httpx.HTTPTransport | None = None
        self._socket: socket.socket | None = None
        self._first_sent_at: float | None = None
        self._refused: Sequence[Alert] = ()
        self._bans = 0
        renew_after_fork(self)

    def hold(self) -> Hold | None:
        """Return what has to be waited for before the next message; nothing where it would not be sent anyway."""
        return None if self._holds.death_of(self._webhook) else self._holds.of(self._webhook)

    def send(self, alerts: Sequence[Alert], *, again: bool) -> Undelivered | None:
        """Post one message, once, and say what came of it."""
        death = self._holds.death_of(self._webhook)
        if death is not None:
            return Undelivered(death)
        if not again or self._first_sent_at is None:
            self._first_sent_at = time.time()
        plainest = any(each in self._refused for each in alerts)
        try:
            self._post(
                plainest_body(alerts)
                if plainest
                else message_body(alerts, repeats_since=self._first_sent_at if again else None)
            )
        except DiscordError as error:
            return self._judge(error, alerts, plainest=plainest)
        except Exception as error:  # noqa: BLE001  # whatever it was, it is the alert that has failed, and nothing else
            return _judge_failure(error)
        self._bans, self._refused = 0, ()
        return None

    def close(self) -> None:
        """Close the connection."""
        transport, self._transport, self._socket = self._transport, None, None
        if transport is not None:
            transport.close()

    def after_fork(self) -> None:
        """Leave the connection to the parent, which uses it."""
        self._transport = self._socket = None

    def _post(self, body: dict[str, Any]) -> None:
        """Post once; raises `DiscordError` for an answer other than 2xx, and httpx's errors where there is none."""
        self._holds.count_sent(self._webhook)
        if self._transport is None:
            with importing:  # since httpx, too, imports what it stands on as late as that
                self._transport = _new_transport(self._base)
        request = httpx.Request(
            "POST",
            self._webhook.url(self._base),
            headers={"User-Agent": _user_agent(), "Accept-Encoding": "identity"},
            json=body,
            extensions={"timeout": _TIMEOUTS_S, "trace": self._keep_socket},
        )
        with cut_off_after(_EXCHANGE_S, self._cut):
            response = self._transport.handle_request(request)
            try:
                content = _read(response)
            finally:
                response.close()
        self._heed_bucket(response.status_code, response.headers)
        if not response.is_success:
            raise DiscordError(response.status_code, response.headers, content)

    def _keep_socket(self, event: str, info: Mapping[str, Any]) -> None:
        """Take hold of the socket of a new connection: httpx has a time limit for each read, and none for all."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")

    def _cut(self) -> None:
        """End what is being read. Closing the socket would be unsafe: another file may get its number meanwhile."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _heed_bucket(self, status: int, headers: Mapping[str, str]) -> None:
        """Wait before the next message where the webhook's own bucket is empty, instead of being told by a 429."""
        if status != HTTPStatus.TOO_MANY_REQUESTS and headers.get("X-RateLimit-Remaining") == "0":
            seconds = _number(headers.get("X-RateLimit-Reset-After"))
            if seconds > 0:
                self._holds.hold(self._webhook, seconds, "the rate limit of the webhook is used up")

    def _judge(self, error: DiscordError, alerts: Sequence[Alert], *, plainest: bool) -> Undelivered:
        """Do what an answer other than 2xx asks for, and say what became of the message."""
        if error.status == HTTPStatus.TOO_MANY_REQUESTS:
            return self._heed_rate_limit(error)
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            if error.asks_to_wait_s > 0:
                self._holds.hold(self._webhook, error.asks_to_wait_s, str(error))
            return Undelivered(str(error), try_again=True, may_have_arrived=True)
        if error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            self._holds.count_invalid()
        if error.status == HTTPStatus.NOT_FOUND and error.code == _UNKNOWN_CHANNEL and self._webhook.thread_id:
            self._webhook = replace(self._webhook, thread_id=None)
            return Undelivered(str(error), try_again=True, backs_off=False)
        if error.status in _REFUSES_THE_MESSAGE and not error.is_edge_block and not plainest:
            stream.emit(AlertRefused(problem=str(error)))
            self._refused = tuple(alerts)
            return Undelivered(str(error), try_again=True, backs_off=False)
        return Undelivered(self._leave_alone(error))

    def _leave_alone(self, error: DiscordError) -> str:
        """Stop sending where that can only do harm, for good or for a while; return the problem."""
        if (error.status, error.code) in _DEADLY:
            problem = f"{error}; nothing more is sent to this webhook until another one is configured"
            self._holds.bury(self._webhook, problem)
            return problem
        if error.is_edge_block:
            problem = f"blocked by Discord's edge, {error}"
            self._holds.hold(None, _COOL_DOWN_S, problem)
            return problem
        if error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}:
            self._holds.hold(self._webhook, _COOL_DOWN_S, str(error))
        return str(error)

    def _heed_rate_limit(self, error: DiscordError) -> Undelivered:
        if error.scope != "shared":
            self._holds.count_invalid()
        seconds = error.asks_to_wait_s
        if error.is_ban:
            self._bans += 1
            seconds = seconds or min(_COOL_DOWN_S * 2 ** min(self._bans - 1, 4), LONGEST_HOLD_S)
        everyone = error.is_ban or error.scope == "global"
        jitter = random.uniform(0, min(seconds / 10, _LONGEST_JITTER_S))  # noqa: S311  # jitter is no secret
        self._holds.hold(None if everyone else self._webhook, seconds + jitter, f"rate limited, {error}")
        return Undelivered(f"rate limited, {error}", try_again=True, backs_off=seconds == 0)


def _judge_failure(error: Exception) -> Undelivered:
    """Say what a request without an answer means: it has certainly not arrived where no connection was made."""
    problem = f"{type_name(error)}: {message_of(error, limit=_PROBLEM_CHARACTERS)}"
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)):
        return Undelivered(problem, try_again=True)
    if isinstance(error, (httpx.TransportError, TimeoutError)):
        return Undelivered(problem, try_again=True, may_have_arrived=True)
    return Undelivered(problem)


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


def _number(text: str | None) -> float:
    try:
        number = float(text or 0)
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0


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

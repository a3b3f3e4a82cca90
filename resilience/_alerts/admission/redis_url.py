"""The URL of the Redis that shares the alert window, and the only file that imports redis-py.

The URL may hold a password: no error text here shows any part of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, final
from urllib.parse import urlsplit

from resilience._support.fork import importing
from resilience.errors import MissingExtraError

if TYPE_CHECKING:
    import redis

_TIMEOUT_S: Final = 0.5  # the failing call may wait for it, where an alert is sent by hand
_ANSWER_BYTES: Final = 65_536  # those to our commands have some dozens
_UNREADABLE: Final = (
    "the URL of the Redis can't be read; a password with a character such as / # ? or @ must be percent-encoded"
)


def check_redis_url(url: str) -> None:
    """Find out now what the first alert would: whether the client can read the URL. Connects to nothing.

    Raises:
        MissingExtraError: redis-py is not installed.
        ValueError: It is not the URL of a Redis.
    """
    client = connect(url)
    try:
        client.connection_pool.make_connection()  # an object that has not connected yet
    except Exception:  # noqa: BLE001  # it may quote any part of the URL
        raise ValueError(_UNREADABLE) from None
    finally:
        client.close()


def connect(url: str) -> redis.Redis:
    """Make a client that connects with its first command.

    Raises:
        MissingExtraError: redis-py is not installed.
        ValueError: It is not the URL of a Redis.
    """
    try:
        with importing:
            import_module("encodings.idna")  # which the socket module would import as it first looks up a host
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
    except ImportError:
        raise MissingExtraError("sharing the alert window through Redis", extra="redis") from None
    # No retries: a SET whose answer was lost would find its own key and take it for another process's.
    retry = Retry(NoBackoff(), 0)
    try:
        parts = urlsplit(url)
        is_divided = parts.scheme != "unix" and "@" in parts.path + parts.fragment + parts.query.partition("=")[0]
        client = redis.Redis.from_url(url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S, retry=retry)
    except Exception:  # noqa: BLE001  # it may quote any part of the URL
        raise ValueError(_UNREADABLE) from None
    if is_divided:
        raise ValueError(_UNREADABLE)
    pool = client.connection_pool
    pool.connection_class = type("BoundedConnection", (_Bounded, pool.connection_class), {})
    return client


class _Bounded:
    """A base put first in a connection class of redis-py, so that no answer is too long."""

    def _connect(self) -> Any:
        return _BoundedSocket(super()._connect())  # type: ignore[misc]  # redis-py's, which comes next


@final
class _BoundedSocket:
    """A socket on which no answer may be too long: a time limit alone does not keep memory from being filled."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._left = _ANSWER_BYTES

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def sendall(self, data: bytes) -> None:
        """Send a command: another answer begins."""
        self._left = _ANSWER_BYTES
        self._socket.sendall(data)

    def recv(self, size: int) -> bytes:
        received: bytes = self._socket.recv(size)
        self._count(len(received))
        return received

    def recv_into(self, buffer: Any) -> int:
        """Receive a part of an answer, as the parser of hiredis does."""
        length: int = self._socket.recv_into(buffer)
        self._count(length)
        return length

    def _count(self, length: int) -> None:
        self._left -= length
        if self._left < 0:
            raise OSError(f"the answer is longer than {_ANSWER_BYTES} bytes")

"""The addresses of sockets, by which the two ends of a connection find each other."""

from __future__ import annotations

import _socket
import socket
from collections.abc import Iterable
from typing import Any

Ends = tuple[Any, Any]
"""The addresses of a connection, as one of its sockets sees them: its own and its peer's."""

_Socket = _socket.socket


def ends_of(connection: socket.socket) -> Ends | None:
    """Both addresses of a socket that has a peer."""
    try:
        # Not the methods of a subclass: PySocks' need what its own __init__ has not set yet.
        return plain(_Socket.getsockname(connection)), plain(_Socket.getpeername(connection))
    except OSError:
        return None


def to_peer(connection: socket.socket) -> str:
    """Where a socket leads to, in words, if it has a peer with a name."""
    _, peer = ends_of(connection) or (None, None)
    if isinstance(peer, bytes):  # of a UNIX domain socket that is no file
        peer = peer.decode(errors="replace")
    return f" -> {peer[0]}:{peer[1]}" if isinstance(peer, tuple) else f" -> {peer!r}" if peer else ""


def plain(address: Any) -> Any:
    """An address as IPv4 and IPv6 sockets both name it: a listener for both sees IPv4 as a part of IPv6."""
    return (str(address[0]).removeprefix("::ffff:"), address[1]) if isinstance(address, tuple) else address


def is_bound_to(candidate: socket.socket, address: Any) -> bool:
    """Whether a socket of the bubble without a peer, such as one that listens, is the one at a plain address."""
    try:
        host, port = plain(candidate.getsockname())
    except (OSError, ValueError):
        return False
    return port == address[1] and port != 0 and host in {address[0], "0.0.0.0", "::"}  # noqa: S104  # compared only


def has_unix_peer_outside(ends: Ends, inside: Iterable[socket.socket]) -> bool:
    """Whether the peer of a UNIX domain socket is none of those ``inside``. Only the one that listened has a name.

    So a connection cannot be told from others to one address; there, an outsider must be at one of them if more have
    been accepted than made.
    """
    name, peer = ends
    local = [names for each in inside if (names := _unix_names(each)) is not None]
    if peer:
        return not any(its_name == peer for its_name, _ in local)
    accepted = sum(its_name == name and its_peer is not None for its_name, its_peer in local)
    return not name or sum(its_peer == name for _, its_peer in local) < max(1, accepted)


def _unix_names(found: socket.socket) -> tuple[Any, Any] | None:
    """The name of a UNIX domain socket, and that of its peer, which is None if there is no peer."""
    if found.family != socket.AF_UNIX:
        return None
    try:
        return ends_of(found) or (found.getsockname(), None)
    except OSError:
        return None

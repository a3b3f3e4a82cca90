"""Sockets, and who is at their other ends."""

from __future__ import annotations

import contextlib
import os
import socket
import weakref
from collections.abc import Callable, Collection
from typing import Any

from pytest_resilience.clock._bubble.outsider import ASKED, UNASKED, Outsider
from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._outside.addresses import Ends, ends_of, has_unix_peer_outside, is_bound_to, plain, to_peer
from pytest_resilience.clock._outside.children import own_children, sharers, work_of_children
from pytest_resilience.clock._outside.silence import silence
from pytest_resilience.clock._outside.tcp import busy_at, inode_at_other_end, is_under_way
from pytest_resilience.clock._reach import real

_AS_LONG_AS_IT_TAKES = 20
"""An answer of the kernel's list of connections, which is long on a busy machine, holds for so many times its cost."""

_UNTIL_CONNECTED_S = 5.0
"""The real seconds that a child may work until it connects. One that works on and on does something else."""


class Sockets:
    """The sockets that threads of the bubble have made, and what has gone through them."""

    def __init__(self) -> None:
        self._by_descriptor: dict[int, weakref.ref[socket.socket]] = {}
        self._unconnected: weakref.WeakSet[socket.socket] = weakref.WeakSet()  # they may get a peer yet, or listen
        self._connected: weakref.WeakValueDictionary[Ends, socket.socket] = weakref.WeakValueDictionary()
        self._asked: weakref.WeakSet[socket.socket] = weakref.WeakSet()  # they have sent since they last received
        self._alive_at: weakref.WeakKeyDictionary[socket.socket, float] = weakref.WeakKeyDictionary()
        self._other_ends: dict[int, tuple[float, Collection[int] | None]] = {}  # by inode, and until when that holds
        self._pairs: dict[int, tuple[int, int]] = {}  # from the inode of an end to descriptor and inode of the other

    def __contains__(self, candidate: socket.socket) -> bool:
        return self._at(candidate.fileno()) is candidate

    def _at(self, descriptor: int) -> socket.socket | None:
        reference = self._by_descriptor.get(descriptor)
        return None if reference is None else reference()

    def note_made(self, made: socket.socket) -> None:
        """Note a socket that a thread of the bubble has made."""
        self._by_descriptor[made.fileno()] = weakref.ref(made)
        self._alive_at[made] = real.monotonic()
        if ends_of(made) is not None:
            self._asked.add(made)  # accepted: its peer speaks first, as a rule
        if made.family in {socket.AF_INET, socket.AF_INET6}:
            self._unconnected.add(made)
            if made.type == socket.SOCK_STREAM:
                # Otherwise the kernel may hold back a small packet for some 40 ms, which pass in real time only. It
                # refuses where the descriptor is not what the caller says: trio asks a socket made so for its type.
                with contextlib.suppress(OSError):
                    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def note_pair(self, first: int, second: int) -> None:
        """Note a pair of connected sockets that a thread of the bubble has made, by descriptor."""
        inodes = os.fstat(first).st_ino, os.fstat(second).st_ino
        self._pairs[inodes[0]] = (second, inodes[1])
        self._pairs[inodes[1]] = (first, inodes[0])

    def note_sent(self, sender: socket.socket, to: Any = None) -> None:
        """Note that something was sent, to the socket's peer if no address is given: an answer may be expected."""
        self._alive_at[sender] = real.monotonic()
        silence.current.end(sender.fileno())
        if to is None or not self._is_inside(plain(to)):
            self._asked.add(sender)

    def note_received(self, receiver: socket.socket) -> None:
        """Note that something was received, though there may be more to come."""
        self._alive_at[receiver] = real.monotonic()
        self._asked.discard(receiver)

    def outsider_at(self, descriptor: int, inode: int, events: int, expects: Callable[[], bool]) -> Outsider | None:
        """The outsider that is the peer of the socket at a descriptor, which the bubble may have made or not."""
        if inode in self._pairs:
            _, peer = self._pairs[inode]
            others = [*sharers(inode), *sharers(peer)]
            inside = _is_open(*self._pairs[inode]) and not others
            since = silence.current.since(descriptor, inode)
            who = f"socket {descriptor} of a pair"
            return None if inside else Outsider(since, ASKED, who, processes=others or None)
        known = self._at(descriptor)
        own = known is not None and known.fileno() == descriptor
        probe = known if known is not None and own else socket.socket(fileno=descriptor)
        try:
            if _listens(probe):  # a child that is at work may be about to connect; one that is idle waits for something
                alive_at = min(real.monotonic(), silence.current.since(descriptor, inode) + _UNTIL_CONNECTED_S)
                who = f"socket {descriptor}, which listens"
                return Outsider(alive_at, ASKED, who, processes=()) if work_of_children.current.is_going_on() else None
            if not self._has_peer_outside(probe, inode, events, own=own):
                return None
            share = ASKED if probe in self._asked or expects() else UNASKED
            since = silence.current.since(descriptor, inode)
            who = f"socket {descriptor}{to_peer(probe)}"
            alive_at = max(since, self._alive_at.get(probe, 0.0), busy_at(probe))
            return Outsider(alive_at, share, who, processes=self._processes_at(probe, inode) if share >= ASKED else ())
        finally:
            if not own:
                probe.detach()

    def _has_peer_outside(self, probe: socket.socket, inode: int, events: int, *, own: bool) -> bool:
        ends = ends_of(probe)
        if ends is None:  # it has no peer of its own, or is about to have one
            return own and probe in self._asked
        if probe.family == socket.AF_UNIX:
            inside = [found for each in list(self._by_descriptor.values()) if (found := each()) is not None]
            return has_unix_peer_outside(ends, inside)
        for candidate in list(self._unconnected):
            its_ends = ends_of(candidate)
            if its_ends is not None:
                self._connected[its_ends] = candidate
                self._unconnected.discard(candidate)
        other = self._connected.get((ends[1], ends[0]))
        if other is not None and other.fileno() >= 0:
            return is_under_way(probe, other, events)
        return not self._is_inside(ends[1]) or bool(sharers(inode))

    def _processes_at(self, probe: socket.socket, inode: int) -> Collection[int] | None:
        """The children at the other end of a TCP connection; None for other sockets, of which nothing tells that."""
        if probe.family == socket.AF_UNIX or probe.type != socket.SOCK_STREAM:
            return None
        if not own_children():
            return ()
        now = real.monotonic()
        until, found = self._other_ends.get(inode, (0.0, None))
        if now >= until:
            with contextlib.suppress(OSError):
                found = [*sharers(inode_at_other_end(probe)), *sharers(inode)]
            self._other_ends[inode] = now + _AS_LONG_AS_IT_TAKES * (real.monotonic() - now), found
        return found

    def _is_inside(self, address: Any) -> bool:
        """Whether a socket of the bubble that has no peer yet is the one at an address."""
        return any(is_bound_to(candidate, address) for candidate in list(self._unconnected))


def _listens(probe: socket.socket) -> bool:
    try:
        return bool(probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False


def _is_open(descriptor: int, inode: int) -> bool:
    try:
        return os.fstat(descriptor).st_ino == inode
    except OSError:
        return False


known_sockets = PerClock(Sockets)

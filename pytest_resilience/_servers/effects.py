"""What a TCP fault does to the bytes of one direction of a connection.

An effect takes chunks in and says when each piece of them may leave. All effects share one queue in order of time; they
differ only in how they cut a chunk and when its pieces are due. Their models are those of toxiproxy's toxics.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

NEVER: Final = float("inf")
_SHORTEST_PAUSE: Final = 1e-6
"""Between two pieces, so that each leaves by itself, and in virtual time arrives by itself: it moves when all wait."""

_SLICES_PER_SECOND: Final = 10
"""A slow line delivers a little all the time: what leaves at once is never more than a tenth of a second's worth."""


class Effect:
    """Passes bytes on as they come; the base of those that don't.

    Attributes:
        capacity: How many bytes it holds back before the sender is no longer read from, so that a sender notices a slow
            or silent peer as it would in a network: its own buffers fill up.
        onward: Where pieces go; None is the end of the stream.
        needs_server: Whether there has to be a server for it; else the client may also be of one that is not there.
    """

    capacity = 1 << 20
    needs_server = True

    def __init__(self) -> None:
        self.held = 0
        self._queue: deque[tuple[float, bytes | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.onward: Callable[[bytes | None], None] = lambda _: None

    def pieces(self, data: bytes, now: float) -> Iterator[tuple[float, bytes]]:
        """Yield the pieces of a chunk and when each is due, in order."""
        yield now, data

    def end_due(self, now: float) -> float:
        """When the end of the stream is due that came now."""
        return now

    def feed(self, data: bytes | None) -> None:
        """Take a chunk, or None for the end of the stream."""
        now = asyncio.get_running_loop().time()
        if data is None:
            self._queue.append((self.end_due(now), None))
        else:
            for due, piece in self.pieces(data, now):
                self._queue.append((due, piece))
                self.held += len(piece)
        self._deliver()

    def release(self) -> None:
        """Let everything leave that is held back: the fault is over."""
        self._cancel()
        while self._queue:
            self._pop()

    def discard(self) -> None:
        """Forget what is held back: the connection is over."""
        self._cancel()
        self._queue.clear()
        self.held = 0

    def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        self._cancel()
        while self._queue and self._queue[0][0] <= loop.time():
            self._pop()
        if self._queue and self._queue[0][0] != NEVER:
            self._timer = loop.call_at(self._queue[0][0], self._deliver)

    def _pop(self) -> None:
        _, piece = self._queue.popleft()
        self.held -= len(piece or b"")
        self.onward(piece)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Hang(Effect):
    """Holds everything back, as a half-open connection does."""

    needs_server = False

    def pieces(self, data: bytes, now: float) -> Iterator[tuple[float, bytes]]:  # noqa: ARG002  # whenever it came
        yield NEVER, data

    def end_due(self, now: float) -> float:  # noqa: ARG002  # whenever it came
        return NEVER


class Latency(Effect):
    """Lets each chunk leave later, give or take some jitter; order and throughput are kept."""

    capacity = 64 << 20  # what is under way on a fast line of high latency

    def __init__(self, seconds: float, jitter: float, chance: random.Random) -> None:
        super().__init__()
        self._seconds, self._jitter, self._chance = seconds, jitter, chance
        self._latest = 0.0

    def _due(self, now: float) -> float:
        drawn = self._chance.uniform(-self._jitter, self._jitter) if self._jitter else 0.0
        self._latest = max(self._latest, now + max(0.0, self._seconds + drawn))
        return self._latest

    def pieces(self, data: bytes, now: float) -> Iterator[tuple[float, bytes]]:
        """Yield the chunk, due after the latency and not before the one ahead of it."""
        yield self._due(now), data

    def end_due(self, now: float) -> float:
        return self._due(now)


class Bandwidth(Effect):
    """Lets so many bytes leave in a second."""

    def __init__(self, bytes_per_second: float) -> None:
        super().__init__()
        self._rate = bytes_per_second
        self._free_at = 0.0

    def pieces(self, data: bytes, now: float) -> Iterator[tuple[float, bytes]]:
        """Yield slices of at most a tenth of a second, each due when the line has carried it."""
        size = max(1, int(self._rate / _SLICES_PER_SECOND))
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            self._free_at = max(self._free_at, now) + len(piece) / self._rate
            yield self._free_at, piece

    def end_due(self, now: float) -> float:
        return max(now, self._free_at)


class Slices(Effect):
    """Lets bytes arrive in small pieces, with a pause after each."""

    def __init__(self, size: int, pause: float) -> None:
        super().__init__()
        self._size, self._pause = size, pause
        self._next_at = 0.0

    def pieces(self, data: bytes, now: float) -> Iterator[tuple[float, bytes]]:
        for start in range(0, len(data), self._size):
            due = max(self._next_at, now)
            self._next_at = due + max(self._pause, _SHORTEST_PAUSE)
            yield due, data[start : start + self._size]

    def end_due(self, now: float) -> float:
        return max(now, self._next_at)


class SlowClose(Effect):
    """Passes the end of the stream on later."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def end_due(self, now: float) -> float:
        return now + self._seconds


class Corrupt(Effect):
    """Flips the lowest bit of the byte at an offset, counted in this direction from where the fault began."""

    def __init__(self, offset: int) -> None:
        super().__init__()
        self._left = offset

    def pieces(self, data: bytes, now: float) -> Iterator[tuple[float, bytes]]:
        if 0 <= self._left < len(data):
            changed = bytearray(data)
            changed[self._left] ^= 1
            data = bytes(changed)
            self._left = -1
        elif self._left >= 0:
            self._left -= len(data)
        yield now, data


class Limit(Effect):
    """Passes so many bytes, then calls for the end of the connection."""

    def __init__(self, size: int, end: Callable[[], None]) -> None:
        super().__init__()
        self._left, self._end = size, end

    def feed(self, data: bytes | None) -> None:
        """Take a chunk; what is beyond the limit is lost."""
        if self._left <= 0:
            return
        if data is None:
            super().feed(None)
            return
        passed = data[: self._left]
        self._left -= len(data)
        super().feed(passed)
        if self._left <= 0:
            self._end()

"""A thread that serves a UNIX socket, line by line of JSON, for whatever may connect."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias, final

from pytest_resilience.clock._plugin import real
from resilience.testing import LONGEST_MESSAGE, own_calls

MOMENT_S: Final = 0.0005
"""The real seconds between two looks at what another thread or process does, which takes about as long."""

_MOST_CONNECTIONS: Final = 500
"""More than a test has processes and threads in them; few enough to leave it descriptors of its own."""

_FIRST_WORD_S: Final = 10.0
"""A connection that says nothing for so long is closed: a process of ours speaks at once, if the machine lets it."""

_LAST_TURNS: Final = 5
"""Turns of the loop from the arrival of a message to its end: accepted, received, read, answered, and one more."""

Answer: TypeAlias = Callable[[dict[str, Any], asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@final
class SocketThread(threading.Thread):
    """Serves a UNIX socket in real time: it is not a member of any bubble.

    Args:
        answer: Gets the first message of each connection, and its streams.
        at_end: Is called before the connections are closed that are left.

    Attributes:
        function: Tells the virtual clock so.
    """

    def __init__(self, answer: Answer, at_end: Callable[[], object]) -> None:
        super().__init__(name="resilience children", daemon=True)
        self.function = self.run
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._answer = answer
        self._at_end = at_end
        self._writers: set[asyncio.StreamWriter] = set()
        self._path = ""
        self._error: OSError | None = None

    def begin(self, path: str) -> None:
        """Start, and wait until it serves; real time passes for that, also in a bubble.

        Raises:
            OSError: There can be no socket at this path.
        """
        self._path = path
        self.start()
        while self._ending is None and self.is_alive():
            real.sleep(MOMENT_S)
        if self._error is not None:
            raise self._error

    def call(self, function: Callable[[], object]) -> None:
        """Call a function there, if it still runs."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function)

    def end(self) -> None:
        """Close everything, and wait until that is done."""
        assert self._ending is not None
        self.call(self._ending.set)
        self.join()

    def give_up(self) -> None:
        """In a forked process: leave the connections to the parent, whose peers would not see their end else."""
        nothing = os.open(os.devnull, os.O_RDWR)
        for writer in self._writers:
            os.dup2(nothing, writer.get_extra_info("socket").fileno())
        os.close(nothing)

    def run(self) -> None:
        # A selector loop, whatever policy the program under test has.
        with own_calls(), asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            self._loop = runner.get_loop()
            try:
                runner.run(self._main())
            except OSError as error:
                self._error = error

    async def _main(self) -> None:
        server = await asyncio.start_unix_server(self._serve, self._path, limit=LONGEST_MESSAGE)
        stop = asyncio.Event()
        self._ending = stop
        await stop.wait()
        for _ in range(_LAST_TURNS):  # what processes have said that are gone by now is still read
            await asyncio.sleep(0)
        self._at_end()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # the transports that they have closed end in the next turn

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if len(self._writers) <= _MOST_CONNECTIONS:
                async with asyncio.timeout(_FIRST_WORD_S):
                    message = await read(reader)
                await self._answer(message, reader, writer)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001, S110
            pass  # the test is over, or the other side is gone, or was no process of ours
        finally:
            self._writers.discard(writer)
            writer.close()


async def read(reader: asyncio.StreamReader) -> dict[str, Any]:
    """Return the next message.

    Raises:
        OSError, ValueError, RecursionError: There is none.
    """
    line = await reader.readline()
    message = json.loads(line) if line else None
    if not isinstance(message, dict):
        raise ConnectionError("no message")
    return message


def is_there(writer: asyncio.StreamWriter) -> bool:
    """Whether the other side has not gone, also where that has not been read yet."""
    peer = select.poll()
    peer.register(writer.get_extra_info("socket"), 0)  # of its end one is always told
    return not peer.poll(0)


def send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    """Send a message, unless the other side is gone."""
    if not writer.is_closing():
        writer.write(json.dumps(message).encode() + b"\n")

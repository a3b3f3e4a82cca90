"""Faults of a process, as decided by the test that has started it.

``RESILIENCE_FAULTS`` is a UNIX socket in a folder that only the user can open. Lines of JSON go over it, which both
sides take for nothing but data. Each process keeps one connection, over which it is told what is armed, at each change:

    {"process": 4711}                      {"revision": 1, "faults": {"3": ["Redis.connect"]}, "refusals": {"3": "..."}}
    {"known": ["Redis.connect"]}
    {"armed": 1}

It makes another for each call, for each wait at a ``pause`` or ``hang``, and for what it can't do:

    {"call": 3, "process": 4711, "args": ["x"], "kwargs": {}}       {"do": "raise(TimeoutError)", "after": false}
    {"wait": 3, "process": 4711, "name": "MainThread"}              {"go": true}, or the end: the fault is over
    {"problem": "..."}

When the test is gone, nothing is armed.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NoReturn, final

from resilience._engine.stop import trio_runs_here
from resilience._failpoints.functions.named_places import NamedPlace
from resilience._failpoints.functions.unpassed_failpoints import names_in_code
from resilience._failpoints.gate import ReleasedError, name_of_task
from resilience._failpoints.own_calls import is_own_call, own_calls
from resilience._failpoints.script.error import ScriptError
from resilience._failpoints.script.run import Decision
from resilience._failpoints.script.script import Script
from resilience._failpoints.scripted_fault import kill
from resilience._failpoints.table import known_names
from resilience._support.fork import renew_after_fork
from resilience.redact import clean

FAULTS_VARIABLE: Final = "RESILIENCE_FAULTS"
"""The environment variable with the socket of a test; `resilience` spells it out, so as to load nothing without it."""

LONGEST_MESSAGE: Final = 64 * 1024
"""Bytes of a message; one that is longer comes from nobody who knows the protocol."""

_LONGEST_ARGUMENT: Final = 8 * 1024
"""More of an argument is cut, so that a call with some of them fits into a line."""

_PATIENCE_S: Final = 60.0
"""An answer that takes longer is not waited for: the test is stopped, or busy with something else."""

_joined: Final[list[RemoteFaults]] = []


def join_test(path: str, inherited: Mapping[int, Callable[[], None]] | None = None) -> None:
    """Arm what a test says, now and at each change, until it is gone.

    Args:
        path: The socket.
        inherited: What a forked process has got from the test itself, by its number: how it is disarmed.
    """
    _joined.append(RemoteFaults(path, inherited or {}))
    _joined[-1].begin()


@final
class RemoteFaults:
    """What a test has armed in this process."""

    def __init__(self, path: str, inherited: Mapping[int, Callable[[], None]]) -> None:
        self._path = path
        self._ends = dict(inherited)
        self._places: list[NamedPlace] = []
        self._refusals: dict[int, str] = {}
        self._connection: socket.socket | None = None
        self._changing = threading.RLock()
        renew_after_fork(self)

    def begin(self) -> None:
        """Ask what is armed, arm it, and listen for changes; harmless where the test is gone."""
        with own_calls():
            connection = connected(self._path)
            if connection is None:
                self._change({})
                return
            self._connection = connection
            lines = _lines(connection)
            _send(connection, {"process": os.getpid()})
            self._follow(next(lines, {}))
            connection.settimeout(None)
            atexit.register(self._tell_rest)
            threading.Thread(target=self._listen, args=(lines,), name="resilience faults", daemon=True).start()

    def after_fork(self) -> None:
        """Join the test once more, as a process of its own."""
        self._changing = threading.RLock()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self.begin()

    def _listen(self, lines: Iterator[dict[str, Any]]) -> None:
        with own_calls():
            for message in lines:
                self._follow(message)
            self._change({})

    def _follow(self, message: dict[str, Any]) -> None:
        faults = message.get("faults")
        refusals = message.get("refusals")
        if isinstance(refusals, dict):
            self._refusals = {int(number): str(text) for number, text in refusals.items()}
        self._change({int(number): names for number, names in faults.items()} if isinstance(faults, dict) else {})
        self._tell({"armed": message.get("revision")})

    def _change(self, wanted: dict[int, list[str]]) -> None:
        with self._changing:
            for number in self._ends.keys() - wanted.keys():
                self._ends.pop(number)()
            for number in sorted(wanted.keys() - self._ends.keys()):  # the newest is asked first
                fault = RemoteFault(self._path, number)
                places = [self._place(name, fault, self._refusals.get(number)) for name in wanted[number]]
                for place in places:
                    place.arm()
                self._places += places
                self._ends[number] = lambda places=places: self._end(places)  # type: ignore[misc]  # bound early

    def _place(self, name: str, fault: RemoteFault, refusal: str | None) -> NamedPlace:
        return NamedPlace(
            name,
            fault,
            on_known=lambda: self._tell({"known": [name]}),
            refusal_by=lambda kind: refusal if kind == "class" else None,
        )

    def _end(self, places: list[NamedPlace]) -> None:
        for place in places:
            place.disarm()
            self._places.remove(place)

    def _tell_rest(self) -> None:
        """Say which failpoints are in the code of this process, though it has not passed them."""
        names = {each.name for each in self._places if not each.is_known}
        if names:
            self._tell({"known": sorted(names & {*known_names(), *names_in_code()})})

    def _tell(self, message: dict[str, Any]) -> None:
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):
                _send(connection, message)


@final
class RemoteFault:
    """A fault that the test decides: it has the script and the count, and this process does what it says."""

    def __init__(self, path: str, number: int, *, is_ours: Callable[[], bool] = lambda: True) -> None:
        self.is_ours = is_ours
        self.gate = RemoteGate(path, number)
        self._path = path
        self._number = number

    def decide(self, *args: Any, **kwargs: Any) -> Decision | None:
        """Ask the test what becomes of a call; None where it says nothing, or is gone."""
        if is_own_call():
            return None
        with own_calls():
            arguments = {"args": [*map(portable, args)], "kwargs": {name: portable(kwargs[name]) for name in kwargs}}
            answer = _asked(self._path, {"call": self._number, "process": os.getpid(), **arguments})
            text = answer.get("do")
            if not isinstance(text, str):
                return None
            try:
                return Decision(Script.parse(text).terms[0].action, answer.get("after") is True)
            except ScriptError as error:
                _asked(
                    self._path, {"problem": f"process {os.getpid()} can't do {text}: {error.found} is not known there"}
                )
                return None

    def crash(self) -> NoReturn:
        kill()


@final
class RemoteGate:
    """Where calls wait that the test holds."""

    def __init__(self, path: str, number: int) -> None:
        self._path = path
        self._number = number

    def wait(self) -> None:
        with self._connection(threading.current_thread().name) as connection:
            self._check(connection.recv(LONGEST_MESSAGE))

    async def wait_async(self) -> None:
        with self._connection(name_of_task()) as connection:
            if trio_runs_here():
                import trio

                await trio.lowlevel.wait_readable(connection)
                self._check(connection.recv(LONGEST_MESSAGE))
            else:
                import asyncio

                connection.settimeout(0)
                self._check(await asyncio.get_running_loop().sock_recv(connection, LONGEST_MESSAGE))

    def _connection(self, name: str) -> socket.socket:
        connection = connected(self._path)
        if connection is None:
            self._check(b"")
        assert connection is not None
        _send(connection, {"wait": self._number, "process": os.getpid(), "name": name})
        connection.settimeout(None)
        return connection

    def _check(self, answer: bytes) -> None:
        if b'"go"' not in answer:
            raise ReleasedError("the fault is over, and so is the call that it had made to wait")


def connected(path: str) -> socket.socket | None:
    """Return a connection to a test; None where it is gone."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_PATIENCE_S)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        return None
    return connection


def portable(argument: object) -> object:
    """Return what JSON makes of an argument, or else the text by which it shows itself."""
    try:
        text = json.dumps(argument, allow_nan=False)
        if len(text) <= _LONGEST_ARGUMENT:
            return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return clean(repr(argument), limit=200)
    except Exception:  # noqa: BLE001  # it is the user's own
        return f"<{type(argument).__name__}>"


def _asked(path: str, question: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a question; an empty one where the test is gone, or says nothing for a long time."""
    connection = connected(path)
    if connection is None:
        return {}
    with connection, contextlib.suppress(OSError):
        _send(connection, question)
        return next(_lines(connection), {})
    return {}


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def _lines(connection: socket.socket) -> Iterator[dict[str, Any]]:
    """Yield the messages that come, until the other side is gone."""
    with contextlib.suppress(OSError, ValueError), connection.makefile("rb") as file:
        while line := file.readline(LONGEST_MESSAGE):
            message = json.loads(line)
            if isinstance(message, dict):
                yield message

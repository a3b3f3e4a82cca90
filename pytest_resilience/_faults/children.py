"""The processes that a test has started: they ask it what becomes of each call, over a socket that only they can open.

`resilience/_failpoints/processes/remote.py` has the other side, and says what goes over it. What comes from there is
taken for data by anybody: it can neither stop the test nor make it run anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import shutil
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Self, final

from pytest_resilience._faults.injection import Injection
from pytest_resilience._faults.left_processes import end_processes, handle_of
from pytest_resilience._faults.leftovers import processes
from pytest_resilience._faults.socket_thread import MOMENT_S, SocketThread, is_there, read, send
from pytest_resilience.clock import VirtualClock  # noqa: F401  # it is told of a fork first
from pytest_resilience.clock._plugin import real, wait_for_children
from resilience.redact import clean, summary_of
from resilience.testing import (
    FAULTS_VARIABLE,
    Decision,
    FunctionPlace,
    PlaceKind,
    ReleasedError,
    RemoteFault,
    join_test,
)

_UNTIL_ARMED_S: Final = 5.0
"""A process that is stopped, or stuck in C, is waited for so long until it has armed something."""

_LONGEST_PATH: Final = 70
"""The system takes some 100 bytes for the path of a socket; folder and file have the rest."""

_LONGEST_REFUSAL: Final = 200
"""What a class can't do of a script is told to all processes, with all else that is armed in one message."""

_MOST_PROBLEMS: Final = 20  # a process in a loop has the same one again and again


@final
class PlaceElsewhere:
    """A name that this process does not know, but one that the test starts may."""

    kind: PlaceKind = "function"

    def __init__(self, name: str) -> None:
        self.name = name

    def arm(self, injection: Injection) -> None:
        """Do nothing here."""

    def disarm(self, injection: Injection) -> None:
        """Do nothing here."""


@final
class Children:
    """What is armed in other processes, as a place that injections are armed at besides their own.

    Args:
        object_to: Is told what children can't do.

    Attributes:
        known: The names that a process has found, or that a call has come from.
    """

    name = "processes of the test"
    kind: PlaceKind = "function"

    def __init__(self, object_to: Callable[[str], object]) -> None:
        self.known: set[str] = set()
        self._object_to = object_to
        self._problems = 0
        self._injections: dict[int, Injection] = {}
        self._numbers: dict[Injection, int] = {}
        self._revision = 0
        self._armed: dict[asyncio.StreamWriter, int] = {}
        self._processes: dict[asyncio.StreamWriter, int] = {}
        self._left: dict[int, int | None] = {}
        self._thread = SocketThread(self._answer, self._look_who_runs)
        self._folder = ""
        self._before: str | None = None

    def __enter__(self) -> Self:
        usual = tempfile.gettempdir()
        self._folder = tempfile.mkdtemp(prefix="resilience-", dir=usual if len(usual) < _LONGEST_PATH else "/tmp")  # noqa: S108  # private
        try:
            self._thread.begin(self._path)
        except OSError:
            shutil.rmtree(self._folder)
            raise
        self._before = os.environ.get(FAULTS_VARIABLE)
        os.environ[FAULTS_VARIABLE] = self._path  # for multiprocessing, whose children get no other
        _open.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self not in _open:  # a forked process, which is none of its own
            return
        _open.discard(self)
        if self._before is None:
            os.environ.pop(FAULTS_VARIABLE, None)
        else:
            os.environ[FAULTS_VARIABLE] = self._before
        self._thread.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _path(self) -> str:
        return f"{self._folder}/faults"

    def environment(self) -> dict[str, str]:
        """Return the environment for a process of the test."""
        return {**os.environ, FAULTS_VARIABLE: self._path}

    def arm(self, injection: Injection) -> None:
        """Let a fault strike in all processes, and wait until they have it."""
        number = self._numbers[injection] = len(self._numbers)
        self._injections[number] = injection
        self._publish()

    def disarm(self, injection: Injection) -> None:
        """Let a fault strike in no process any more."""
        self._injections.pop(self._numbers[injection], None)
        self._publish()

    def wait_until(self, check: Callable[[], bool]) -> None:
        """Let a thread of a bubble wait until something has come true that a child may bring about."""
        wait_for_children(check, "a call of another process")

    def _publish(self) -> None:
        if self not in _open:
            return
        revision = self._revision = self._revision + 1
        message = self._table()
        self._thread.call(lambda: self._tell(message))
        if threading.current_thread() is self._thread:  # a predicate, or a listener, which it has to go on after
            return
        end = real.monotonic() + _UNTIL_ARMED_S
        while any(armed < revision for armed in [*self._armed.values()]):
            if real.monotonic() > end:
                self._armed.update(dict.fromkeys([*self._armed], sys.maxsize))  # and never again
                return
            real.sleep(MOMENT_S)

    def _tell(self, message: dict[str, Any]) -> None:
        for writer in self._armed:
            send(writer, message)

    def _table(self) -> dict[str, Any]:
        armed = self._injections.copy().items()
        faults = {number: [place.name for place in each.places if place is not self] for number, each in armed}
        refusals = {
            number: clean(refusal, limit=_LONGEST_REFUSAL)
            for number, each in armed
            if (refusal := each.script.refusal_by("class")) is not None
        }
        return {"revision": self._revision, "faults": faults, "refusals": refusals}

    async def _answer(
        self, message: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        match message:
            case {"call": int(number), "process": int(process), "args": list(args), "kwargs": dict(kwargs)}:
                with _handling:
                    send(writer, self._decided(number, process, args, kwargs))
            case {"wait": int(number), "process": int(process), "name": str(name)}:
                injection = self._injections.get(number)
                if injection is not None:
                    await self._hold(injection, f"{clean(name, limit=100)} of process {process}", reader, writer)
            case {"problem": str(problem)}:
                self._object(problem)
                send(writer, {})
            case {"process": int(process)}:
                self._armed[writer], self._processes[writer] = 0, process
                send(writer, self._table())
                try:
                    while True:
                        self._note(writer, await read(reader))
                finally:
                    del self._armed[writer], self._processes[writer]

    def _look_who_runs(self) -> None:
        for writer, process in self._processes.items():
            if process in self._left:  # it was told twice of the test
                continue
            handle = handle_of(writer.get_extra_info("socket"), process)
            if is_there(writer):  # asked with the handle in hand, which is this process's for sure then
                self._left[process] = handle
            elif handle is not None:
                os.close(handle)

    def left_over(self, *, end: bool) -> Iterator[str | None]:
        """Say which processes were still there when it was closed, and end them or not."""
        handles, self._left = self._left, {}
        ended = end_processes(handles) if end else set()
        for handle in handles.values():
            if handle is not None:
                os.close(handle)
        yield processes(ended, ended=True)
        yield processes(handles.keys() - ended, ended=False)

    def _note(self, writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
        revision, known = message.get("armed"), message.get("known")
        if isinstance(revision, int):
            self._armed[writer] = revision
        if isinstance(known, list):
            armed = {place.name for injection in self._injections.values() for place in injection.places}
            self.known |= armed & {name for name in known if isinstance(name, str)}

    def _decided(self, number: int, process: int, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        injection = self._injections.get(number)
        if injection is None:
            return {}
        self.known |= {place.name for place in injection.places} if len(injection.places) == 1 else set()
        try:
            decision = injection.decide_for(process, tuple(args), kwargs)
        except BaseException as error:  # noqa: BLE001  # the test's own predicate, or a limit, which fails the test
            self._object(f"{injection!r}, for a call of process {process}: {summary_of(error)}")
            return {}
        return {} if decision is None else self._told(injection, decision)

    def _told(self, injection: Injection, decision: Decision) -> dict[str, Any]:
        if not decision.action.replayable:
            self._object(
                f"{injection.name}: no other process can do {clean(str(decision.action))}, which has no text form: "
                "inject what can be written as a script"
            )
            return {}
        return {"do": str(decision.action), "after": decision.after}

    async def _hold(
        self, injection: Injection, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        opened = asyncio.Event()
        with contextlib.suppress(ReleasedError):
            with injection.gate.admitted(name, lambda: self._thread.call(opened.set)):
                waits = {asyncio.ensure_future(opened.wait()), asyncio.ensure_future(reader.read(1))}
                _, rest = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for each in rest:
                    each.cancel()
            if opened.is_set():
                injection.gate.check()
                send(writer, {"go": True})

    def _object(self, text: str) -> None:
        self._problems += 1
        if self._problems <= _MOST_PROBLEMS:
            self._object_to(clean(text))

    def become_child(self) -> None:
        """In a forked process: let the test, and no longer this copy of it, decide the calls here."""
        self._thread.give_up()
        inherited: dict[int, Callable[[], None]] = {}
        for number, injection in self._injections.items():
            fault = RemoteFault(self._path, number, is_ours=injection.is_ours)
            functions = [place for place in injection.places if isinstance(place, FunctionPlace)]
            for place in functions:
                place.replace(injection, fault)
            inherited[number] = functools.partial(_disarm, functions, fault)
        join_test(self._path, inherited)


def _disarm(places: Sequence[FunctionPlace], fault: RemoteFault) -> None:
    for place in places:
        place.disarm(fault)


_open: Final[weakref.WeakSet[Children]] = weakref.WeakSet()

_handling: Final = threading.RLock()
"""Held while a call is answered, and by who forks: the child had better find no lock that a thread holds."""


def _after_fork_in_child() -> None:
    _handling.release()
    for each in _open.copy():
        _open.discard(each)
        each.become_child()


# After the clock's own, which gives the child back to real time.
os.register_at_fork(before=_handling.acquire, after_in_parent=_handling.release, after_in_child=_after_fork_in_child)

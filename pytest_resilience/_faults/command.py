"""Runs a command under a scenario, in real time and without a test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Final, final

from pytest_resilience._faults.children import Children, PlaceElsewhere
from pytest_resilience._faults.injection import Injection
from pytest_resilience._faults.scenario import Scenario, ScenarioError
from pytest_resilience._timeline.timeline import Timeline
from resilience.events import FaultInjected, stream
from resilience.redact import clean
from resilience.testing import counted

WRONG_SCENARIO: Final = 2  # the exit status of wrong usage, as Python itself has it

_NOT_FOUND, _NOT_EXECUTABLE, _KILLED = 127, 126, 128  # as shells have it

_PASSED_ON: Final = [*(signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2), *(signal.SIGINT, signal.SIGQUIT)]
_FROM_THE_TERMINAL: Final = {signal.SIGINT, signal.SIGQUIT}
"""The terminal sends these to all processes in its foreground, so that the command has got them already."""


def run_command(scenario: Scenario, command: list[str]) -> int:
    """Run a command under a scenario, show what strikes, and return the exit status for this process.

    Raises:
        ScenarioError: The scenario has a place that is neither a failpoint nor a function.
    """
    with Timeline() as timeline, contextlib.ExitStack() as stack:
        injections = [_injection(scenario, index, timeline) for index in range(len(scenario.faults))]
        run = _Run(scenario, injections, timeline)
        children = stack.enter_context(Children(run.say))
        for each in injections:
            each.arm()
            each.spread(children)
        stack.callback(stream.subscribe(run.show, FaultInjected))
        attach = stack.enter_context(_passing_signals())
        try:
            process = subprocess.Popen(command, env=children.environment())  # noqa: S603  # the user's own command
        except OSError as error:
            run.say(f"can't run {command[0]!r}: {error.strerror}")
            return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
        attach(process)
        code = process.wait()
    status = code if code >= 0 else _KILLED - code
    known = children.known | {each.name for each in injections if each.calls}
    run.say_at_end()
    unknown = [name for each in scenario.faults for name in each.places if name not in known]
    if not unknown:
        return status
    run.say(
        f"no process of the command knew {', '.join(map(clean, dict.fromkeys(unknown)))}: a place is a failpoint, "
        "'package.module:function' or 'Class.method' of a process that imports resilience"
    )
    return status or WRONG_SCENARIO


def _injection(scenario: Scenario, index: int, timeline: Timeline) -> Injection:
    fault = scenario.faults[index]
    places = [PlaceElsewhere(name) for name in fault.places]
    where = f"fault {index + 1}"
    for place in places:
        if "://" in place.name:
            raise ScenarioError(
                f"{where}, place: a command can be struck at failpoints and functions only, not at {place.name!r}"
            )
        refusal = fault.script.refusal_by(place.kind)
        if refusal is not None:
            raise ScenarioError(f"{where}, script: a function or failpoint {clean(refusal)}")
    return Injection([*places], fault.script, timeline)


@final
class _Run:
    """What is said of a run, on stderr, which the command may use as well."""

    def __init__(self, scenario: Scenario, injections: list[Injection], timeline: Timeline) -> None:
        self._scenario = scenario
        self._injections = injections
        self._timeline = timeline

    def say(self, text: str) -> None:
        with contextlib.suppress(OSError):  # its reader is gone, which is no reason to end the command
            sys.stderr.write(f"resilience: {text}\n")
            sys.stderr.flush()

    def show(self, event: FaultInjected) -> None:
        self.say(f"{self._timeline.now():9.3f}  {clean(event.failpoint)}: {clean(event.action)}")

    def say_at_end(self) -> None:
        rows = [("place", "calls", "struck", "script")]
        rows += [
            (clean(each.name), str(len(each.calls)), str(each.fired), clean(str(each.script)))
            for each in self._injections
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        self.say(f"{clean(self._scenario.title)}, {counted(round(self._timeline.now()), 'second')}")
        for name, calls, fired, script in rows:
            self.say(f"{name:<{widths[0]}}  {calls:>{widths[1]}}  {fired:>{widths[2]}}  {script}")


@contextlib.contextmanager
def _passing_signals() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Pass signals on to the process that is attached, those as well that come before; but for what is ignored."""
    processes: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, _: object) -> None:
        if number in _FROM_THE_TERMINAL and _is_in_foreground():
            return
        if not processes:
            early.append(number)
        for process in processes:
            process.send_signal(number)

    def attach(process: subprocess.Popen[bytes]) -> None:
        processes.append(process)
        for number in early:
            process.send_signal(number)

    heeded = [number for number in _PASSED_ON if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, pass_on) for number in heeded}
    try:
        yield attach
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_in_foreground() -> bool:
    for stream_of in (sys.__stdin__, sys.__stderr__):
        try:
            if stream_of is not None and os.tcgetpgrp(stream_of.fileno()) == os.getpgrp():
                return True
        except (OSError, ValueError):
            continue
    return False

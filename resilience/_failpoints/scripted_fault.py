"""A script that decides the calls of a place, and what it has done so far."""

from __future__ import annotations

import functools
import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any, NoReturn

from resilience._events import FaultInjected, stream
from resilience._failpoints.gate import Gate
from resilience._failpoints.own_calls import is_own_call, own_calls
from resilience._failpoints.script.actions.functions import Off
from resilience._failpoints.script.run import Decision, ScriptRun
from resilience._failpoints.script.script import Script
from resilience._support.fork import renew_after_fork
from resilience.redact import clean


class ScriptedFault(ScriptRun):
    """A script that decides the calls of the places which it is armed at, with one count for all of them.

    A forked process goes on from where its parent stood, and counts for itself from there.

    Attributes:
        name: The place, or the places.
        script: What was armed.
        gate: Where the calls wait that a ``pause`` or ``hang`` holds.
        chance: The random numbers of its chances and ranges.
        is_ours: Tells whether the call of a function that is being made is one that it is for.
    """

    is_ours: Callable[[], bool] = staticmethod(lambda: True)

    def __init__(
        self,
        name: str,
        script: Script,
        *,
        seed: object = 0,
        when: Callable[..., object] | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        # By place and seed, so that one more fault elsewhere draws nothing away from this one.
        super().__init__(script, random.Random(f"{seed}:{name}"))  # noqa: S311  # replays are the point
        self.name = name
        self.gate = self._gate()
        self._when = when
        self._now_ns = now_ns
        self._armed_at = now_ns()
        renew_after_fork(self)

    def decide(self, *args: Any, **kwargs: Any) -> Decision | None:
        """Say what becomes of a call; None where it is not for this script, or where no term applies."""
        return None if is_own_call() else self.decide_for(None, args, kwargs)

    def crash(self) -> NoReturn:
        """End the process, as nothing that it does itself would."""
        kill()

    def after_fork(self) -> None:
        """Forget the calls that waited in the parent."""
        self.gate = self._gate()

    def decide_for(self, process: int | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Decision | None:
        """Say what becomes of a call of another process; None stands for this one."""
        with own_calls():
            if self._when is not None and not self._when(*args, **kwargs):
                return None
            with self._lock:
                decision = self.next(self._now_ns() - self._armed_at)
                done = "off" if decision is None else shown(str(decision))
                self._note(args, kwargs, done, process)
            if decision is not None and not isinstance(decision.action, Off):
                stream.emit(FaultInjected(self.name, done))
        return decision

    def _note(self, args: tuple[Any, ...], kwargs: dict[str, Any], done: str, process: int | None) -> None:
        """Keep a call, in a fault that is asked about its calls."""

    def _gate(self) -> Gate:
        return Gate(f"the fault {shown(str(self.script))} at {self.name}")


def kill() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit  # not reached, which no type says


@functools.lru_cache(maxsize=256)
def shown(script: str) -> str:
    """Return the text of a script without secrets; a script says the same at each of a thousand calls."""
    return clean(script)

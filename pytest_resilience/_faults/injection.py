"""Scripted faults: armed on a failpoint or a function until the test ends, and accounted for then."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NoReturn, Self, final

from pytest_resilience._faults.stand_ins import UnknownTargetError
from pytest_resilience._faults.targets import target_of
from pytest_resilience._objections import Objections
from pytest_resilience._timeline.timeline import Timeline, opened
from pytest_resilience._wording import counted
from resilience.events import FaultInjected, stream
from resilience.redact import clean
from resilience.testing import Effect, Place, Script, ScriptRun, as_script, sleep_async

_LONGEST_PLAN: Final = 200
_unstruck: Final = ContextVar("_unstruck", default=False)


@final
@dataclass(frozen=True, slots=True)
class InjectedCall:
    """One call that reached an armed place.

    Attributes:
        args: Its positional arguments, those of a method beginning with ``self``.
        kwargs: Its keyword arguments.
        at: When, in seconds since the test began.
        done: What was done to it, as scripts write it: ``raise(OSError('x'))``, ``off``.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    at: float
    done: str


@final
class Injection:
    """A script on a place: what it has done so far, and what it has still to do.

    Attributes:
        name: The failpoint, or ``module:qualname``.
        script: What was armed.
        strict: Whether a fault that never fires fails the test.
    """

    def __init__(self, name: str, script: Script, timeline: Timeline, *, strict: bool) -> None:
        self.name = name
        self.script = script
        self.strict = strict
        self._run = ScriptRun(script)
        self._timeline = timeline
        self._calls: list[InjectedCall] = []
        self._drawing = threading.Lock()

    @property
    def calls(self) -> list[InjectedCall]:
        """The calls that came, in order, whether a fault struck them or not."""
        with self._drawing:
            return list(self._calls)

    @property
    def fired(self) -> int:
        """How many faults struck."""
        return self._run.fired

    @property
    def exhausted(self) -> bool:
        """Whether every planned fault has struck."""
        return self._run.exhausted

    @property
    def pending(self) -> str:
        """What is left of the script, as text; empty when every planned fault has struck."""
        return self._run.pending

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer for the function as the script says."""
        effect = self._draw(args, kwargs)
        if effect.wait_s:
            with _kits_own():
                time.sleep(effect.wait_s)
        if effect.error is not None:
            raise effect.error
        return effect.value if effect.answers else function(*args, **kwargs)

    async def call_async(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer for an async function as the script says."""
        effect = self._draw(args, kwargs)
        if effect.wait_s:
            with _kits_own():
                await sleep_async(effect.wait_s)
        if effect.error is not None:
            raise effect.error
        return effect.value if effect.answers else await function(*args, **kwargs)

    def _draw(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Effect:
        """Return what the script makes of a call that has come."""
        if _unstruck.get():
            return Effect()
        with _kits_own():
            with self._drawing:
                action = self._run.next()
                self._calls.append(InjectedCall(args, dict(kwargs), self._timeline.now(), str(action)))
            if action.is_fault:
                stream.emit(FaultInjected(self.name, str(action)))
        return action.effect()

    def __repr__(self) -> str:
        return f"<Injection {self.name}={self.script}, fired {self.fired}>"


@final
class Faults:
    """Arms faults for the length of a ``with`` block, and says at its end which of them never struck.

    Example:
        ``with Faults() as faults: faults.inject("Redis.connect", "3*raise(ConnectionError('refused'))")``
    """

    def __init__(self, timeline: Timeline | None = None, objections: Objections | None = None) -> None:
        self.injections: list[Injection] = []
        self._given = timeline
        self._timeline: Timeline | None = None
        self._objections = objections or Objections()
        self._armed = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._timeline = self._armed.enter_context(opened(self._given))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        self._timeline = None
        self._armed.close()
        if kind is None and self._given is None:
            self._objections.settle(self.complaint())

    def inject(self, target: str | Callable[..., Any], script: Script | str, *, strict: bool = True) -> Injection:
        """Arm a script on a failpoint or a function until the test ends.

        Args:
            target: The name of a failpoint, ``"package.module:qualname"``, or a function or method, which is replaced
                at every module-level reference to it. What is armed already gets the new script instead of its old one.
                A fault on a function that another library retries strikes outside of its retries; ``fetch.__wrapped__``
                is the function inside.
            script: What to do to its calls, in code (``fail(OSError("x")).times(3)``) or as text
                (``"3*raise(OSError('x'))"``). Calls beyond the script go through.
            strict: Fail the test at its end if a planned fault never struck.

        Raises:
            ScriptError: A text that is no script; the message shows the column.
            TypeError: A script that is neither.
            pytest.fail.Exception: No such failpoint or function. The message lists the closest names.
        """
        __tracebackhide__ = True
        if self._timeline is None:
            self._object(
                f"faults.inject({target!r}): these faults are not open; arm a fault inside the test that has them, or "
                "inside `with Faults() as faults:`"
            )
        planned = as_script(script, Place.FUNCTION)
        try:
            place = target_of(target)
            injection = Injection(place.name, planned, self._timeline, strict=strict)
            self._armed.enter_context(place.intercepted(injection))
        except UnknownTargetError as unknown:
            text = str(unknown)
        else:
            self.injections.append(injection)
            return injection
        self._object(f"faults.inject(): {text}")

    def complaint(self) -> str | None:
        """Say which planned faults never struck; None where all have, or need not."""
        left = [each for each in self.injections if each.strict and not each.exhausted]
        if not left:
            return None
        lines = "\n".join(
            f"  {clean(each.name)}: {clean(each.pending, limit=_LONGEST_PLAN)} never fired ({_reached(each)})"
            for each in left
        )
        return (
            f"planned faults never fired, so the test has not proved what it set out to:\n{lines}\n"
            "Plan no more faults than the code meets, or pass strict=False to inject()."
        )

    def _object(self, text: str) -> NoReturn:
        __tracebackhide__ = True
        self._objections.object(text)


def _reached(injection: Injection) -> str:
    calls = len(injection.calls)
    return f"{counted(injection.fired, 'fault')} fired in {counted(calls, 'call')}" if calls else "never called"


@contextlib.contextmanager
def _kits_own() -> Iterator[None]:
    """Let the calls of the kit itself through: it sleeps and reads clocks too, which may be armed."""
    token = _unstruck.set(True)
    try:
        yield
    finally:
        _unstruck.reset(token)

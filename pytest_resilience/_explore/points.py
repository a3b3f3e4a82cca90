"""The points of a run, and the faults that strike there: at each call, the plan is asked."""

from __future__ import annotations

import contextlib
import functools
import inspect
import random
import sys
import threading
import weakref
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn, Self, final

from pytest_resilience._explore.decisions import SEPARATOR, Decisions
from pytest_resilience._explore.function_points import THROUGH, FunctionPoint
from pytest_resilience._explore.menu import Fault, Menus
from pytest_resilience._explore.oracle.suspicion import happened_during, place_of_caller
from pytest_resilience._explore.owner import cancelled_task, current_task, is_own_context, timers_run
from pytest_resilience._explore.served_points import PlannedFault
from pytest_resilience._faults.served import ServedPlace, served
from pytest_resilience._timeline.timeline import Timeline
from pytest_resilience.clock._plugin import monotonic
from resilience.errors import Crash
from resilience.events import CallStarted, FaultInjected, stream
from resilience.testing import Action, Decision, Interceptor, Raise, arming_all, is_own_call
from resilience.typing import Policy

MOST_STRIKES: Final = 200  # of one run, and some more where a policy has many attempts
_NO_TIME_S: Final = 1.0  # of virtual time: code that tries as often in less does not wait in between
_unused: Final = random.Random(0)  # noqa: S311  # an exception draws nothing
_BARE: Final = "_nothing"  # the function of a failpoint that was made by hand


class EndlessError(BaseException):
    """The code under test tries again for ever, in no time."""


@final
@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that has struck a call.

    Attributes:
        point: Where.
        call: Which call of that point it was.
        at: When, in seconds of virtual time.
        caller: The thread and task in which it was, as numbers; at a place, the same for all.
        action: What it did.
        error: What was raised; None at an HTTP or TCP place, where that is up to the client.
        is_own: Whether it was in the thread and task of the test itself.
        went_on: Where a task other than that called a point again, as if it had not been cancelled there.
    """

    point: str
    call: int
    at: float
    caller: tuple[int, int]
    action: Action
    error: BaseException | None
    is_own: bool
    went_on: str = ""


@final
class Points:
    """Stands at every failpoint of a run, and at the functions that were asked for, while it is open.

    Args:
        decisions: Says what happens.
        menus: Say what can.
        functions: The functions that are points besides.
        urls: The HTTP and TCP places that are points besides those that the test opens.
        test: The function whose thread and task are the test's own. It is called in the thread that opens the points.

    Attributes:
        strikes: The faults that struck, in order.
        calls: How many calls came, by point.
        times: When they came, in seconds of virtual time.
        endless: What is tried again for ever; None where nothing is.
    """

    def __init__(
        self,
        decisions: Decisions,
        menus: Menus,
        functions: Sequence[FunctionPoint],
        urls: Sequence[str],
        test: Callable[..., Any],
    ) -> None:
        self.strikes: list[Strike] = []
        self.endless: EndlessError | None = None
        self.calls: Counter[str] = Counter()
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        self._decisions = decisions
        self._menus = menus
        self._functions = functions
        self._urls = urls
        self._test = test
        self._thread = 0
        self._policies: dict[str, Policy] = {}
        self._lasting: dict[str, tuple[Fault, int | None]] = {}
        self._cancelled: list[tuple[weakref.ref[Any], int]] = []
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._thread = threading.get_ident()
        with contextlib.ExitStack() as opening:
            opening.enter_context(arming_all(lambda name, inner: _Point(self, name, inner)))
            opening.callback(stream.subscribe(self._note_policy, CallStarted))
            for each in self._functions:
                opening.callback(setattr, each, "point", each.point)
                each.point = _Point(self, each.name, None)
            opening.enter_context(served.watched(self._serve))
            if self._urls:
                self._open_urls(opening)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _note_policy(self, event: CallStarted) -> None:
        self._policies[event.call.failpoint] = event.call.policy

    def _open_urls(self, opening: contextlib.ExitStack) -> None:
        from pytest_resilience._faults.servers import Servers  # a run without them need not load httpx

        servers = opening.enter_context(Servers(Timeline()))
        for url in self._urls:
            opening.callback(self._serve(ServedPlace(functools.partial(servers.place_of, url), url, None)))

    def _serve(self, opened: ServedPlace) -> Callable[[], None]:
        """Stand at an HTTP or TCP place; return what ends that."""
        place = opened.place()

        def ask(args: tuple[Any, ...]) -> Decision | None:
            # Of the requests of httpx, those whose client gives up waiting.
            timed = place.kind != "httpx" or args[0].extensions.get("timeout", {}).get("read") is not None
            return self._decided(opened.name, self._menus.served(place.kind, opened.written, timed=timed))

        return PlannedFault(place, ask).arm().disarm

    def _decided(self, name: str, menu: Sequence[Fault]) -> Decision | None:
        """Decide what becomes of a request or a connection."""
        fault = self._fault(name, lambda: menu)
        if fault is None or self._is_tried_for_ever(name):
            return None
        term = fault.strike.terms[0]
        self._note_strike(name, fault, None, is_own=False)
        return Decision(term.action.fresh(_unused), term.after)

    def _is_tried_for_ever(self, name: str) -> bool:
        """Whether a place has been tried again so often that the fault ends; that is a mistake if no time went by."""
        struck = [each.at for each in self.strikes if each.point == name]
        if len(struck) <= MOST_STRIKES:
            return False
        if struck[-1] - struck[0] < _NO_TIME_S:
            self.endless = _endless(name, MOST_STRIKES)
        return True

    def fault_at(
        self, name: str, function: Callable[..., Any], kwargs: dict[str, Any], *, is_async: bool
    ) -> Fault | None:
        """Decide what becomes of a call of a function or failpoint."""
        if is_own_call():
            return None
        self._note_who_goes_on()
        is_bare = getattr(function, "__name__", "") == _BARE
        return self._fault(
            name,
            lambda: self._menus.at(
                self._policies.get(name),
                is_async=is_async,
                ends_hangs=is_async and timers_run(),
                is_bare=is_bare,
                arguments=kwargs,
            ),
        )

    def _fault(self, name: str, menu: Callable[[], Sequence[Fault]]) -> Fault | None:
        self.calls[name] += 1
        self.times[name].append(monotonic())
        lasting, left = self._lasting.get(name, (None, 0))
        if lasting is not None and left != 0:
            self._lasting[name] = (lasting, None if left is None else left - 1)
            return lasting
        options = menu()
        choice = self._decisions.choose(f"{name}{SEPARATOR}{self.calls[name]}", options)
        if not choice:
            return None
        fault = options[choice - 1]
        self._lasting[name] = (fault, None if fault.calls is None else fault.calls - 1)
        return fault

    def _note_who_goes_on(self) -> None:
        """Note that a task which was cancelled works on, and does not just tidy up while that is handled."""
        for reference, index in self._cancelled:
            task, strike = reference(), self.strikes[index]
            if task is not None and task is current_task() and not happened_during(sys.exc_info()[1], strike.error):
                self.strikes[index] = replace(strike, went_on=strike.went_on or place_of_caller())

    def strike(self, name: str, fault: Fault) -> NoReturn:
        """Have a fault strike the call of a function or failpoint that was decided last."""
        action = fault.strike.terms[0].action
        error: BaseException = Crash(f"the program dies here, at {name}")
        if isinstance(action, Raise):
            error = action.fresh(_unused).error
        self._note_strike(name, fault, error, is_own=is_own_context(self._test, self._thread))
        if (task := cancelled_task(error)) is not None:
            self._cancelled.append((weakref.ref(task), len(self.strikes) - 1))
        policy = self._policies.get(name)
        most = MOST_STRIKES + 5 * ((policy and policy.max_attempts) or 0)
        if len(self.strikes) > most:
            raise _endless(name, most)
        raise error

    async def hang(self, name: str, fault: Fault) -> None:
        """Let the call wait until its task is cancelled, as a timeout does."""
        import asyncio  # loaded already, by the code that awaits this

        self._note_strike(name, fault, None, is_own=False)
        await asyncio.get_running_loop().create_future()

    def _note_strike(self, name: str, fault: Fault, error: BaseException | None, *, is_own: bool) -> None:
        action = fault.strike.terms[0].action
        caller = (0, 0) if error is None else (threading.get_ident(), id(current_task()))
        self.strikes.append(Strike(name, self.calls[name], monotonic(), caller, action, error, is_own))
        stream.emit(FaultInjected(name, str(fault.strike)))


def _endless(name: str, most: int) -> EndlessError:
    return EndlessError(f"more than {most} calls of {name} have failed in one run, and it is called again")


@final
class _Point:
    """One point: it asks, strikes, or passes the call on, to what the test has armed there or to the function."""

    def __init__(self, points: Points, name: str, inner: Interceptor | None) -> None:
        self._points = points
        self._name = name
        self._inner = THROUGH if inner is None else inner  # one of the user's may be false

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        fault = self._points.fault_at(self._name, function, kwargs, is_async=False)
        if fault is None:
            return self._inner.call(function, args, kwargs)
        if fault.after:
            _let_go(self._inner.call(function, args, kwargs))
        self._points.strike(self._name, fault)

    async def call_async(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        fault = self._points.fault_at(self._name, function, kwargs, is_async=current_task() is not None)
        if fault is None:
            return await self._inner.call_async(function, args, kwargs)
        if fault.after:
            _let_go(await self._inner.call_async(function, args, kwargs))
        if fault.hangs:
            await self._points.hang(self._name, fault)
        self._points.strike(self._name, fault)


_HELD_HERE: Final = 2
"""References to an object that its caller has handed over: the argument, and that of the question."""


def _let_go(answer: Any) -> None:
    """Close an answer that is lost, such as an open file, where nobody else has it who could."""
    close = getattr(answer, "close", None)
    is_closed_at_once = callable(close) and not inspect.iscoroutinefunction(close)
    del close
    if is_closed_at_once and sys.getrefcount(answer) <= _HELD_HERE:
        with contextlib.suppress(Exception):
            answer.close()

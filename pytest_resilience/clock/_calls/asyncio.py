"""What asyncio needs beyond its selector: the time, the order of timers and tasks, and sleeps, noted and quick."""

from __future__ import annotations

import _socket
import contextlib
import itertools
import math
import selectors
import sys
from _thread import get_ident
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType, SimpleNamespace, coroutine
from typing import Any
from weakref import WeakKeyDictionary

from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._bubble.spinning import GLANCE, NoTimeLeft
from pytest_resilience.clock._bubble.units import LONGEST, nanoseconds_of_difference
from pytest_resilience.clock._bubble.waiting import Member, members
from pytest_resilience.clock._calls.clocks import Epoch, in_seconds, monotonic_of
from pytest_resilience.clock._calls.loop_time import Loops, ahead_of
from pytest_resilience.clock._calls.order_of_sets import NAMES, class_patches, kind_of_stand_in
from pytest_resilience.clock._reach import real
from pytest_resilience.clock._reach.patches import AttributePatch, BlockPatch, Patch, function_patches, unpatched

_EVERY_SO_OFTEN = 32
"""So many quick sleeps at most without a look at what the loop's selector has to say, signals among it.

A look takes some fifteen times as long as a quick sleep, so that one in 32 is a third of the time. Ctrl-C waits for it
by a tenth of a millisecond, which no user notices.
"""

_SPARED = 10
"""So many sleeps of 0 s of one task, in a row and at one instant, leave the clocks alone whatever it looks at between.

A task that lets others run sleeps so a few times; one that waits for a deadline does so on and on.
"""

_real_send = _socket.socket.send
_RESOLUTION = 1e-9
"""The resolution of asyncio's clock, in seconds: a loop takes a timer that rings within it for due."""

_WAITING_SELECTORS: tuple[type[Any], ...] = (selectors.EpollSelector, selectors.PollSelector, selectors.SelectSelector)
"""Those that wait in virtual time, the usual one first: a class itself is told faster than a subclass."""

_STEP = 100
"""The weight of a look at the time of a loop that has a selector of the program's own, such as a mock.

It need not wait for anything, so that the loop goes round and round until a timer is due. In real time that takes it
some 50 us each time; here time passes from the thousandth on.
"""

_OUR_TIME = {"asyncio.base_events", "freezegun.api"}
"""Where the method of a loop comes from that tells the time of the bubble: freezegun's does with ``real_asyncio``."""


def expects_input(loop: Any) -> bool:
    """Whether any task of a loop waits for something else than the end of a sleep, or of another task."""
    asyncio = sys.modules["asyncio"]
    alarm = asyncio.futures._set_result_unless_cancelled
    sleeping = {id(timer._args[0]) for timer in getattr(loop, "_scheduled", ()) if timer._callback is alarm}
    for task in asyncio.all_tasks(loop):
        waits_for = getattr(task, "_fut_waiter", None)
        is_task = isinstance(waits_for, (asyncio.Task, asyncio.tasks._GatheringFuture))
        if waits_for is not None and not is_task and id(waits_for) not in sleeping:
            return True
    return False


def timers_of(loop: Any, member: Member) -> Iterator[int]:
    """Yield when the timers of a loop ring, in nanoseconds of virtual time."""
    now = monotonic_of(member) / 1_000_000_000 + ahead_of(loop)
    for timer in getattr(loop, "_scheduled", ()):
        if timer._when > now and not timer.cancelled():
            yield member.scheduler.now + nanoseconds_of_difference(timer._when - now)


def _sleeper(asyncio: ModuleType) -> Callable[[Any, float], bool]:
    """A function that notes a sleep, and ends it at once if nothing else could run in between, here or elsewhere."""
    get_task = asyncio.tasks.current_task
    eager_tasks = getattr(asyncio.tasks, "_eager_tasks", ())

    def has_slept(loop: Any, delay: float) -> bool:
        member = members.get(get_ident())
        if member is None or not delay <= LONGEST:
            return False
        scheduler = member.scheduler
        key = scheduler.record_sleep(delay)
        if (
            loop._ready
            or loop._stopping
            or loop._debug  # it would complain that the step took long
            or not isinstance(loop._selector, _WAITING_SELECTORS)
            or len(loop._selector._fd_to_key) > 1
            or eager_tasks  # they run in the middle of another task's step
            or key % _EVERY_SO_OFTEN == 0
            or getattr(get_task(loop), "_must_cancel", True)
        ):
            return False
        length = round(delay * 1e9) or 1
        timers = loop._scheduled
        # A timer that rings at about the same time is the loop's to judge: as floats, both are precise to some
        # nanoseconds after months of uptime. A microsecond is more than that, and less than any program means.
        end = Epoch.monotonic + scheduler.now + length + scheduler.slack + 1000
        if timers and (timers[0]._when - ahead_of(loop)) * 1e9 <= end:
            return False
        return scheduler.skip(member, length, "asyncio.sleep")

    return has_slept


def _leave_out_frames(timer: Any, count: int) -> None:
    """Have a loop in debug mode say which line of the program has made a timer; asyncio does so frame by frame."""
    if timer._source_traceback:
        del timer._source_traceback[-count:]


@contextlib.contextmanager
def _forgetting_tasks(tasks: ModuleType) -> Iterator[None]:
    """Rid asyncio's set of all tasks of what came before the clock, which would show in its order."""
    references = (tasks._scheduled_tasks if hasattr(tasks, "_scheduled_tasks") else tasks._all_tasks).data
    references.difference_update([each for each in list(references) if (task := each()) is None or task.done()])
    references.intersection_update(references)  # which lays it out anew, in place, as other threads may add to it
    yield


def _sleep_patches(asyncio: ModuleType) -> Iterator[Patch]:
    """Note and shorten sleeps: only `asyncio.sleep`, whatever name it has, makes the calls that are replaced here."""
    events, base_loop, get_task = asyncio.events, asyncio.base_events.BaseEventLoop, asyncio.tasks.current_task
    alarm, has_slept = asyncio.futures._set_result_unless_cancelled, _sleeper(asyncio)
    rung = SimpleNamespace(cancel=bool)  # the timer of a sleep that is over
    real_call_later = unpatched(base_loop, "call_later")
    zero_sleeps: PerClock[WeakKeyDictionary[Any, NoTimeLeft]] = PerClock(WeakKeyDictionary)  # by task

    def call_later(self: Any, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        # A loop with a clock of its own, as asyncio's tests have, is told the time by nobody else.
        if callback is alarm and getattr(type(self).time, "__module__", "") in _OUR_TIME and has_slept(self, delay):
            future, result = args
            future.set_result(result)
            return rung
        timer = real_call_later(self, delay, callback, *args, context=context)
        _leave_out_frames(timer, 2)  # this one, and that of the method which leads here
        return timer

    @coroutine
    def sleep_no_time() -> Iterator[None]:
        member = members.get(get_ident())
        if member is not None and member.questions.has_looked:
            loop = events._get_running_loop()
            task = None if loop is None else get_task(loop)
            if task is not None:
                waits = zero_sleeps.current.setdefault(task, NoTimeLeft(_SPARED))
                member.scheduler.nudge(member.questions.step(member.scheduler.now, waits))
        yield

    yield from function_patches(base_loop, {"call_later": call_later})
    yield AttributePatch(asyncio.tasks, {"__sleep0": sleep_no_time})


def _ordered_timers(events: Any, looked: list[float]) -> Any:
    """The class of timers that come out of the loop's heap after all earlier ones of the same time, as in real time.

    ``looked`` has what time it was when the latest timer was computed.
    """
    real_kind, real_init = events.TimerHandle, events.TimerHandle.__init__
    arrivals = itertools.count()

    class TimerHandle(events.TimerHandle, metaclass=kind_of_stand_in(events.TimerHandle)):  # type: ignore[misc, metaclass]  # asyncio comes as a module object
        __module__, __qualname__, __doc__ = (getattr(events.TimerHandle, name) for name in NAMES)
        __slots__ = ("_arrival",)

        def __init__(self, when: float, callback: Any, args: Any, loop: Any, context: Any = None) -> None:
            real_init(self, when, callback, args, loop, context)
            _leave_out_frames(self, 1)
            self._arrival = next(arrivals)
            member = members.get(get_ident())
            if member is not None and 0 < when - ahead_of(loop) - looked[0] < _RESOLUTION:
                member.scheduler.nudge(1)  # else it is due at once, and is computed again

        def __lt__(self, other: Any) -> bool:
            if not isinstance(other, real_kind):
                return NotImplemented
            if self._when != other._when:
                return self._when < other._when  # type: ignore[no-any-return]  # asyncio comes as a module object
            # One that is not in the heap yet comes last, and one from before the clock keeps its order among its like.
            return self._scheduled and self._arrival < getattr(other, "_arrival", math.inf)

    return TimerHandle


def _timer_patches(asyncio: ModuleType) -> Iterator[Patch]:
    """The time of a loop, and the order of its timers."""
    events, get_task, looked, loops = asyncio.events, asyncio.tasks.current_task, [0.0], Loops()

    # What the method does anyway, but by way of a name that freezegun replaces.
    def time(self: Any) -> float:
        member = members.get(get_ident())
        if member is None:
            return real.monotonic()
        questions = member.questions
        if id(self) not in loops.seen:
            loops.note(self)
        if get_task(self) is not None:  # the loop itself looks at each step, outside of its tasks
            questions.has_looked = True
        questions.asked += GLANCE if isinstance(getattr(self, "_selector", None), _WAITING_SELECTORS) else _STEP
        if questions.asked >= questions.limit:
            member.note_question(0)
        looked[0] = in_seconds(monotonic_of(member))
        return looked[0]

    yield from function_patches(asyncio.base_events.BaseEventLoop, {"time": time})
    timers = _ordered_timers(events, looked)
    for owner in (events, asyncio):
        yield AttributePatch(owner, {"TimerHandle": timers})
    yield BlockPatch(loops.going_on)


def patches(asyncio: ModuleType) -> Iterator[Patch]:
    """What to replace in `asyncio`."""
    yield from _sleep_patches(asyncio)
    yield from _timer_patches(asyncio)
    selector_loop = asyncio.selector_events.BaseSelectorEventLoop
    real_write_to_self = unpatched(selector_loop, "_write_to_self")

    def write_to_self(self: Any) -> None:
        # A loop is woken by a socket of its own. If that is older than the clock, it would look as if a thread outside
        # were sent something; the method of the C type is not patched.
        if self._thread_id in members and self._csock is not None:
            with contextlib.suppress(OSError):  # it is closing, or has been woken so often that its buffer is full
                _real_send(self._csock, b"\0")
        else:
            real_write_to_self(self)

    yield from function_patches(selector_loop, {"_write_to_self": write_to_self})
    closure = getattr(getattr(asyncio.tasks, "eager_task_factory", None), "__closure__", None) or ()
    cells = [cell for cell in closure if cell.cell_contents is asyncio.Task]
    yield from class_patches(asyncio.Task, asyncio, asyncio.tasks, *cells)
    yield BlockPatch(partial(_forgetting_tasks, asyncio.tasks))

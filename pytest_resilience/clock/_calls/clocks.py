"""What time it is, for threads of the bubble.

`time.perf_counter`, `time.process_time` and `time.thread_time` stay real: profilers and Hypothesis measure with them.
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from _thread import get_ident
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from types import ModuleType
from typing import Any, Final

from pytest_resilience.clock._bubble.left_behind import left_behind
from pytest_resilience.clock._bubble.per_clock import PerClock
from pytest_resilience.clock._bubble.spinning import GLANCE
from pytest_resilience.clock._bubble.waiting import Member, members
from pytest_resilience.clock._reach import real
from pytest_resilience.clock._reach.native import BoundPatch, BuiltinPatch, TypePatch, builtin_patches, clone, original
from pytest_resilience.clock._reach.patches import AttributePatch, Patch

_SECOND = 1_000_000_000  # an int: the true division of two ints is correctly rounded, however large they are
_GRAIN = _SECOND // 64  # a float has 1/64 s exactly, and so has `datetime`, which counts microseconds


def on_grain(nanoseconds: int) -> int:
    """The next multiple of 1/64 s: as a float it is exact, and so is the sum of it and whole seconds.

    It is no whole second unless that is what it is (freezegun's, say), or one test in 64 would meet a time that prints
    without its fraction.
    """
    moment = -(-nanoseconds // _GRAIN) * _GRAIN
    return moment if moment % _SECOND or moment == nanoseconds else moment + _GRAIN


def in_seconds(nanoseconds: int) -> float:
    """What a clock shows in seconds: rounded up, or a sleep of 0.1 s would often seem shorter than that."""
    whole, rest = divmod(nanoseconds, _SECOND)
    seconds = nanoseconds / _SECOND
    return seconds if seconds - whole >= rest / _SECOND else math.nextafter(seconds, math.inf)


class Epoch:
    """The instants, in nanoseconds, at which the monotonic and the wall clock stood when the bubble was opened."""

    monotonic = 0
    wall = 0


def _now(member: Member) -> int:
    """What a program that looks at a clock sees; if it does nothing else, it sees time go on in the end."""
    questions = member.questions
    questions.asked += GLANCE
    questions.has_looked = True
    if questions.asked >= questions.limit:
        member.note_question(0)
    return member.scheduler.now + member.scheduler.ahead


def _monotonic_ns() -> int:
    member = members.get(get_ident())
    if member is None:
        return real.monotonic_ns() + left_behind.ahead.get(get_ident(), 0)
    return Epoch.monotonic + _now(member)


def monotonic_of(member: Member) -> int:
    """What the monotonic clock of a bubble shows, in nanoseconds, without counting as a look at it."""
    return Epoch.monotonic + member.scheduler.now + member.scheduler.ahead


def bubble_ns() -> int | None:
    """The virtual time, for a thread outside that records what happens in the bubble; None where there is none."""
    member = next(iter(list(members.values())), None)
    return None if member is None or get_ident() in members else monotonic_of(member)


def _monotonic() -> float:
    return in_seconds(_monotonic_ns())


def monotonic_ns() -> int:
    """`time.monotonic_ns`, virtual in the bubble, for event loops: they look at it often and do not spin by it."""
    member = members.get(get_ident())
    return real.monotonic_ns() if member is None else monotonic_of(member)


def monotonic() -> float:
    return in_seconds(monotonic_ns())


def _time_ns() -> int:
    member = members.get(get_ident())
    return real.time_ns() if member is None else Epoch.wall + _now(member)


def _time() -> float:
    member = members.get(get_ident())
    return real.time() if member is None else in_seconds(wall_us(_now(member)) * 1000)


_NAMES = ("localtime", "gmtime", "ctime", "asctime", "strftime", "clock_gettime", "clock_gettime_ns")
_real: dict[str, Callable[..., Any]] = {name: clone(original(time, name)) for name in _NAMES}


def _of_now(name: str) -> Callable[..., Any]:
    """A function that takes the time in seconds, or none for that of now."""
    function = _real[name]
    return lambda *seconds: function(*(seconds if seconds and seconds != (None,) else (_time(),)))


def _asctime(*moment: Any) -> Any:
    return _real["asctime"](*(moment or (_real["localtime"](_time()),)))


def _strftime(*arguments: Any) -> Any:
    return _real["strftime"](*arguments, *((_real["localtime"](_time()),) if len(arguments) == 1 else ()))


def _clock_gettime(clock: int) -> Any:
    return _real["clock_gettime"](clock) if clock not in _READINGS else in_seconds(_clock_gettime_ns(clock))


def _clock_gettime_ns(clock: int) -> Any:
    real_reading, reading, like = _real["clock_gettime_ns"], _READINGS.get(clock), _LIKE.get(clock)
    if reading is None or like is None:
        return real_reading(clock)
    ahead = _ahead_of.current
    if clock not in ahead:
        ahead[clock] = 0 if clock == like else real_reading(clock) - real_reading(like)
    return reading() + ahead[clock]


def _true_datetime() -> type[datetime]:
    """The class itself, also where freezegun has put another in its place; no global, or it would do so here too."""
    return next(kind for kind in datetime.__mro__ if type(kind) is type and kind.__module__ == "datetime")


_LIKE = {
    time.CLOCK_REALTIME: time.CLOCK_REALTIME,
    time.CLOCK_TAI: time.CLOCK_REALTIME,
    time.CLOCK_MONOTONIC: time.CLOCK_MONOTONIC,
    time.CLOCK_MONOTONIC_RAW: time.CLOCK_MONOTONIC,
    time.CLOCK_BOOTTIME: time.CLOCK_MONOTONIC,
}
"""The clocks of the kernel that go on with the bubble, and the one of the bubble's that each goes on with."""

_READINGS: dict[int, Callable[[], int]] = {
    clock: _time_ns if like == time.CLOCK_REALTIME else _monotonic_ns for clock, like in _LIKE.items()
}

_ahead_of: PerClock[dict[int, int]] = PerClock(dict)
"""By how many nanoseconds a clock was ahead of the one it goes on with, when it was first asked."""

_real_now, _real_utcnow, _fromtimestamp = (
    _true_datetime().__dict__[name] for name in ("now", "utcnow", "fromtimestamp")
)


def _virtual_now(cls: type[datetime], *zone: Any, **zone_by_name: Any) -> Any:
    member = members.get(get_ident())
    if member is None:
        return _real_now.__get__(None, cls)(*zone, **zone_by_name)
    tz = _real_now.__get__(None, datetime)(*zone, **zone_by_name).tzinfo if zone or zone_by_name else None
    return _fromtimestamp.__get__(None, cls)(wall_us(_now(member)) / 1_000_000, tz)


def _virtual_utcnow(cls: type[datetime], *none: Any, **none_by_name: Any) -> Any:
    member = members.get(get_ident())
    if member is None or none or none_by_name:
        return _real_utcnow.__get__(None, cls)(*none, **none_by_name)
    if sys.version_info >= (3, 12):
        warnings.warn(_UTCNOW_IS_DEPRECATED, DeprecationWarning, stacklevel=2)
    moment = _fromtimestamp.__get__(None, _fromtimestamp.__objclass__)(wall_us(_now(member)) / 1_000_000, UTC)
    fields: Any = (*moment.timetuple()[:6], moment.microsecond)
    return cls(*fields)


_UTCNOW_IS_DEPRECATED = (
    "datetime.datetime.utcnow() is deprecated and scheduled for removal in a future version. Use timezone-aware "
    "objects to represent datetimes in UTC: datetime.datetime.now(datetime.UTC)."
)
"""What CPython says of it."""


def wall_us(now: int) -> int:
    """The wall clock in whole microseconds, up to the next one: all that show less than `time.time_ns` agree on it."""
    return -(-(Epoch.wall + now) // 1000)


def perf_counter_patches(start: int) -> Iterator[Patch]:
    """`time.perf_counter`, which stood at ``start`` nanoseconds when the bubble was opened."""

    def perf_counter_ns() -> int:
        member = members.get(get_ident())
        return real.perf_counter_ns() if member is None else start + _now(member)

    def perf_counter() -> float:
        return in_seconds(perf_counter_ns())

    yield from builtin_patches(time, perf_counter, perf_counter_ns)


def monotonic_patches() -> Iterator[Patch]:
    """The monotonic clock, which threads that a bubble has left behind need for longer."""
    yield from builtin_patches(time, _monotonic, _monotonic_ns)


def patches() -> Iterator[Patch]:
    yield from builtin_patches(time, _time, _time_ns, _asctime, _strftime, _clock_gettime, _clock_gettime_ns)
    for name in ("localtime", "gmtime", "ctime"):
        yield BuiltinPatch(original(time, name), _of_now(name))
    # `date.today` and `datetime.today` ask `time.time`.
    kind, methods = _true_datetime(), {"now": _virtual_now, "utcnow": _virtual_utcnow}
    yield TypePatch(kind, {name: classmethod(method) for name, method in methods.items()})
    yield BoundPatch(kind, {name: partial(method, kind) for name, method in methods.items()})


_TAKEN_BY_PYTEST: Final = {name: original(time, name) for name in ("time", "perf_counter", "sleep")}
"""Found before any clock is open; what pytest has may be freezegun's at the first one."""


def pytest_patches(timing: ModuleType) -> Iterator[Patch]:
    """The clock of pytest itself, by which it dates and times its reports, stays real in the thread of the test."""
    readings = {"time": real.time, "perf_counter": real.perf_counter, "sleep": real.sleep}
    yield AttributePatch(timing, readings, _TAKEN_BY_PYTEST)


def uuid_patches(uuid: ModuleType) -> Iterator[Patch]:
    """`uuid.uuid1`, which asks a library in C for the time where it can, and `time.time_ns` for a node it is given."""
    library = sys.modules.get("_uuid")
    if library is not None and hasattr(library, "generate_time_safe"):
        real_generate = clone(original(library, "generate_time_safe"))

        def generate() -> Any:
            found = real_generate()
            return found if get_ident() not in members else (uuid.uuid1(uuid.UUID(bytes=found[0]).node).bytes, None)

        yield BuiltinPatch(original(library, "generate_time_safe"), generate)

"""`VirtualClock`: the surface of the bubble."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Self

from pytest_resilience._openings import note_closed, note_open
from pytest_resilience._uninterrupted import Uninterrupted
from pytest_resilience._usage import note
from pytest_resilience.clock._bubble.history import Jump
from pytest_resilience.clock._bubble.left_behind import left_behind
from pytest_resilience.clock._bubble.per_clock import PerClock, open_clocks
from pytest_resilience.clock._bubble.scheduler import Scheduler
from pytest_resilience.clock._bubble.spinning import LIMIT
from pytest_resilience.clock._bubble.units import EPOCH, LONGEST, nanoseconds, nanoseconds_since_epoch
from pytest_resilience.clock._bubble.waiting import Member, current
from pytest_resilience.clock._calls import refusals
from pytest_resilience.clock._calls.catalogue import missing_patches
from pytest_resilience.clock._calls.clocks import Epoch, monotonic_patches, on_grain, perf_counter_patches, wall_us
from pytest_resilience.clock._outside.monitor import ENDLESS, Monitor
from pytest_resilience.clock._outside.strangers import WokenStrangers
from pytest_resilience.clock._reach import real
from pytest_resilience.clock._reach.patches import Patch, install, restore
from pytest_resilience.clock._warnings import complaints

__all__ = ["VirtualClock"]

_lasting_patches: list[Patch] = []
"""What may stay after a clock, if it has left threads behind."""


class VirtualClock:
    """Run a whole program in virtual time: ``with VirtualClock() as clock: ...``.

    Whatever is started inside the block, threads and event loops alike, belongs to the clock. Sleeps and timeouts take
    no real time: when every thread is blocked, time jumps to the next deadline and exactly one waiter wakes. Only one
    thread runs at a time, so that each run of a program takes the same course. Threads that existed before keep the
    real time; they may notify threads of the clock.

    All clocks agree and go on from where they really stand; `time.perf_counter` stays real, for profilers and
    Hypothesis, unless `include_perf_counter` is called. ``start`` sets the wall clock instead: a `datetime` or an
    ISO 8601 text, taken as UTC if it has no zone.

    Where a thread waits for something outside the program (another process, a foreign thread), time stands still for
    ``grace`` real seconds after its last sign of life, then goes on, on the guess that nothing will come. A guess is
    told when the clock closes, by a `GuessWarning`; `guesses` counts them. Inside `hold` it never guesses.

    Raises:
        DeadlockError: inside the block, when nothing can ever happen again.
        TypeError, ValueError: for arguments that make no sense.
        RuntimeError: when a clock is open already.

    Example:
        >>> import time
        >>> with VirtualClock() as clock:
        ...     time.sleep(3600)
        >>> clock.elapsed
        3600.0
    """

    _most_questions = LIMIT  # the tests of the clock itself make them smaller
    _endless = ENDLESS

    def __init__(self, start: datetime | str | None = None, *, grace: float = 0.5) -> None:
        self._start = _instant(start)
        if not _is_number(grace):
            raise TypeError(f"grace must be a number of real seconds, not {grace!r}")
        if not grace >= 0:
            raise ValueError(f"grace must be 0 or more real seconds, not {grace!r}")
        self._monitor = Monitor(float(min(grace, LONGEST)), self._endless)
        self._scheduler = Scheduler(self._monitor, WokenStrangers(), self._most_questions)
        self._monitor.scheduler = self._scheduler
        self._installed: list[Patch] = []
        self._entered = False
        self._has_perf_counter = False

    def __enter__(self) -> Self:
        if self._entered:
            raise RuntimeError("this virtual clock has been used already; make a new VirtualClock() for each block")
        if open_clocks:
            raise RuntimeError(
                "a virtual clock is open already, and clocks do not nest: use that one (the `virtual_clock` fixture, "
                "if the test has it) instead of opening another"
            )
        refusals.check()
        self._entered = True
        open_clocks.append(self)
        try:
            import threading

            patches = missing_patches()
            if not _lasting_patches:
                _lasting_patches.extend(monotonic_patches())
            Epoch.wall = on_grain(real.time_ns()) if self._start is None else self._start
            Epoch.monotonic = on_grain(real.monotonic_ns())
            self._scheduler.enter(Member(self._scheduler, threading.current_thread().name, threading.current_thread()))
            left_behind.open(_lasting_patches)
            self._installed = install(patches)
        except BaseException:
            self._close()
            raise
        note_open(self)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        with Uninterrupted():
            note_closed(self)
            leftovers = self._close()
            note(virtual_s=self.elapsed)
        said = [*complaints([member.name for member in leftovers], self.jumps)]
        if error is not None:
            for complaint in said:
                error.add_note(str(complaint))
            return
        with ExitStack() as saying:  # all of them, even where warnings are errors
            for complaint in reversed(said):
                saying.callback(warnings.warn, complaint, stacklevel=4)

    def _close(self) -> list[Member]:
        with ExitStack() as closing:  # all of it, even when Ctrl-C breaks off one of these
            closing.callback(_forget, self)
            closing.callback(left_behind.close)
            closing.callback(self._monitor.stop)
            closing.callback(self._scheduler.close)  # again, if a signal has broken it off
            scheduler = self._scheduler
            ahead = Epoch.monotonic + scheduler.now + scheduler.ahead - real.monotonic_ns()
            try:
                restore(self._installed)
            finally:
                leftovers = scheduler.close(ahead)
                if leftovers:
                    left_behind.end_with_process()
        return leftovers

    def __repr__(self) -> str:
        return f"<VirtualClock after {self.elapsed:g} s>"

    def now(self) -> datetime:
        """The wall clock, as an aware `datetime` in UTC."""
        self._check_open()
        return EPOCH + timedelta(microseconds=wall_us(self._scheduler.now))

    @property
    def elapsed(self) -> float:
        """Seconds of virtual time since the clock was opened."""
        return self._scheduler.now / 1_000_000_000

    @property
    def elapsed_ns(self) -> int:
        """`elapsed` in whole nanoseconds, which is how the clock counts."""
        return self._scheduler.now

    @property
    def sleeps(self) -> list[float]:
        """The seconds of every sleep that the program asked for, in order.

        That is `time.sleep`, `asyncio.sleep` and `trio.sleep`, and the waits for a `threading.Event` that ran their
        full time. A sleep of 0 s only yields, and does not count.
        """
        return [float(seconds) for seconds in self._scheduler.history.sleeps.values()]

    @property
    def jumps(self) -> list[Jump]:
        """Every move of time so far."""
        return [
            Jump(start / 1e9, end / 1e9, thread, why, bool(waited_for), waited_for)
            for start, end, thread, why, waited_for in self._scheduler.history.jumps
        ]

    @property
    def guesses(self) -> int:
        """How many jumps were made although something outside might still have happened first."""
        return sum(jump.guess for jump in self.jumps)

    def advance(self, seconds: float) -> None:
        """Sleep for ``seconds`` of virtual time; what wakes on the way does so at its own deadline.

        Raises:
            ValueError: if ``seconds`` is negative, NaN or longer than 292 years: time moves forward only.
            RuntimeError: if the clock is not open, or is another thread's, or where an event loop runs that has
                something else to do meanwhile.
        """
        self._check_open()
        if not _is_number(seconds):
            raise TypeError(f"advance() takes a number of seconds, not {seconds!r}")
        if not seconds >= 0:
            raise ValueError(f"advance() moves time forward only, by 0 or more seconds, not by {seconds!r}")
        if seconds > LONGEST:
            raise ValueError(f"advance() moves time by at most {LONGEST} seconds, which is 292 years")
        member = current()
        if member is None or member.scheduler is not self._scheduler:
            raise RuntimeError("advance() was called from a thread outside the virtual clock, which has real time only")
        deadline = self._scheduler.now + nanoseconds(seconds)
        refusals.check_no_task_is_late(deadline, "advance()")
        self._scheduler.sleep(member, nanoseconds(seconds), "advance()")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep time where it is while something outside is on its way: no guesses, and no deadlock either.

        Use it around a wait for what the clock can't see: a callback from a driver in C, another machine. A sleep in
        the block would never end.

        Raises:
            DeadlockError: in the block, when the thread that holds time sleeps.
            RuntimeError: if the clock is not open.

        Example:
            ``with virtual_clock.hold(): assert arrived.wait(timeout=30)``
        """
        self._check_open()
        holder = current()
        self._scheduler.hold(holder)
        try:
            yield
        finally:
            self._scheduler.release(holder)

    def include_perf_counter(self) -> None:
        """Make `time.perf_counter` virtual too, until the clock closes: for libraries that compute timeouts with it.

        Profilers, and Hypothesis outside of the block, go on measuring real time.
        """
        self._check_open()
        if not self._has_perf_counter:
            self._has_perf_counter = True
            start = real.perf_counter_ns() - self._scheduler.now
            self._installed += install(perf_counter_patches(start))

    def _check_open(self) -> None:
        if self not in open_clocks:
            state = "has closed" if self._entered else "has not been opened"
            raise RuntimeError(f"this virtual clock {state}; use it inside its `with` block (or its test)")


def _forget(clock: VirtualClock) -> None:
    PerClock.renew_all()
    if clock in open_clocks:
        open_clocks.remove(clock)


def _before_fork() -> None:
    for clock in open_clocks:
        clock._monitor.pause()


def _after_fork_in_child() -> None:
    """The child lives in real time: it has none of the other threads of the bubble."""
    left_behind.mutex.release()
    for clock in open_clocks.copy():
        clock._scheduler.abandon()
        restore(clock._installed)
        left_behind.close()
        _forget(clock)
    left_behind.keep_own()


os.register_at_fork(
    before=left_behind.mutex.acquire,
    after_in_parent=left_behind.mutex.release,
    after_in_child=_after_fork_in_child,
)
os.register_at_fork(before=_before_fork)  # which comes first, and which a signal handler may break off


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _instant(start: datetime | str | None) -> int | None:
    """``start`` in nanoseconds since 1970."""
    if start is None:
        return None
    if isinstance(start, str):
        try:
            start = datetime.fromisoformat(start)
        except ValueError:
            expected = "an ISO 8601 date and time such as '2026-01-31T12:00'"
            raise ValueError(f"start must be {expected}, not {start!r}") from None
    if not isinstance(start, datetime):
        raise TypeError(f"start must be a datetime, an ISO 8601 text or None, not {start!r}")
    return nanoseconds_since_epoch(start)

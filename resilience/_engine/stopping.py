"""Stopping the retry loops of a whole process, waking those that sleep, and turning all retries off in a test."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, MutableSequence
from typing import Any, Final, final

from resilience._support.fork import renew_after_fork


@final
class _Stopping:
    """Whether loops are to stop, and how to wake those that sleep.

    A signal handler may run between any two steps of the thread that it interrupts, so nothing here takes a lock: each
    change is one operation of the interpreter, and a loop says how to wake it before it asks whether to sleep.
    """

    def __init__(self) -> None:
        self.stopped = False
        self.wakers: dict[_Waker, None] = {}
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Forget the sleepers of the parent, none of which lives on."""
        self.wakers = {}


@final
class _Waker:
    """Wakes one sleeper, at most once that matters.

    It may stand among the waiters of a `threading.Condition`, which are locks that are released to wake their thread:
    this is the part of a lock that is used there.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake

    def release(self) -> None:
        """Wake the sleeper; one that is awake already, or whose event loop is gone, needs nothing."""
        with contextlib.suppress(Exception):
            self._wake()


_stopping: Final = _Stopping()


def stop_retry_loops() -> None:
    """Have every call of this process that is being retried give up instead of waiting for another attempt.

    Sleeps between attempts end at once, in threads and in tasks of asyncio and trio. Attempts that run are finished:
    what returns is returned, and what fails raises its error, with the reason ``stop_event`` in its note. Calls that
    begin later make one attempt. So it is until `resume_retry_loops`, in processes that are forked meanwhile, too.

    Call it where the program is asked to end: it takes no lock, and so is safe in a signal handler. What you set on
    ``.retry.sleep``, and a `time.sleep` that was replaced, are not woken.

    Example:
        ``signal.signal(signal.SIGTERM, lambda *_: resilience.stop_retry_loops())``
    """
    _stopping.stopped = True
    for waker in _stopping.wakers.copy():
        waker.release()


def resume_retry_loops() -> None:
    """Let calls be retried again after `stop_retry_loops`, in a test or in a program that goes on after all.

    Example:
        ``resilience.resume_retry_loops()`` where a test of your shutdown ends
    """
    _stopping.stopped = False


def loops_are_stopped() -> bool:
    return _stopping.stopped


@contextlib.contextmanager
def woken_by(wake: Callable[[], object], waiters: MutableSequence[Any] | None) -> Iterator[None]:
    """Have a sleeper woken when loops are stopped, and by whatever wakes the waiters of a condition."""
    waker = _Waker(wake)
    try:
        _stopping.wakers[waker] = None
        if waiters is not None:
            waiters.append(waker)
        yield
    finally:
        _stopping.wakers.pop(waker, None)
        if waiters is not None:
            with contextlib.suppress(ValueError):
                waiters.remove(waker)


_blocks: Final[list[object]] = []


@contextlib.contextmanager
def retries_off() -> Iterator[None]:
    """Let every decorated callable make one attempt only, in all threads and tasks, for the length of a block.

    A call that fails gives up at once, with the reason ``attempts``, and raises what it would raise after its last
    attempt. Use it where a test wants the failure and not the waiting. Blocks of several threads may overlap in any
    way; it is a decorator as well.

    Example:
        ::

            @pytest.fixture(autouse=True)
            def no_retries():
                with resilience.testing.retries_off():
                    yield
    """
    block = object()
    try:
        _blocks.append(block)
        yield
    finally:
        with contextlib.suppress(ValueError):
            _blocks.remove(block)


def retries_are_off() -> bool:
    return bool(_blocks)

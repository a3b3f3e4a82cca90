"""What the system tells about a thread of this process: whether it runs, and how long it has run in all."""

from __future__ import annotations

from pytest_resilience.clock._bubble.frames import frames_of_others
from pytest_resilience.clock._reach import real


def progress(ident: int, native_id: int) -> tuple[object, ...]:
    """Something that changes while a thread runs, could run, or is no longer there: `object` equals nothing else."""
    stands_at = _place_of(ident)
    if not (state := _state(native_id)):
        return (object(),)
    ran = computed(native_id)
    return (*stands_at, ran, object() if state == b"R" else state)


def _place_of(ident: int) -> tuple[int, int | None]:
    """Where a thread stands, without its frame: kept while others run, that would keep the objects in it, too."""
    frame = frames_of_others().get(ident)
    return id(frame), None if frame is None else frame.f_lasti


def could_run(native_id: int) -> bool:
    """Whether a thread runs, or has been woken and waits for a processor: the kernel says so as soon as it is woken."""
    return _state(native_id) == b"R"


def _state(native_id: int) -> bytes:
    """The kernel's letter for what a thread does; empty where that is not told."""
    try:
        with open(f"/proc/self/task/{native_id}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0]
    except OSError:
        return b""


def computed(native_id: int) -> int:
    """The nanoseconds for which a thread has had a processor; 0 if it is no longer there."""
    try:
        with open(f"/proc/self/task/{native_id}/schedstat", "rb") as file:
            return int(file.read().split()[0])
    except OSError:
        return 0


def pending_signals(native_id: int) -> set[int]:
    """The signals that have been sent to a thread, or to the whole process, and that the thread holds back."""
    with open(f"/proc/self/task/{native_id}/status", encoding="utf-8", errors="replace") as file:
        masks = [int(line.split()[1], 16) for line in file if line.startswith(("SigPnd:", "ShdPnd:"))]
    return {number for number in range(1, 65) if any(mask >> (number - 1) & 1 for mask in masks)}


def wait_until_gone(native_id: int) -> None:
    """Wait for the moment of real time in which a thread that has nothing left to do ends."""
    until = real.monotonic() + GONE_WITHIN
    while _state(native_id) and real.monotonic() < until:
        real.sleep(0.0001)


GONE_WITHIN = 10.0
"""So many real seconds at most for what takes a thread microseconds: the program may hold what it needs, to see."""

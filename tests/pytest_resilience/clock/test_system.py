"""What the clock needs of the interpreter and of the system."""

from __future__ import annotations

import pytest

OPEN_A_CLOCK = """
try:
    from pytest_resilience import VirtualClock
    with VirtualClock() as clock:
        print("open")
except (ImportError, RuntimeError) as refusal:
    print(f"{type(refusal).__name__}: {refusal}")
"""

WITHOUT_A_FILE = """
import builtins, os, pathlib
really_open, really_list = builtins.open, os.listdir
def open_others(path, *args, **kwargs):
    if pathlib.Path(str(path)).name == MISSING:
        raise FileNotFoundError(path)
    return really_open(path, *args, **kwargs)
def list_others(path="."):
    return [] if pathlib.Path(str(path)).name == MISSING else really_list(path)
builtins.open, os.listdir = open_others, list_others
"""

WITHOUT_ACCOUNTING = """
import builtins, io
really_open = builtins.open
def open_others(path, *args, **kwargs):
    return io.BytesIO(b"0 0 0\\n") if str(path).endswith("/schedstat") else really_open(path, *args, **kwargs)
builtins.open = open_others
"""

IN_A_NEW_THREAD = """
import builtins, io, os
counted, really_open, really_yield = [], builtins.open, os.sched_yield
def open_others(path, *args, **kwargs):
    is_early = str(path).endswith("/schedstat") and not counted
    return io.BytesIO(b"0 0 1\\n") if is_early else really_open(path, *args, **kwargs)
builtins.open, os.sched_yield = open_others, lambda: (really_yield(), counted.append(True))
"""


@pytest.fixture
def first_clock(run_program):
    """What a process that has loaded the kit says when it opens its first clock after some preparation."""
    return lambda preparation: run_program(preparation + OPEN_A_CLOCK, warnings="error").stdout.strip()


@pytest.fixture
def outcome(run_importing):
    """What a process says when it loads the kit and opens a clock after some preparation."""
    return lambda preparation: run_importing(preparation + OPEN_A_CLOCK, warnings="error").stdout.strip()


def test_the_clock_opens_where_all_is_there(outcome):
    """Nothing is missing on an ordinary Linux."""
    assert outcome("") == "open"


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_another_system_is_refused_at_the_import(outcome, platform):
    """On a system without /proc, nothing fails for the lack of a module that the user has never heard of."""
    preparation = f"""
import sys
sys.platform = {platform!r}
for module in ("posix", "fcntl", "termios"):
    sys.modules[module] = None
"""
    assert outcome(preparation) == (
        "ImportError: virtual time needs Linux, since it reads in /proc what threads and processes outside the clock "
        f"do, and this is {platform}; run this test on Linux, for example in a container, or without the virtual clock"
    )


def test_another_interpreter_is_refused_at_the_import(outcome):
    """Where the functions of C lie elsewhere in memory, nothing is written."""
    assert outcome("import sys\nsys.implementation.name = 'pypy'\n") == (
        "ImportError: virtual time needs CPython, since it redirects functions that are written in C, and this is pypy; "
        "run this test on CPython, or without the virtual clock"
    )


def test_threads_that_run_at_the_same_time_are_refused(first_clock):
    """A free-threaded Python that runs without the lock would let other threads see half a patch."""
    assert first_clock("import sys\nsys._is_gil_enabled = lambda: False\n") == (
        "RuntimeError: virtual time needs the global interpreter lock (GIL), without which threads would run at the same "
        "time, and this free-threaded Python has switched it off; run this test on a standard build of CPython, or "
        "without the virtual clock"
    )


@pytest.mark.parametrize(
    ("missing", "path", "told"),
    [
        ("stat", "/proc/self/task/<thread>/stat", "whether a thread runs or waits"),
        ("schedstat", "/proc/self/task/<thread>/schedstat", "whether a thread has computed"),
        ("children", "/proc/self/task/<thread>/children", "which child processes there are"),
        ("fd", "/proc/self/fd", "who has the other end of a pipe"),
        ("fdinfo", "/proc/self/fdinfo", "what an epoll object waits for"),
    ],
)
def test_a_kernel_that_does_not_tell_enough_is_refused(missing, path, told, first_clock):
    """Without a file that the clock reads it would hang, or let time pass too early: it does not open."""
    assert first_clock(f"MISSING = {missing!r}\n{WITHOUT_A_FILE}") == (
        f"RuntimeError: virtual time needs {path}, which tells {told}, and this kernel or sandbox does not have it; run "
        "this test where /proc is complete, as in an ordinary container, or without the virtual clock"
    )


def test_a_kernel_that_does_not_count_is_refused(first_clock):
    """A file that says 0 for a thread which has just computed is as good as none."""
    assert "needs /proc/self/task/<thread>/schedstat," in first_clock(WITHOUT_ACCOUNTING)


def test_a_thread_that_has_just_begun_can_open_the_first_clock(first_clock):
    """The kernel says 0 for it, too, until it has looked for another thread to run."""
    assert first_clock(IN_A_NEW_THREAD) == "open"

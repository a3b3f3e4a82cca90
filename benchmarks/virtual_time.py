"""What virtual time costs, against freezegun, pytest-freezer, time-machine, looptime and trio's MockClock.

Run it with an interpreter that has them: ``python benchmarks/virtual_time.py``. Each figure is the best of several
rounds in one process, in processor time; what counts are the ratios. The rivals do not all do the same: freezegun and
time-machine move the wall clock only, looptime one event loop, MockClock one run of trio.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from pytest_resilience.clock import VirtualClock

try:
    import freezegun
    import looptime
    import time_machine
    import trio
    import trio.testing
except ImportError as error:
    MISSING = error.name
else:
    MISSING = None

MODULES = 4_000
SLEEPS = 1_000
TASKS = 10_000
MOMENT = datetime(2030, 1, 1)  # noqa: DTZ001  # what the rivals are given

Measured = dict[str, float]


def best(action: Callable[[], float], rounds: int = 7) -> float:
    """The shortest of several results of ``action``, which returns milliseconds."""
    return min(action() for _ in range(rounds))


def elapsed(action: Callable[[], object], read: Callable[[], float] = time.process_time) -> float:
    """Milliseconds that ``action`` takes, of processor time if no other clock is given."""
    start = read()
    action()
    return (read() - start) * 1000


def of_children() -> float:
    """Seconds of processor time of all programs that this one has started and that have ended."""
    return os.times().children_user + os.times().children_system


def report(title: str, results: Measured, target: str) -> None:
    """Print ``results``, each with its ratio to the first, which is the clock's."""
    print(f"\n{title}  (target: {target})")
    ours = next(iter(results.values()))
    for name, milliseconds in results.items():
        print(f"  {name:<44}{milliseconds:>12.4f} ms{milliseconds / ours:>10.2f} x")


def load_modules() -> None:
    """Fill `sys.modules` with modules that hold copies of time functions, as a large application does."""
    for number in range(MODULES):
        module = types.ModuleType(f"loaded_{number}")
        vars(module).update({f"name_{item}": item for item in range(30)}, time=time, sleep=time.sleep, now=time.time)
        sys.modules[module.__name__] = module


def set_up_and_tear_down() -> None:
    """A block of virtual time without anything in it."""

    def enter(make: Callable[[], AbstractContextManager[object]]) -> Callable[[], float]:
        def measured() -> float:
            context = make()

            def enter_and_exit() -> None:
                context.__enter__()
                context.__exit__(None, None, None)

            return elapsed(enter_and_exit)

        return measured

    clock = enter(VirtualClock)
    gc.collect()  # or the first would pay for all objects above, if the one that makes it due is among its own
    first = clock()
    report(
        f"set-up and tear-down, {MODULES} more modules loaded",
        {
            "VirtualClock": best(clock),
            "VirtualClock, the first of the process": first,
            "freezegun": best(enter(lambda: freezegun.freeze_time(MOMENT)), rounds=3),
            "time-machine": best(enter(lambda: time_machine.travel(MOMENT))),
        },
        "at most 1 ms, the first at most 5 ms",
    )


SUITE = """
import pytest
@pytest.mark.parametrize("number", range({tests}))
def test(number{fixture}):
    pass
"""
CONFTEST = """
import sys
sys.path[:0] = {path!r}
import virtual_time
virtual_time.load_modules()
import pytest
from pytest_resilience.clock import VirtualClock
@pytest.fixture
def clock():
    with VirtualClock() as clock:
        yield clock
"""


def whole_suites(tests: int = 200) -> None:
    """The time per test that a fixture adds to a suite of empty tests."""

    def run(folder: Path, fixture: str) -> float:
        suite = folder / f"test_{fixture or 'nothing'}.py"
        suite.write_text(SUITE.format(tests=tests, fixture=f", {fixture}" if fixture else ""))
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            "-W",
            "ignore",
            str(suite),
        ]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return elapsed(lambda: subprocess.run(command, cwd=folder, check=True, **quiet), of_children)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "conftest.py").write_text(CONFTEST.format(path=[str(Path(__file__).parent), *sys.path]))
        plain = best(lambda: run(folder, ""), rounds=3)
        results = {
            fixture: max(0.001, (best(lambda fixture=fixture: run(folder, fixture), rounds=3) - plain) / tests)
            for fixture in ("clock", "freezer")
        }
    report(
        f"one test more in a suite with {MODULES} more modules",
        {"with a VirtualClock": results["clock"], "with pytest-freezer": results["freezer"]},
        "at most 1 ms",
    )


async def sleep_in_asyncio(seconds: float) -> float:
    """A thousand sleeps in one task."""
    start = time.process_time()
    for _ in range(SLEEPS):
        await asyncio.sleep(seconds)
    return (time.process_time() - start) * 1000


async def sleep_in_trio(seconds: float) -> float:
    """The same in trio."""
    start = time.process_time()
    for _ in range(SLEEPS):
        await trio.sleep(seconds)
    return (time.process_time() - start) * 1000


async def many_tasks() -> None:
    """Ten thousand tasks with timers of their own."""
    await asyncio.gather(*(asyncio.sleep(number % 100 + 1) for number in range(TASKS)))


def in_looptime(make: Callable[[], object]) -> object:
    """Run the coroutine that ``make`` makes in a loop of looptime."""
    loop = looptime.new_event_loop(start=0)
    try:
        return loop.run_until_complete(make())  # type: ignore[arg-type]  # it is a coroutine
    finally:
        loop.close()


def sleep_in_threads() -> float:
    """A thousand sleeps in one thread."""

    def sleeps() -> None:
        for _ in range(SLEEPS):
            time.sleep(1)

    return elapsed(sleeps)


def sleeping() -> None:
    """A thousand sleeps of one second, one after the other."""
    with VirtualClock():
        threads = best(sleep_in_threads)
        yielding = best(lambda: asyncio.run(sleep_in_asyncio(0)))
        virtual = best(lambda: asyncio.run(sleep_in_asyncio(1)))
        in_trio = best(lambda: trio.run(sleep_in_trio, 1))
    mock_clock = best(lambda: trio.run(sleep_in_trio, 1, clock=trio.testing.MockClock(autojump_threshold=0)))
    other_loop = best(lambda: float(str(in_looptime(lambda: sleep_in_asyncio(1)))), rounds=3)
    report(
        f"{SLEEPS} sleeps",
        {
            "VirtualClock, time.sleep": threads,
            "VirtualClock, asyncio.sleep": virtual,
            "looptime, asyncio.sleep": other_loop,
            "VirtualClock, trio.sleep": in_trio,
            "trio's MockClock, trio.sleep": mock_clock,
        },
        "at most 5 ms in a thread",
    )
    report(
        f"{SLEEPS} sleeps in asyncio, against sleep(0) in the same loop",
        {"asyncio.sleep(0)": yielding, "asyncio.sleep(1)": virtual},
        "at most 1.3 x",
    )


def tasks() -> None:
    """Many tasks at once."""

    def in_clock() -> float:
        with VirtualClock():
            return elapsed(lambda: asyncio.run(many_tasks()))

    report(
        f"{TASKS} asyncio tasks with timers",
        {
            "VirtualClock": best(in_clock, rounds=5),
            "looptime": best(lambda: elapsed(lambda: in_looptime(many_tasks)), rounds=5),
        },
        "no slower than looptime",
    )


def reading() -> None:
    """A thousand readings of the wall clock."""

    def read() -> float:
        def readings() -> None:
            for _ in range(1000):
                time.time()

        return elapsed(readings)

    plain = best(read)
    with VirtualClock():
        virtual = best(read)
    with time_machine.travel(MOMENT):
        travelled = best(read)
    with freezegun.freeze_time(MOMENT):
        frozen = best(read)
    report(
        "1000 calls of time.time()",
        {"VirtualClock": virtual, "time-machine": travelled, "freezegun": frozen, "no tool": plain},
        "none",
    )


def main() -> None:
    """Run all of it."""
    if MISSING is not None:
        print(f"left out: {MISSING} is not installed (pip install freezegun pytest-freezer time-machine looptime trio)")
        return
    load_modules()
    set_up_and_tear_down()
    sleeping()
    tasks()
    reading()
    whole_suites()


if __name__ == "__main__":
    main()

"""Other tools that have to do with time, beside the clock."""

from __future__ import annotations

import asyncio
import datetime
import functools
import gc
import threading
import time

import freezegun
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_resilience.clock import VirtualClock

MOMENT = datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)


def test_freezing_sets_the_wall_clock_and_virtual_time_moves_it(clock):
    """Inside the clock, `freeze_time` says what time it is, and sleeping goes on from there."""
    monotonic = time.monotonic()
    with freezegun.freeze_time(MOMENT):
        assert datetime.datetime.now(datetime.UTC) == clock.now() == MOMENT
        time.sleep(300)
        assert datetime.datetime.now(datetime.UTC) == clock.now() == MOMENT + datetime.timedelta(seconds=300)
        assert time.time() == MOMENT.timestamp() + 300
        assert time.monotonic() - monotonic == 300.0
    assert datetime.datetime.now(datetime.UTC) - MOMENT < datetime.timedelta(0)
    assert clock.elapsed == 300.0


@pytest.mark.parametrize("tick", [False, True])
def test_a_clock_in_frozen_time_starts_there(tick):
    """A clock that opens while time is frozen shows the frozen time, moves it, and leaves it as it was."""
    with freezegun.freeze_time(MOMENT, tick=tick):
        with VirtualClock() as clock:
            assert abs(clock.now() - MOMENT) < datetime.timedelta(minutes=5)
            before = clock.now()
            time.sleep(300)
            assert clock.now() - before == datetime.timedelta(seconds=300)
            assert datetime.datetime.now(datetime.UTC) == clock.now()
        assert datetime.datetime.now(datetime.UTC) - MOMENT < datetime.timedelta(minutes=5)


def test_a_tick_lets_time_pass(clock):
    """`tick` of a freezer wakes whoever is due meanwhile; `move_to` takes all clocks along."""
    woken = []
    thread = threading.Thread(target=lambda: (time.sleep(10), woken.append(clock.elapsed)))
    thread.start()
    with freezegun.freeze_time(MOMENT) as freezer:
        monotonic = time.monotonic()
        freezer.tick(300)
        assert woken == [10.0]
        assert clock.elapsed == 300.0
        freezer.tick(datetime.timedelta(seconds=60))
        assert time.monotonic() - monotonic == 360.0
        freezer.move_to("2031-06-01")
        assert clock.now() == datetime.datetime(2031, 6, 1, tzinfo=datetime.UTC)
        assert time.monotonic() - monotonic == clock.elapsed > 86_400
        before = time.monotonic()
        freezer.move_to("2020-01-01")
        assert clock.now() == datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        assert time.monotonic() >= before
    thread.join()


MODES = {
    "plain": {},
    "tick": {"tick": True},
    "real_asyncio": {"real_asyncio": True},
    "auto_tick_seconds": {"auto_tick_seconds": 15},
}


_unfrozen_time, _unfrozen_monotonic = functools.partial(time.time), functools.partial(time.monotonic)


@pytest.fixture(params=MODES)
def frozen(request, clock):
    """A freezer in each mode of freezegun, and a function that says how far each clock has gone since then."""
    with freezegun.freeze_time(MOMENT, **MODES[request.param]) as freezer:
        start, zero = _unfrozen_monotonic(), MOMENT.timestamp()

        def gone():
            # Taken past freezegun's own functions, each look at which moves the time under `auto_tick_seconds`.
            wall = (clock.now() - MOMENT).total_seconds()
            return {wall, clock.elapsed, _unfrozen_monotonic() - start, _unfrozen_time() - zero}

        yield freezer, gone


def test_all_clocks_agree_in_every_mode(frozen, clock):
    """Sleeps, ticks and moves take all of them along, and who sleeps wakes on the way."""
    freezer, gone = frozen
    woken = []
    thread = threading.Thread(target=lambda: (time.sleep(12), woken.append(clock.elapsed)))
    thread.start()
    time.sleep(10)
    assert gone() == {10}
    freezer.tick(5)
    assert gone() == {15}
    assert woken == [12]
    asyncio.run(asyncio.sleep(5))
    assert gone() == {20}
    freezer.move_to(MOMENT + datetime.timedelta(seconds=60))
    assert gone() == {60}
    assert clock.sleeps == [12, 10, 5]
    thread.join()


def test_who_has_slept_long_enough_wakes_where_time_has_moved_to(frozen, clock):
    """A move is one jump: a thread that looks each second looks once more, and not a year's worth of times."""
    freezer, gone = frozen
    woken = []

    def look():
        while not woken or woken[-1] < 3600:
            time.sleep(1)
            woken.append(clock.elapsed)

    thread = threading.Thread(target=look)
    thread.start()
    time.sleep(1.5)
    freezer.move_to(MOMENT + datetime.timedelta(hours=1))
    thread.join()
    assert woken == [1, 3600]
    assert gone() == {3600}


def test_each_look_at_a_clock_lets_time_pass_where_that_is_asked_for(clock):
    """Under `auto_tick_seconds`, a loop that waits for a time ends, and a thread that sleeps wakes on the way."""
    woken = []
    thread = threading.Thread(target=lambda: (time.sleep(20), woken.append(clock.elapsed)))
    thread.start()
    with freezegun.freeze_time(MOMENT, auto_tick_seconds=15):
        assert [datetime.datetime.now(), time.time() - MOMENT.timestamp()] == [MOMENT.replace(tzinfo=None), 15]
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            """Look again."""
        assert clock.elapsed == 90
    assert woken == [20]
    thread.join()


def test_a_look_of_the_garbage_collector_lets_no_time_pass(clock):
    """Where it collects is chance: a test with `auto_tick_seconds` takes the same course beside hypothesis, which looks."""
    looks = []

    def look(phase, info):
        looks.append(time.perf_counter() - clock.elapsed)

    gc.callbacks.append(look)
    try:
        with freezegun.freeze_time(MOMENT, auto_tick_seconds=15):
            gc.collect()
            assert clock.elapsed == 0
    finally:
        gc.callbacks.remove(look)
    assert len(looks) >= 2


def test_the_wall_clock_is_itself_again_after_freezing(clock):
    """Also after freezers in each other, of which each leaves the one around it as it was, and gone on."""
    before = clock.now()
    with freezegun.freeze_time(MOMENT):
        time.sleep(1)
        with freezegun.freeze_time("2020-01-01"):
            time.sleep(1)
            assert clock.now() == datetime.datetime(2020, 1, 1, 0, 0, 1, tzinfo=datetime.UTC)
        assert clock.now() == MOMENT + datetime.timedelta(seconds=2)
    assert clock.now() == before + datetime.timedelta(seconds=2)


def test_timeouts_work_in_frozen_time(clock):
    """Everything that hangs under freezegun alone ends at its time: loops, deadlines, executors."""
    from concurrent.futures import ThreadPoolExecutor, as_completed

    with freezegun.freeze_time(MOMENT):

        async def main():
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 30)

        asyncio.run(main())
        with ThreadPoolExecutor(1) as executor, pytest.raises(TimeoutError):
            list(as_completed([executor.submit(time.sleep, 10)], timeout=5))
        assert clock.elapsed == 40.0


def test_the_clock_can_be_loaded_in_frozen_time(run_importing):
    """The first clock of a process may be opened while freezegun has put its own functions in place."""
    code = """
import _pytest.timing, freezegun, time, datetime
with freezegun.freeze_time("2031-05-06"):
    from pytest_resilience.clock import VirtualClock
    with VirtualClock() as clock:
        time.sleep(3600)
        assert str(clock.now()) == "2031-05-06 01:00:00+00:00", clock.now()
        assert datetime.datetime.now().hour == 1
assert time.time.__self__ is time
with VirtualClock():
    before = _pytest.timing.time()
    time.sleep(1_000_000)
    assert _pytest.timing.time() - before < 600
"""
    ran = run_importing(code, warnings="error")
    assert ran.returncode == 0, ran.stderr


def test_time_machine_outside_the_clock_sets_its_start():
    """A clock opened on a journey starts at its destination; a journey inside the clock is refused, with the reason."""
    import time_machine

    with time_machine.travel(MOMENT, tick=False):
        with VirtualClock() as clock:
            assert clock.now() == MOMENT
            time.sleep(300)
            assert datetime.datetime.now(datetime.UTC) == MOMENT + datetime.timedelta(seconds=300)
        assert datetime.datetime.now(datetime.UTC) == MOMENT
    with VirtualClock(), pytest.raises(RuntimeError) as caught:
        time_machine.travel(MOMENT).start()
    assert str(caught.value) == (
        "time_machine.travel() inside a virtual clock would leave two tools in charge of one wall clock; "
        "give the clock the instant instead, VirtualClock(start=...), or travel first and open the clock inside"
    )


def test_uvloop_is_refused(clock):
    """A loop that keeps its own time says so when it is made."""
    import uvloop

    with pytest.raises(RuntimeError) as caught:
        uvloop.new_event_loop()
    assert str(caught.value) == (
        "uvloop keeps its own time, in C, which a virtual clock cannot move; run this test on asyncio's own event loop "
        "(asyncio.run without a loop factory, or the default event loop policy)"
    )


def test_uvloop_works_outside_the_clock():
    """The refusal ends with the clock, and a loop from before is refused when it runs."""
    import uvloop

    loop = uvloop.new_event_loop()
    with VirtualClock():
        coroutine = asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="uvloop keeps its own time"):
            loop.run_until_complete(coroutine)
        coroutine.close()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


GEVENT = """
import sys
from pytest_resilience.clock import VirtualClock
def check(call):
    try:
        call()
    except RuntimeError as error:
        assert "gevent keeps its own time" in str(error), error
    else:
        raise SystemExit("not refused")
if sys.argv[1] == "patched":
    from gevent import monkey
    monkey.patch_all()
    check(VirtualClock().__enter__)
else:
    if sys.argv[1] == "older":
        import gevent, gevent.event
        gevent.sleep(0)
    with VirtualClock():
        import gevent, gevent.event
        check(lambda: gevent.sleep(1))
        check(lambda: gevent.event.Event().wait(1))
    gevent.sleep(0.001)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["patched", "plain", "older"])
def test_gevent_is_refused(run_program, how):
    """gevent is refused as a patch of the whole process, and where it begins to wait, in an older hub too."""
    ran = run_program(GEVENT, how)
    assert ran.returncode == 0, ran.stderr


def test_looptime_is_refused_while_it_is_on(clock):
    """A loop of looptime is refused if it moves its own time."""
    import looptime

    loop = looptime.new_event_loop()
    coroutine = asyncio.sleep(1)
    with pytest.raises(RuntimeError, match="looptime moves the time of its own event loop only"):
        loop.run_until_complete(coroutine)
    coroutine.close()
    loop.close()


def test_a_module_imported_inside_the_clock_is_patched_too(run_importing):
    """A tool that the test itself imports first is covered like the others, and loads as ever."""
    code = """
import sys
from pytest_resilience.clock import VirtualClock
with VirtualClock() as clock:
    assert "asyncio" not in sys.modules and "trio" not in sys.modules
    import asyncio, trio
    asyncio.run(asyncio.sleep(3600))
    trio.run(trio.sleep, 3600)
    assert clock.elapsed == 7200.0 and clock.sleeps == [3600.0, 3600.0]
import importlib
assert type(asyncio.__spec__.loader).__name__ == "SourceFileLoader", asyncio.__spec__
importlib.reload(asyncio)
"""
    ran = run_importing(code)
    assert ran.returncode == 0, ran.stderr


def test_hypothesis_shrinks_and_keeps_its_deadline():
    """Hours of virtual time in an example neither exceed Hypothesis' deadline nor stop it from shrinking."""

    @settings(database=None, derandomize=True, deadline=60_000)
    @given(st.integers(0, 1000))
    def property_(hours):
        with VirtualClock() as clock:
            time.sleep(hours * 3600)
            assert clock.elapsed < 100 * 3600

    with pytest.raises(AssertionError) as caught:
        property_()
    assert any("hours=100" in note for note in caught.value.__notes__)


def test_pytest_dates_its_reports_in_real_time(clock):
    """The times in pytest's reports come from the real clock, though the test's thread sees another."""
    from _pytest import timing

    clock.include_perf_counter()
    before, instant = timing.time(), timing.perf_counter()
    time.sleep(1_000_000)
    assert timing.time() - before < 600
    assert timing.perf_counter() - instant < 600


def test_a_tick_that_would_make_tasks_late_is_refused(clock):
    """freezegun's `tick` inside a coroutine says what to write instead if another task waits for less."""
    import freezegun

    async def main():
        task = asyncio.create_task(asyncio.sleep(5))
        await asyncio.sleep(0)
        with freezegun.freeze_time("2031-01-01") as frozen:
            frozen.tick(4)
            with pytest.raises(RuntimeError) as caught:
                frozen.tick(300)
        await task
        return str(caught.value)

    assert asyncio.run(main()) == (
        "tick() would block the event loop that runs this coroutine, and its other tasks would be late; "
        "write `await asyncio.sleep(seconds)` instead"
    )
    assert clock.elapsed == 5.0

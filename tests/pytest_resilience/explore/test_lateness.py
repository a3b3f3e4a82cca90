"""Timers and answers that come late, as on a busy machine, so that others go first."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import trio

from pytest_resilience import explore
from tests.pytest_resilience.explore.test_schedules import kinds, run_all


def publishing(*, waits):
    """A reader takes for granted that 10 ms are enough for the writer, which sleeps for as long as it does."""
    page, seen = [], []
    written = threading.Event()

    def write():
        time.sleep(1)
        page.append("text")
        written.set()

    def read():
        time.sleep(1.005)
        if waits:
            written.wait()
        seen.extend(page)

    run_all(write, read)
    assert seen == ["text"]


def test_a_sleep_that_is_taken_for_an_order_is_found():
    """A thread that sleeps for a little longer than another one may wake first; one that waits for it may not."""
    (finding,) = explore(lambda: publishing(waits=False)).findings
    assert finding.kind == "wrong result"
    assert finding.plan == ("thread 2, timer 1: time.sleep of 1 s comes 5 ms late, after thread 3",)
    assert kinds(lambda: publishing(waits=True)) == []


def test_timers_of_the_same_instant_have_no_order():
    """Of two threads that wake at once, either may go first, and no time is lost by that."""

    def announcing():
        said, started = [], time.monotonic()

        def say(word):
            time.sleep(1)
            said.append(word)

        run_all(lambda: say("first"), lambda: say("second"))
        assert time.monotonic() - started == 1
        assert said == ["first", "second"]

    assert kinds(announcing) == ["wrong result"]


def test_an_answer_may_come_when_others_have_gone_on():
    """Who waits for an item of a queue may be late for it, and another one has changed it meanwhile."""

    def handing_over(*, copies):
        letters, read, letter = queue.Queue(), [], ["dear"]

        def send():
            sent = letter[:] if copies else letter
            time.sleep(1)
            letters.put(sent)

        def correct():
            time.sleep(1.005)
            letter.append("P.S.")

        run_all(send, correct, lambda: read.extend(letters.get()))
        assert read == ["dear"]

    assert kinds(lambda: handing_over(copies=False)) == ["wrong result"]
    assert kinds(lambda: handing_over(copies=True)) == []


def counting(sleep):
    """Two tasks count: one reads, lets others run and writes; the other one wakes 5 ms later as a rule."""

    async def slowly(count):
        await sleep(1)
        seen = count["n"]
        await sleep(0)
        count["n"] = seen + 1

    async def quickly(count):
        await sleep(1.005)
        count["n"] += 1

    return slowly, quickly


async def on_asyncio():
    """Run both tasks on asyncio."""
    count = {"n": 0}
    await asyncio.gather(*(each(count) for each in counting(asyncio.sleep)))
    assert count["n"] == 2


def on_trio():
    """Run both tasks on trio."""

    async def main():
        count = {"n": 0}
        async with trio.open_nursery() as nursery:
            for each in counting(trio.sleep):
                nursery.start_soon(each, count)
        assert count["n"] == 2

    trio.run(main)


def test_an_event_loop_that_wakes_late_finds_several_timers_due():
    """Then two tasks run in turns that are milliseconds apart otherwise."""
    for program in (on_asyncio, on_trio):
        (finding,) = explore(program).findings
        (step,) = finding.plan
        assert step.endswith(", timer 1: the timer of its event loop comes 5 ms late, after its next timer")


def test_an_event_loop_that_wakes_late_keeps_the_order_of_its_timers():
    """asyncio promises it, so that no finding may rest on another one."""

    async def in_order():
        said = []

        async def say(delay):
            await asyncio.sleep(delay)
            said.append(delay)

        await asyncio.gather(say(1.005), say(1), say(1.002))
        assert said == [1, 1.002, 1.005]

    exploration = explore(in_order)
    assert exploration.findings == []
    assert exploration.extent == "explored all 3 plans with at most 1 fault and 1 deviation"


def test_the_answer_of_an_executor_may_meet_the_timeout_for_it():
    """The work is done, and whoever asked for it hears of a timeout."""

    async def charging(seconds):
        charged = []

        def charge():
            time.sleep(seconds)
            charged.append(1)

        with ThreadPoolExecutor(1) as pool:
            try:
                async with asyncio.timeout(1):
                    await asyncio.get_running_loop().run_in_executor(pool, charge)
            except TimeoutError:
                assert not charged, "charged, and told that it was not"

    (finding,) = explore(lambda: asyncio.run(charging(0.995))).findings
    (step,) = finding.plan
    assert step.endswith(": what its event loop waits for comes 5 ms late, after its next timer")
    assert kinds(lambda: asyncio.run(charging(0.5))) == []


def test_lateness_is_small_against_the_timeouts_of_the_program():
    """A watchdog of 20 ms is not fooled by a sign of life that comes 5 ms late: that much no program has to bear."""

    def watching(period):
        alive, calm = threading.Event(), []

        def beat():
            time.sleep(period * 0.75)
            alive.set()

        run_all(beat, lambda: calm.append(alive.wait(period)))
        assert calm == [True]

    assert kinds(lambda: watching(0.02)) == []
    assert kinds(lambda: watching(0.01)) == []

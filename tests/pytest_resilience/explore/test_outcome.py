"""What is right after a fault, and what is a wrong result, an other error, stuck or swallowed."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest
import trio

from pytest_resilience import explore
from resilience import conn_retry, create_retry_decorator, failpoint
from tests.corpus.services import swallowed_exception


class RefusedError(Exception):
    """An error of the program's own."""


@create_retry_decorator(max_attempts=3, retry_on=ConnectionError)
def fetch():
    return "stock"


@create_retry_decorator(max_attempts=3, retry_on=ConnectionError)
async def fetch_async():
    return "stock"


def kinds(function, **limits):
    """What exploring a function finds, by kind and in order."""
    return [finding.kind for finding in explore(function, **limits).findings]


def test_a_program_that_lets_the_error_through_is_right():
    """The injected error may come out."""
    assert kinds(fetch) == []


def test_a_program_that_makes_its_own_error_of_it_is_right():
    """An error of the program's own class, raised from the injected one or while that is handled, is said on purpose."""

    def from_it():
        try:
            fetch()
        except Exception as error:
            raise ValueError("no stock") from error

    def while_it_is_handled():
        try:
            fetch()
        except Exception:
            raise RefusedError("no stock")  # noqa: B904  # not by `from`

    assert kinds(from_it) == kinds(while_it_is_handled) == []


def test_a_builtin_error_that_merely_happened_is_an_other_error():
    """A mistake in the handler is one, although Python shows what was handled beside it."""

    def mistaken():
        try:
            fetch()
        except Exception as error:
            return error.missing

    (finding,) = explore(mistaken).findings

    assert finding.kind == "other error"
    assert finding.text == "AttributeError: 'ConnectionError' object has no attribute 'missing'"
    assert finding.where.rpartition(":")[0].endswith("test_outcome.py")


def test_an_error_that_says_nothing_of_the_fault_is_an_other_error_unless_it_is_allowed():
    """An error that is made elsewhere has lost what went wrong."""

    def forgetful():
        failed = False
        try:
            fetch()
        except Exception:
            failed = True
        if failed:
            raise RefusedError

    assert kinds(forgetful) == ["other error"]
    assert kinds(forgetful, allowed=[RefusedError]) == []


def test_a_swallowed_fault_is_a_wrong_result():
    """An assertion of the test that fails under a fault is the program's bug."""

    def swallowing():
        stock = None
        with contextlib.suppress(Exception):
            stock = fetch()
        assert stock == "stock"

    assert kinds(swallowing) == ["wrong result"]


def test_an_effect_that_happens_twice_is_found_by_losing_its_answer():
    """The finding says which call, and the line that scripts it."""
    charges = []

    @conn_retry("Payments", "charge", max_retry=3, retry_on=TimeoutError)
    def charge(amount):
        charges.append(amount)

    def charged_once():
        charges.clear()
        charge(30)
        assert charges == [30]

    (finding,) = explore(charged_once).findings

    assert str(finding) == "wrong result: assert [30, 30] == [30]"
    assert finding.plan == ("Payments.charge, call 1: after raise(TimeoutError('injected'))",)
    assert finding.scripts == ("""faults.inject("Payments.charge", "1*after raise(TimeoutError('injected'))")""",)


def test_a_program_that_waits_for_ever_is_stuck():
    """A deadlock under a fault is found, and so is one that tries again for ever in no time."""

    def deadlocked():
        import threading

        done = threading.Event()
        with contextlib.suppress(Exception):
            fetch()
            done.set()
        done.wait()

    def endless():
        while True:
            with contextlib.suppress(Exception):
                return fetch()

    assert kinds(deadlocked) == kinds(endless, budget=4) == ["stuck"]  # the fourth plan has no end


def test_a_program_that_goes_on_after_its_death_is_found():
    """A crash that is caught by a bare except is swallowed; one that comes out is right."""

    def immortal():
        with contextlib.suppress(BaseException):
            fetch()

    assert kinds(immortal) == ["swallowed crash"]


def test_a_coroutine_that_goes_on_after_its_cancellation_is_found():
    """A cancellation has to come out of the coroutine that is cancelled."""

    async def stubborn():
        with contextlib.suppress(asyncio.CancelledError):
            await fetch_async()

    assert kinds(stubborn) == ["swallowed cancellation"]
    assert kinds(fetch_async) == []


def test_the_crash_of_a_background_task_is_not_the_test_s():
    """What a task does that the test has started need not come out of the test."""

    async def with_a_background_task():
        task = asyncio.create_task(fetch_async())
        await asyncio.wait([task])
        with contextlib.suppress(BaseException):
            task.result()

    assert kinds(with_a_background_task) == []


def test_a_worker_that_works_on_after_its_cancellation_is_found():
    """A task of the program that is cancelled, and then calls again, has swallowed it; one that tidies up has not."""

    def working(caught, *, tidies_up=False):
        async def worker(results):
            for _ in range(2):
                try:
                    results.append(await fetch_async())
                except caught:
                    results.append("nothing")
                except asyncio.CancelledError:
                    if tidies_up:
                        await fetch_async()
                    raise

        async def work():
            results = []
            await asyncio.gather(asyncio.create_task(worker(results)), return_exceptions=True)

        return work

    (finding,) = explore(working(BaseException)).findings
    assert str(finding) == (
        "swallowed cancellation: the task went on after the cancellation at "
        "tests.pytest_resilience.explore.test_outcome:fetch_async"
    )
    assert finding.where.startswith("tests/pytest_resilience/explore/test_outcome.py:")
    assert kinds(working(Exception)) == kinds(working(Exception, tidies_up=True)) == []


def test_what_fails_while_a_program_that_has_died_tidies_up_is_no_claim():
    """A program that is killed tidies nothing up, and an error of that is none that it would have."""

    def tidying():
        done = []
        try:
            done.append(fetch())
        finally:
            assert done

    assert "swallowed crash" not in kinds(tidying)


def test_a_run_that_makes_a_later_one_fail_has_poisoned_the_process():
    """A state that outlives the run and is broken by a fault is found by running without faults again."""
    broken = []

    def fragile():
        assert not broken
        broken.append(True)
        fetch()
        broken.clear()

    exploration = explore(fragile)

    assert [finding.kind for finding in exploration.findings] == ["poisoned"]
    assert not exploration.exhausted
    assert exploration.stopped == "the test no longer passes without faults, so that nothing more can be told"


def test_a_bare_failpoint_is_a_point():
    """An OSError and a crash strike where the program has named a place."""

    def half_written():
        lines = ["begun"]
        try:
            failpoint("Explored.between_two_lines")
        except OSError:
            return
        finally:
            lines.append("ended")
        assert lines == ["begun", "ended"]

    exploration = explore(half_written)

    assert exploration.exhausted
    assert exploration.runs == 2


@pytest.mark.parametrize("faults", [1, 2])
def test_a_bug_that_needs_two_faults_is_found_with_two_alone(faults):
    """Pairs are explored where the limit says so."""

    def primary_and_fallback():
        try:
            return fetch()
        except Exception:
            with contextlib.suppress(Exception):
                return failpoint("Explored.fallback")
        raise AssertionError("nothing is served")

    assert kinds(primary_and_fallback, faults=faults, budget=30) == (["wrong result"] if faults == 2 else [])


def test_a_deadline_of_the_program_that_a_fault_makes_it_miss_is_right():
    """A program that retries until its time is over says so by the error of its timeout."""

    async def within_a_timeout():
        async with asyncio.timeout(1):
            await fetch_async()

    async def within_a_scope():
        with trio.fail_after(1):
            await fetch_async()

    def by_itself():
        began = time.monotonic()
        while time.monotonic() - began < 1:
            with contextlib.suppress(Exception):
                return fetch()
            time.sleep(0.3)
        raise TimeoutError("no stock within a second")

    assert kinds(within_a_timeout) == kinds(lambda: trio.run(within_a_scope)) == kinds(by_itself) == []


def test_an_assertion_outside_of_pytest_is_told_by_its_line():
    """Only pytest makes assertions say what they are about."""
    (finding,) = explore(lambda: swallowed_exception.scenario(swallowed_exception.Broken())).findings
    assert str(finding) == 'wrong result: assert service.prices() == {"tea": 3}'

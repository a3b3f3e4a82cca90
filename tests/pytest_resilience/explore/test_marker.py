"""Tests that are marked, or not, and explored by pytest."""

from __future__ import annotations

import os

import pytest

from tests.pytest_resilience.explore.payments import CHARGED_ONCE, SOUND

pytestmark = pytest.mark.slow


def test_without_the_option_a_marked_test_runs_once(suite):
    """Exploring is what resilience mode is for; the test itself stays a test."""
    suite.makepyfile(CHARGED_ONCE)

    suite.runpytest().assert_outcomes(passed=1)


def test_each_run_has_fixtures_and_an_object_of_its_own(suite):
    """A class-based, parametrized test with tmp_path is explored as if it ran for the first time each time."""
    suite.makepyfile(SOUND)

    result = suite.runpytest("--resilience", "-v")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*: no finding in * runs (* s), explored all * plans with at most 1 fault"] * 2)


def test_fixtures_draw_the_same_in_each_run_and_in_the_clock_of_the_run(suite):
    """Whatever another plugin seeds before them, random numbers and times of a fixture are those of the first run."""
    suite.makeconftest("""
        import itertools, random, pytest

        seeds = itertools.count()

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_setup():
            random.seed(next(seeds))
    """)
    suite.makepyfile("""
        import random, time, pytest
        from resilience import failpoint

        seen = set()

        @pytest.fixture
        def drawn(virtual_clock):
            time.sleep(3600)
            return random.random(), virtual_clock.elapsed

        @pytest.mark.explore
        @pytest.mark.virtual_clock(start="2030-01-31")
        def test_drawn(drawn, virtual_clock):
            seen.add((*drawn, str(virtual_clock.now())))
            assert len(seen) == 1
            failpoint("step")
    """)

    result = suite.runpytest("--resilience", "-p", "no:randomly")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*: no finding in * runs (* s), explored all * plans with at most 1 fault"])


def test_what_the_fixtures_complain_of_at_the_end_of_a_run_is_seen(suite):
    """What a test injects itself strikes in its runs, and where it does not, that is a finding."""
    suite.makepyfile("""
        import pytest
        from resilience import failpoint

        @pytest.mark.explore
        def test_planned(faults):
            faults.inject("second", "1*raise(OSError)")
            try:
                failpoint("first")
            except OSError:
                return
            with pytest.raises(OSError):
                failpoint("second")
    """)

    result = suite.runpytest("--resilience")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*wrong result: Failed: planned faults never fired*"])


def test_a_whole_suite_can_be_explored(suite):
    """Tests that are not marked are explored with --resilience-explore, and those with nothing to explore just run."""
    suite.makepyfile(
        CHARGED_ONCE.replace("@pytest.mark.explore", "") + "\n    def test_plain():\n        assert True\n"
    )

    suite.runpytest("--resilience", "--resilience-explore").assert_outcomes(failed=1, passed=1)
    suite.runpytest("--resilience-explore").assert_outcomes(failed=1, passed=1)


def test_what_fails_without_faults_is_reported_as_ever(suite):
    """The run without faults comes first, and its failure is the result."""
    suite.makepyfile(CHARGED_ONCE.replace("charge(30)", "charge(31)"))

    result = suite.runpytest("--resilience")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert charges == [[]30[]]"])
    result.stdout.no_fnmatch_line("*explore:*")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--resilience-budget=0"],
            "ERROR: --resilience-budget must be a number of runs, such as 200, or real time, such as 30s or 5m, got '0'",
        ),
        (
            ["--resilience-replay=r1-nonsense"],
            "ERROR: --resilience-replay must be a token from the line `again:` of a finding, got 'r1-nonsense'",
        ),
        (
            ["--resilience-replay=r1-eNpLSixKTi1OVUjLL8pNzFEwrDEEADRTBec"],
            "ERROR: --resilience-replay must be a token from the line `again:` of a finding, got *",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(suite, arguments, message):
    """The message names the option, what it was given, and what is valid."""
    suite.makepyfile(CHARGED_ONCE)

    suite.runpytest("--resilience", *arguments).stderr.fnmatch_lines([message])


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("explore(3)", "@pytest.mark.explore: its arguments are given by name, got 3; write for example @*"),
        ("explore(faults='x')", "@pytest.mark.explore: faults must be an int, got 'x'; write for example @*"),
        (
            "explore(what=3)",
            "@pytest.mark.explore: it has faults, schedules, points, allowed, budget, got 'what'; write for example @*",
        ),
        (
            "explore(faults=0, schedules=0)",
            "@pytest.mark.explore: faults and schedules are both 0, which leaves nothing to explore; write for example @*",
        ),
        (
            "explore(points=['orders.stok:*'])",
            "@pytest.mark.explore(points=...): no function of the modules that are loaded is called like "
            "'orders.stok:?': a pattern is 'package.module:name', and the test module has to import that module",
        ),
        ("explore(points=['nothing.like:this'])", "@pytest.mark.explore(points=...): no failpoint or function is *"),
    ],
)
def test_a_marker_that_makes_no_sense_fails_its_test(suite, marker, message):
    """The message says what to write."""
    suite.makepyfile(CHARGED_ONCE.replace("mark.explore", f"mark.{marker}"))

    result = suite.runpytest("--resilience")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([message])


ASYNC = """
    import asyncio, contextlib, pytest
    from resilience import create_retry_decorator

    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    async def fetch():
        return "stock"

    @pytest.fixture(params=["asyncio", "trio"])
    def anyio_backend(request):
        return request.param

    @pytest.mark.explore
    @pytest.mark.anyio
    async def test_sound():
        assert await fetch() == "stock"

    @pytest.mark.explore
    @pytest.mark.anyio
    async def test_stubborn():
        with contextlib.suppress(asyncio.CancelledError):
            await fetch()
"""


def test_async_tests_are_explored(ends_of_tasks, suite, monkeypatch):
    """Under anyio a test is explored on asyncio, where it can be cancelled, and on trio."""
    monkeypatch.setenv("PYTEST_ADDOPTS", os.environ["PYTEST_ADDOPTS"] + " -p anyio")
    suite.makepyfile(test_it=ASYNC)

    result = suite.runpytest("--resilience")

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ test_stubborn[[]asyncio[]] _*",
            "1  swallowed cancellation: the test went on after the cancellation at test_it:fetch, and passed",
        ]
    )

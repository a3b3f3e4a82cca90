"""What is said after the last line of pytest, where a user has to know something."""

from __future__ import annotations

import pytest

MARKED = """
    import pytest

    @pytest.mark.resilience
    @pytest.mark.parametrize("number", range({count}))
    def test_outage(number): pass

    def test_other(): pass

    @pytest.mark.skip(reason="for another reason")
    def test_skipped(): pass
"""


@pytest.mark.parametrize(
    ("count", "words", "arguments"),
    [
        (1, "1 resilience test was skipped: run with --resilience", ()),
        (3, "3 resilience tests were skipped: run with --resilience", ("-q",)),
        pytest.param(
            *(3, "3 resilience tests were skipped: run with --resilience", ("-n2", "-p", "xdist")),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_last_line_says_why_tests_were_skipped(suite, forked_workers, count, words, arguments):
    """Whoever runs marked tests without the option reads at the end what to write."""
    suite.makepyfile(MARKED.format(count=count))

    result = suite.runpytest(*arguments)

    result.assert_outcomes(passed=1, skipped=count + 1)
    assert result.outlines[-1] == words


def test_nothing_is_said_where_nothing_was_left_out(suite):
    """With the option, or without marked tests, pytest has the last word."""
    suite.makepyfile(MARKED.format(count=1))

    result = suite.runpytest("--resilience")

    result.assert_outcomes(passed=2, skipped=1)
    assert "2 passed, 1 skipped" in result.outlines[-1]


SLEPT = """
    import importlib, itertools
    import pytest
    from pytest_resilience import VirtualClock
    from resilience import create_retry_decorator

    @create_retry_decorator(max_attempts=3, wait=lambda state: 4.5)
    def fetch(): pass

    fetch.retry.sleep = lambda seconds: None

    @pytest.fixture
    def seconds_pass(monkeypatch, request):
        '''Real seconds from the beginning to the end of a test: ten, or as many as it says.'''
        readings = itertools.count(step=getattr(request, "param", 10))
        timeline = importlib.import_module("pytest_resilience._timeline.timeline")
        monkeypatch.setattr(timeline, "_real_seconds", lambda: next(readings))

    @pytest.mark.parametrize("number", range({count}))
    def test_retries(seconds_pass, faults, number):
        faults.inject(fetch, "2*raise(OSError)")
        fetch()

    @pytest.mark.parametrize("seconds_pass", [1], indirect=True)
    def test_mocked(seconds_pass, faults):
        faults.inject(fetch, "2*raise(OSError)")
        fetch()

    def test_virtual(seconds_pass, virtual_clock, faults):
        faults.inject(fetch, "2*raise(OSError)->1*sleep(1)")
        fetch()

    def test_quick(seconds_pass, faults):
        faults.inject(fetch, "off")
        fetch()
"""


def test_retries_that_really_slept_are_told(suite):
    """A test that forgot the virtual clock, and took seconds, is named with the fixture that spares them."""
    suite.makepyfile(test_slow=SLEPT.format(count=1))

    result = suite.runpytest()

    result.assert_outcomes(passed=4)
    assert result.outlines[-1] == (
        "retries of test_slow.py::test_retries[0] really slept 9.0 s: with the fixture virtual_clock that takes no time"
    )
    assert "passed" in result.outlines[-2]


def test_many_tests_that_slept_are_told_in_a_few_lines(suite):
    """Five of them are named, the others are counted."""
    suite.makepyfile(test_slow=SLEPT.format(count=8))

    result = suite.runpytest()

    assert result.outlines[-1] == "retries of 3 more tests really slept"
    assert [line.partition(" really")[0] for line in result.outlines[-6:-1]] == [
        f"retries of test_slow.py::test_retries[{number}]" for number in range(5)
    ]

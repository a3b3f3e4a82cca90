"""``@pytest.mark.virtual_clock(start=..., grace=...)`` and what pytest is told of guesses."""

from __future__ import annotations

import pytest

ASKS_FOR_TIME = """
    import datetime, threading, time
    import pytest

    @pytest.fixture(scope="session")
    def older():
        return time.sleep

    @pytest.fixture
    def born():
        return datetime.datetime.now(datetime.UTC)
"""


def test_the_marker_sets_up_the_fixture(suite):
    """It needs no argument; other fixtures of the test see its time already; those that live longer are older."""
    suite.makepyfile(
        ASKS_FOR_TIME
        + """
    @pytest.mark.virtual_clock(start="2030-01-31T12:00", grace=60)
    def test_marked(older, born):
        assert born == datetime.datetime(2030, 1, 31, 12, tzinfo=datetime.UTC)
        time.sleep(3600)
        assert datetime.datetime.now(datetime.UTC) - born == datetime.timedelta(hours=1)

    @pytest.mark.virtual_clock(start="2030-01-31T12:00")
    class TestMarked:
        @pytest.mark.virtual_clock(start=datetime.datetime(2040, 1, 1))
        def test_the_closest_marker_wins(self, virtual_clock, retries):
            assert virtual_clock.now().year == 2040

        def test_all(self, faults, virtual_clock):
            assert virtual_clock.now().year == 2030

    def test_unmarked(born):
        assert born.year < 2030 or time.time() > 1_893_456_000
    """
    )
    suite.runpytest().assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("marker", "text"),
    [
        (
            "('2030-01-31')",
            "@pytest.mark.virtual_clock takes start= and grace=, by name, and was given '2030-01-31'; write for example "
            "@pytest.mark.virtual_clock(start='2030-01-31T12:00', grace=5)",
        ),
        (
            "(begin='2030-01-31', at=1)",
            "@pytest.mark.virtual_clock takes start= and grace=, by name, and was given at=, begin=; write for example "
            "@pytest.mark.virtual_clock(start='2030-01-31T12:00', grace=5)",
        ),
        (
            "(grace=-1)",
            "@pytest.mark.virtual_clock: grace must be 0 or more real seconds, not -1; write for example "
            "@pytest.mark.virtual_clock(start='2030-01-31T12:00', grace=5)",
        ),
        (
            "(start='noon')",
            "@pytest.mark.virtual_clock: start must be an ISO 8601 date and time such as '2026-01-31T12:00', not "
            "'noon'; write for example @pytest.mark.virtual_clock(start='2030-01-31T12:00', grace=5)",
        ),
    ],
)
def test_a_wrong_marker_fails_its_test_alone(suite, marker, text):
    """The text says what was given and what to write; the other tests run."""
    suite.makepyfile(f"""
    import pytest

    @pytest.mark.virtual_clock{marker}
    def test_wrong(): pass

    def test_right(virtual_clock): pass
    """)
    result = suite.runpytest()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_wrong*", text.replace("[", "[[]")], consecutive=True)


GUESSES = """
    import threading
    import pytest

    LOCK = threading.Lock()
    LOCK.acquire()

    {mark}
    @pytest.mark.virtual_clock(grace=0.01)
    def test_guesses(virtual_clock):
        assert not LOCK.acquire(timeout=5)
"""
TOLD = "*GuessWarning: the virtual clock guessed 1 time that nothing more would come from outside, and moved on:"


def test_a_guess_is_told_at_the_end_of_the_test(suite):
    """The test passes, and the summary of warnings names it."""
    suite.makepyfile(GUESSES.format(mark=""))
    result = suite.runpytest("-W", "default::pytest_resilience.GuessWarning")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*::test_guesses", TOLD])


def test_a_guess_is_an_error_where_warnings_are(suite):
    """Where a suite demands that warnings are errors, a guess is one."""
    suite.makepyfile(GUESSES.format(mark=""))
    result = suite.runpytest()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_guesses*", TOLD.replace("*G", "E *G")])


def test_a_guess_may_be_allowed(suite):
    """A test that guesses on purpose says so by the mark that the warning shows."""
    mark = "@pytest.mark.filterwarnings('ignore::pytest_resilience.GuessWarning')"
    suite.makepyfile(GUESSES.format(mark=mark))
    suite.runpytest().assert_outcomes(passed=1)

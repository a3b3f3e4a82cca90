"""What keeps a test from going on for ever: how many attempts may fail, and for how much virtual time."""

from __future__ import annotations

import pytest

ENDLESS = """
    from resilience import continuous_retry

    @continuous_retry(retry_delay={delay})
    def consume(): pass

    def test_endless(faults, {clock}):
        faults.inject(consume, "raise(OSError('down'))")
        consume()

    def test_other(faults):
        faults.inject(consume, "3*raise(OSError('down'))")
        consume()
"""


@pytest.mark.parametrize("arguments", [("--resilience-max-attempts=9",), ("-o", "resilience_max_attempts=9")])
def test_attempts_without_end_fail_the_test(suite, arguments):
    """An uncounted fault on a loop that never gives up ends at the limit, with the reason and the timeline."""
    suite.makepyfile(ENDLESS.format(delay=0, clock="retries"))

    result = suite.runpytest(*arguments)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E  *Failed: 9 attempts failed in this test, and it is not over: plan faults with a count, such as "
            "3[*]raise(OSError), or allow more with --resilience-max-attempts",
            "E  *timeline, in seconds since the test began:",
            "E  *  test_*:consume: fault injected: raise(OSError('down'))",
        ]
    )


@pytest.mark.parametrize(
    "arguments", [("--resilience-max-virtual-time=1m5s",), ("-o", "resilience_max_virtual_time=60")]
)
def test_virtual_time_without_end_fails_the_test(suite, arguments):
    """The same by the clock: what retries for more virtual time than is allowed is ended."""
    suite.makepyfile(
        ENDLESS.format(delay=10, clock="virtual_clock").replace("test_other(faults", "test_other(faults, virtual_clock")
    )

    result = suite.runpytest(*arguments)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E  *Failed: 70 s of virtual time have passed in this test, and it is not over: plan faults with a count, "
            "such as 3[*]raise(OSError), or allow more with --resilience-max-virtual-time",
            "E  *timeline, in seconds since the test began:",
        ]
    )


def test_a_test_that_only_waits_has_all_the_time_it_wants(suite):
    """The limit is for failing without end, not for a test that lets a month pass."""
    suite.makepyfile("""
        def test_month(virtual_clock):
            virtual_clock.advance(30 * 86_400)
    """)

    suite.runpytest("--resilience-max-virtual-time=1").assert_outcomes(passed=1)


def test_a_limit_that_is_lost_in_a_thread_fails_the_test_all_the_same(suite):
    """What ends a background loop is told at the end of the test."""
    suite.makepyfile("""
        import threading
        from resilience import continuous_retry

        @continuous_retry(retry_delay=0)
        def consume(): pass

        def loop():
            try:
                consume()
            except BaseException:
                pass

        def test_endless(faults):
            faults.inject(consume, "raise(OSError('down'))")
            thread = threading.Thread(target=loop)
            thread.start()
            thread.join()
    """)

    result = suite.runpytest("--resilience-max-attempts=9")

    result.stdout.fnmatch_lines(
        ["the kit objected during the test, and the code under test did not let it through:", "  9 attempts failed *"]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "9" * 200])
def test_a_wrong_number_of_attempts_is_a_usage_error(suite, value):
    """The message names the option, what is valid, and the value."""
    result = suite.runpytest(f"--resilience-max-attempts={value}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: --resilience-max-attempts must be a whole number from 1 to 1000000000, got '{value}'"]
    )


@pytest.mark.parametrize("value", ["0", "0.0d", "-1", "x", "1w", "1e9", ""])
def test_a_wrong_virtual_time_is_a_usage_error(suite, value):
    """The message names the option, what is valid, and the value."""
    result = suite.runpytest(f"--resilience-max-virtual-time={value}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: --resilience-max-virtual-time must be a number of seconds above 0, or of m, h or d, such as 90, "
            f"12h or 7d, got '{value}'"
        ]
    )


def test_a_wrong_limit_in_the_ini_file_is_a_usage_error(suite):
    """The message says that it is the ini file's."""
    suite.makeini("[pytest]\nresilience_max_virtual_time = long")

    result = suite.runpytest()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: the ini option resilience_max_virtual_time must be a number of seconds above 0, or of m, h or d, such "
            "as 90, 12h or 7d, got 'long'"
        ]
    )

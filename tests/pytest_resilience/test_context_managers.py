"""The fixtures as context managers that need no pytest: in unittest, in scripts, and inside Hypothesis examples."""

from __future__ import annotations

import textwrap

import pytest

PLAIN = """
    import logging, time, unittest
    from pytest_resilience import DiscordMock, Faults, Retries, RetryLog, Timeline, VirtualClock
    from resilience import conn_retry

    @conn_retry("Depot", "visit", max_retry=60)
    def visit():
        return "visited"

    class TestVisit(unittest.TestCase):
        def setUp(self):
            self.clock = self.enterContext(VirtualClock())
            self.timeline = self.enterContext(Timeline())
            self.discord = self.enterContext(DiscordMock())
            self.log = self.enterContext(RetryLog())
            self.retries = self.enterContext(Retries())
            self.faults = self.enterContext(Faults())

        def test_recovers(self):
            self.faults.inject("Depot.visit", "55*raise(ConnectionError('refused'))")
            self.assertEqual(visit(), "visited")
            self.retries.assert_recovered("Depot.visit", attempts=56)
            self.retries.assert_waits("Depot.visit")
            self.log.assert_prefix(resource="Depot")
            self.discord.assert_alerted(count=1)
            self.assertIn("Depot.visit: recovered at attempt 56", str(self.timeline))
            self.assertGreater(self.clock.elapsed, 600)

        def test_gives_up(self):
            self.faults.inject("Depot.visit", "raise(ConnectionError('refused'))")
            with self.assertRaises(ConnectionError):
                visit()
            self.log.assert_gave_up("Depot.visit", attempts=61)

    if __name__ == "__main__":
        unittest.main()
"""


@pytest.mark.slow
def test_the_plain_classes_in_unittest(run_program):
    """Each fixture is a context manager that needs no pytest run."""
    ran = run_program(textwrap.dedent(PLAIN), warnings="error")

    pytest.LineMatcher(ran.stderr.splitlines()).fnmatch_lines(["Ran 2 tests in *", "OK"])


def test_the_plain_classes_in_a_script(run_program):
    """A script may use them too; a planned fault that never fired ends it with the message."""
    script = """
        from pytest_resilience import Faults, Retries, VirtualClock
        from resilience import create_retry_decorator

        @create_retry_decorator(max_attempts=4)
        def fetch():
            return "fetched"

        with VirtualClock() as clock, Retries() as retries, Faults() as faults:
            faults.inject(fetch, "2*raise(OSError)")
            print(fetch(), retries[fetch][0].outcome, clock.elapsed > 3)

        with Faults() as faults:
            faults.inject(fetch, "2*raise(OSError)")
    """

    ran = run_program(textwrap.dedent(script), warnings="error")

    assert (ran.returncode, ran.stdout) == (1, "fetched recovered True\n")
    pytest.LineMatcher(ran.stderr.splitlines()).fnmatch_lines(
        [
            "*Failed: planned faults never fired, so the test has not proved what it set out to:",
            "  __main__:fetch: 2*raise(OSError) never fired (never called)",
        ]
    )


@pytest.mark.slow
def test_the_plain_classes_inside_hypothesis_examples(together):
    """Each example has a clock, faults and calls of its own."""
    together.makepyfile("""
        from hypothesis import given, settings, strategies as st
        from pytest_resilience import Faults, Retries, RetryLog, VirtualClock, fail
        from resilience import create_retry_decorator

        @create_retry_decorator(max_attempts=8)
        def fetch():
            return "fetched"

        @settings(max_examples=40, deadline=None)
        @given(st.integers(0, 7))
        def test_it(failures):
            with VirtualClock() as clock, Retries() as retries, RetryLog() as log, Faults() as faults:
                if failures:
                    faults.inject(fetch, fail(OSError("x")).times(failures))
                assert fetch() == "fetched"
                (call,) = retries[fetch]
                assert len(call.attempts) == failures + 1
                assert abs(clock.elapsed - sum(call.waits)) < 1e-6
                assert len(log.lines) == failures + bool(failures)  # the last says that it recovered
    """)

    together.runpytest_inprocess("-W", "error").assert_outcomes(passed=1)

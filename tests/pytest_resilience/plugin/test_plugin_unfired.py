"""Planned faults and answers that never came: they fail the test at its end, once, and with all that is left."""

from __future__ import annotations


def test_an_unfired_fault_fails_the_test_at_its_end(suite):
    """With the fixture, the test itself passes and its end is an error with the whole message."""
    suite.makepyfile("""
        from resilience import conn_retry

        @conn_retry("Depot", "connect")
        def connect(): pass

        def test_it(faults):
            faults.inject("Depot.connect", "3*raise(ConnectionError('refused'))")
    """)

    result = suite.runpytest()

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*_ ERROR at teardown of test_it _*",
            "planned faults never fired, so the test has not proved what it set out to:",
            "  Depot.connect: 3*raise(ConnectionError('refused')) never fired (never called)",
            "Plan no more faults than the code meets, or pass strict=False to inject().",
            "*- resilience -*",
        ],
        consecutive=True,
    )


def test_a_failing_test_tells_its_unfired_faults_beside(suite):
    """Where the test fails anyway there is one failure, which mentions the faults that never fired."""
    suite.makepyfile("""
        def helper(): pass

        def test_it(faults):
            faults.inject(helper, "1*raise(OSError)")
            assert "one" == "another"
    """)

    result = suite.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E       AssertionError: *", "planned faults never fired, *", "  *:helper: 1*raise*"])


def test_skipped_and_expected_failures_are_left_alone(suite):
    """A test that skips itself, or is expected to fail and does, is not failed for its unfired faults."""
    suite.makepyfile("""
        import pytest

        def helper(): pass

        def test_skips(faults):
            faults.inject(helper, "1*raise(OSError)")
            pytest.skip("not today")

        @pytest.mark.xfail
        def test_fails_as_expected(faults):
            faults.inject(helper, "1*raise(OSError)")
            assert 0
    """)

    suite.runpytest().assert_outcomes(skipped=1, xfailed=1)


def test_planned_answers_of_discord_that_were_never_given_fail_the_test(suite):
    """The stand-in for Discord is as strict as faults are, and does not add an error to a test that fails anyway."""
    suite.makepyfile("""
        def test_passes(discord):
            discord.respond("2*return(500)")

        def test_fails(discord):
            discord.respond("2*return(500)")
            assert False
    """)

    result = suite.runpytest()

    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*_ ERROR at teardown of test_passes _*",
            "planned answers of Discord were never given, so the test has not proved what it set out to:",
            "  2*return(500) (0 requests came)",
        ],
        consecutive=True,
    )


def test_everything_that_is_left_is_said_at_once(suite):
    """Unfired faults, unused answers and swallowed objections are one error with all three texts."""
    suite.makepyfile("""
        def helper(): pass

        def test_it(faults, discord):
            faults.inject(helper, "1*raise(OSError)")
            discord.respond("1*return(500)")
            try:
                faults.inject("Wdget.connekt", "off")
            except BaseException:
                pass
    """)

    result = suite.runpytest()

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "the kit objected during the test, and the code under test did not let it through:",
            "planned faults never fired, *",
            "planned answers of Discord were never given, *",
        ]
    )


def test_a_subtest_that_fails_fails_the_test_once(suite):
    """In a test with subtests an unfired fault is not reported on top of a failed subtest."""
    suite.makepyfile("""
        def helper(): pass

        def test_it(faults, subtests):
            faults.inject(helper, "1*raise(OSError)")
            with subtests.test("one"):
                assert False
            with subtests.test("two"):
                pass
    """)

    result = suite.runpytest()

    assert result.parseoutcomes().get("errors", 0) == 0

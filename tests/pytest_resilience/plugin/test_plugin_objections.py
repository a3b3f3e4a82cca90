"""Objections in a run of pytest: they fail the test whatever its code swallows, and each is said once."""

from __future__ import annotations

import pytest

SWALLOWING = """
    import threading, pytest
    from resilience import create_retry_decorator, continuous_retry

    def swallow(wrong):
        try:
            wrong()
        except {caught}:
            pass

    def swallow_in_a_thread(wrong):
        def run():
            try:
                wrong()
            except BaseException:
                pass
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()

    def swallow_by_retrying(wrong):
        attempts = []
        @create_retry_decorator(max_attempts=3, max_wait=0)
        def attempt():
            attempts.append(1)
            wrong()
        try:
            attempt()
        except BaseException:
            pass
        assert len(attempts) == 1

    @pytest.mark.parametrize("code", [swallow, swallow_in_a_thread, swallow_by_retrying])
    def test_it(faults, retries, code):
        code(lambda: {wrong})
"""


@pytest.mark.parametrize("caught", ["Exception", "BaseException"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            'faults.inject("Wdget.connekt", "off")',
            "faults.inject(): no failpoint or function is called 'Wdget.connekt'. *",
        ),
        ('retries["Wdget.connekt"]', "retries?'Wdget.connekt'?: no failpoint is called that*"),
    ],
)
def test_an_objection_fails_the_test_however_the_code_swallows_it(suite, caught, wrong, said):
    """Neither a broad except, nor a thread, nor a retry loses what the kit objects to, and the failure says why."""
    suite.makepyfile(SWALLOWING.format(caught=caught, wrong=wrong))

    result = suite.runpytest()

    lost = 3 if caught == "BaseException" else 2
    result.assert_outcomes(passed=lost, failed=3 - lost, errors=lost)
    result.stdout.fnmatch_lines(
        ["the kit objected during the test, and the code under test did not let it through:", f"  {said}"]
    )


def test_an_objection_that_a_retry_loop_meets_again_is_said_once(suite):
    """The same objection, swallowed many times, is one line of the failure."""
    suite.makepyfile("""
        def test_it(faults):
            for _ in range(5):
                try:
                    faults.inject("Wdget.connekt", "off")
                except BaseException:
                    pass
    """)

    assert suite.runpytest().stdout.str().count("is called 'Wdget.connekt'") == 1


def test_a_test_that_fails_for_another_reason_shows_the_swallowed_objection_too(suite):
    """An assertion that fails because a thread lost an objection comes with that objection."""
    suite.makepyfile("""
        import threading

        def test_it(faults):
            def run():
                try:
                    faults.inject("Wdget.connekt", "off")
                except BaseException:
                    pass
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
            assert "worker" == "done"
    """)

    result = suite.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E       AssertionError: *",
            "the kit objected during the test, and the code under test did not let it through:",
            "  faults.inject(): no failpoint or function is called 'Wdget.connekt'. *",
        ]
    )


def test_an_objection_blames_the_line_of_the_test(suite):
    """What the kit objects to is shown with the line that asked for it, and no frame of the kit's own."""
    suite.makepyfile("""
        def test_it(faults):
            faults.inject("Wdget.connekt", "off")
    """)

    result = suite.runpytest("--tb=short")

    result.stdout.fnmatch_lines(
        [
            "*_ test_it _*",
            "test_*.py:2: in test_it",
            '    faults.inject("Wdget.connekt", "off")',
            "E   Failed: faults.inject(): no failpoint or function is called 'Wdget.connekt'. *",
            "*- resilience -*",
        ],
        consecutive=True,
    )


def test_an_objection_that_fails_the_test_is_not_said_twice(suite):
    """The objection is the failure; it is repeated neither in the report nor at the end of the test."""
    suite.makepyfile("""
        def test_it(faults):
            faults.inject("Wdget.connekt", "off")
    """)

    result = suite.runpytest("--tb=short", "-rN")

    result.assert_outcomes(failed=1)
    assert result.stdout.str().count("is called 'Wdget.connekt'") == 1

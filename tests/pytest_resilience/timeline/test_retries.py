"""What is asserted of calls: how they end and how long they wait; and what a failure says."""

from __future__ import annotations

import pytest
import tenacity

from pytest_resilience import Retries
from resilience import conn_retry, continuous_retry, create_retry_decorator, failpoint
from tests.pytest_resilience.timeline.recorded_calls import RateLimitedError, calls_under, failure_of, fetch_it


@conn_retry("Vault", "unlock", max_retry=3)
def unlock_vault():
    """Do it."""
    return "unlocked"


@continuous_retry(retry_delay=2.5)
def consume_it():
    """Do it."""
    return "it"


def undecorated():
    """Do it."""


@pytest.mark.parametrize("name", ["Vault.unlock", "unlock_vault", unlock_vault])
def test_calls_are_found_by_failpoint_by_name_and_by_function(name):
    """The name of the failpoint, that of the function, and the function itself lead to the same calls."""
    with Retries() as retries:
        unlock_vault()
        unlock_vault()

        assert len(retries[name]) == 2


def test_a_function_that_was_not_called_has_no_calls():
    """A known failpoint or function without calls is an empty list, not an objection."""
    with Retries() as retries:
        assert retries["Vault.unlock"] == retries[unlock_vault] == []
        assert retries[f"{fetch_it.failpoint}"] == retries["fetch_it"] == retries[fetch_it] == []


def test_an_inline_failpoint_has_no_calls():
    """A failpoint made by hand is known, and is never retried."""
    failpoint("Vault.between")
    with Retries() as retries:
        assert retries["Vault.between"] == []


@pytest.mark.parametrize(
    "use", [lambda retries: retries["Vlt.unlck"], lambda retries: retries.assert_gave_up("Vlt.unlck")]
)
def test_an_unknown_name_is_an_objection_with_the_closest_names(use):
    """A misspelt name fails at once, and says what it could have been."""
    with pytest.raises(pytest.fail.Exception) as raised, Retries() as retries:
        use(retries)

    assert str(raised.value).startswith(
        "retries['Vlt.unlck']: no failpoint is called that, nor any function that was called. Closest: "
    )
    assert "Vault.unlock" in str(raised.value)


def test_calls_that_were_never_recorded_prove_nothing():
    """Where the `with` was forgotten, an assertion says what to write."""
    with pytest.raises(pytest.fail.Exception) as raised:
        Retries().assert_gave_up("Vault.unlock", count=0)

    assert str(raised.value) == (
        "this Retries has recorded nothing, since it was never opened: write `with Retries() as retries:` around what "
        "it is to record"
    )


def test_a_function_that_is_not_decorated_is_an_objection():
    """Asking for a plain function says that its calls are not kept."""
    with pytest.raises(pytest.fail.Exception) as raised, Retries() as retries:
        retries[undecorated]

    assert str(raised.value) == (
        "retries[undecorated]: only calls of decorated callables are kept, and it is none: those of any function that a "
        "fault is injected into are in injection.calls"
    )


def test_the_name_of_a_function_that_is_not_decorated_is_an_objection():
    """Asking by name for a plain function, which another library may retry, says that its calls are not kept."""
    with pytest.raises(pytest.fail.Exception) as raised, Retries() as retries:
        retries.assert_gave_up(f"{__name__}:undecorated")

    assert str(raised.value) == (
        f"retries['{__name__}:undecorated']: only calls of decorated callables are kept, and it is none: those of any "
        "function that a fault is injected into are in injection.calls"
    )


def test_assertions_about_the_end_pass_where_it_was_so():
    """A call that gave up, and one that recovered, are found by number of attempts and type of error."""

    def gave_up(retries):
        retries.assert_gave_up("Vault.unlock")
        retries.assert_gave_up("Vault.unlock", attempts=4)
        retries.assert_gave_up(unlock_vault, attempts=4, error=OSError)
        retries.assert_gave_up("unlock_vault", error=Exception)
        retries.assert_gave_up("unlock_vault", error="OSError", count=2)
        retries.assert_recovered("unlock_vault", count=0)

    def recovered(retries):
        retries.assert_recovered("Vault.unlock")
        retries.assert_recovered("Vault.unlock", attempts=3)

    calls_under("raise(ConnectionError)", unlock_vault, 2, gave_up)
    calls_under("2*raise(ConnectionError)", unlock_vault, 2, recovered)


@pytest.mark.parametrize(
    ("script", "times", "check", "text"),
    [
        ("off", 0, lambda r: r.assert_gave_up("fetch_it"), "no call of fetch_it gave up; it made no call"),
        (
            "off",
            1,
            lambda r: r.assert_gave_up("fetch_it"),
            "no call of fetch_it gave up; it made 1 call that succeeded after 1 attempt",
        ),
        (
            "raise(OSError)",
            3,
            lambda r: r.assert_gave_up("fetch_it", attempts=5),
            (
                "no call of fetch_it gave up after 5 attempts; it made 3 calls that gave up (attempts) after 4 "
                "attempts with OSError"
            ),
        ),
        (
            "raise(OSError)",
            1,
            lambda r: r.assert_gave_up("fetch_it", attempts=1, error=KeyError),
            (
                "no call of fetch_it gave up after 1 attempt with KeyError; it made 1 call that gave up (attempts) "
                "after 4 attempts with OSError"
            ),
        ),
        (
            "2*raise(OSError)",
            1,
            lambda r: r.assert_recovered("fetch_it", attempts=2),
            "no call of fetch_it recovered at attempt 2; it made 1 call that recovered after 3 attempts",
        ),
        (
            "off",
            1,
            lambda r: r.assert_recovered(fetch_it),
            f"no call of {fetch_it.failpoint} recovered; it made 1 call that succeeded after 1 attempt",
        ),
        (
            "raise(OSError)",
            2,
            lambda r: r.assert_gave_up("fetch_it", attempts=4, error=OSError, count=1),
            (
                "1 call of fetch_it that gave up after 4 attempts with OSError expected, got 2; it made 2 calls that "
                "gave up (attempts) after 4 attempts with OSError"
            ),
        ),
        (
            "2*raise(OSError)",
            1,
            lambda r: r.assert_recovered("fetch_it", count=0),
            "0 calls of fetch_it that recovered expected, got 1; it made 1 call that recovered after 3 attempts",
        ),
    ],
)
def test_a_wrong_end_is_told_with_what_happened_instead(script, times, check, text):
    """A failed assertion says what was looked for, what the calls did instead, and shows the timeline."""
    assert failure_of(check, script, fetch_it, times) == text


@pytest.mark.parametrize("error", [OSError("x"), (OSError, KeyError), 3, int])
def test_an_error_that_is_no_type_is_refused(error):
    """What is asked for must be an exception type or a name."""
    with Retries() as retries, pytest.raises(TypeError) as raised:
        retries.assert_gave_up("Vault.unlock", error=error)

    assert str(raised.value) == f"error must be an exception type, such as OSError, or its name, got {error!r}"


def test_different_ends_are_counted_apart():
    """Calls that ended in the same way are told together."""

    def check(retries):
        fetch_it()
        fetch_it()
        retries.assert_recovered(fetch_it, attempts=4)

    assert failure_of(check, "raise(OSError)") == (
        f"no call of {fetch_it.failpoint} recovered at attempt 4; it made 1 call that gave up (attempts) after 4 "
        "attempts with OSError; 2 calls that succeeded after 1 attempt"
    )


@pytest.mark.parametrize("function", [unlock_vault, fetch_it, consume_it])
def test_the_kit_s_own_waits_are_within_their_policy(function):
    """The waits of each decorator pass its own check, call after call."""
    calls_under("3*raise(OSError)", function, 20, lambda retries: retries.assert_waits(function))


def test_a_wait_that_a_server_asked_for_counts_as_its_bounds():
    """A Retry-After above the policy is expected, and nothing else is."""

    def check(retries):
        assert retries[fetch_it][0].waits == [90.0, 90.0, 90.0]
        retries.assert_waits(fetch_it)

    calls_under(f"3*raise({RateLimitedError.__module__}:RateLimitedError(90))", fetch_it, 1, check)


@pytest.mark.parametrize("bounds", [(2, 2), (0, 100.0), lambda attempt: (2, 2 * attempt)])
def test_a_foreign_wait_is_checked_against_given_bounds(bounds):
    """Bounds may be two numbers, or a function from the attempt to them."""

    @create_retry_decorator(wait=tenacity.wait_fixed(2))
    def foreign():
        raise OSError

    calls_under("off", foreign, 1, lambda retries: retries.assert_waits(foreign, bounds=bounds))


def test_a_wait_out_of_its_bounds_is_told():
    """The message names the call, the wait, the attempt and the bounds."""

    @create_retry_decorator(wait=tenacity.wait_incrementing(1, 10))
    def foreign():
        raise OSError

    assert failure_of(lambda retries: retries.assert_waits(foreign, bounds=(1, 15.5)), function=foreign) == (
        f"{foreign.failpoint} waited 21.000 s after attempt 3; between 1 s and 15.5 s was expected"
    )


def test_a_foreign_wait_without_bounds_is_an_objection():
    """What a foreign strategy may wait is not known, and the message says what to pass."""

    @create_retry_decorator(wait=tenacity.wait_random(0, 2))
    def foreign():
        raise OSError

    with pytest.raises(pytest.fail.Exception) as raised:
        calls_under("off", foreign, 1, lambda retries: retries.assert_waits(foreign))
    assert str(raised.value) == (
        f"assert_waits({foreign.failpoint!r}): what its wait strategy, wait_random, may wait is not known; "
        "pass bounds=(shortest, longest) in seconds, or a function from the attempt to them"
    )


@pytest.mark.parametrize("bounds", [30, (1,), (1, 2, 3), "12", (5, 1), (None, 1), lambda attempt: attempt])
def test_bad_bounds_are_refused(bounds):
    """What is no pair of numbers, or upside down, is an error that shows how to write it."""

    def check(retries):
        with pytest.raises(
            ValueError, match=r"^bounds must be \(shortest, longest\) in seconds, such as \(1, 30\), got "
        ):
            retries.assert_waits(fetch_it, bounds=bounds)

    calls_under("1*raise(OSError)", fetch_it, 1, check)


def test_no_wait_at_all_proves_nothing():
    """Asserting the waits of calls that had none fails."""
    assert failure_of(lambda retries: retries.assert_waits("fetch_it")) == (
        "no wait of fetch_it to assert: none of its calls has failed and been retried"
    )


def test_the_failing_test_s_report_has_message_and_timeline(suite):
    """Through the fixture, a failed assertion blames the line of the test and shows the timeline."""
    suite.makepyfile("""
        from resilience import conn_retry

        @conn_retry("Depot", "visit", max_retry=1)
        def visit(): pass

        def test_it(faults, retries, virtual_clock):
            faults.inject(visit, "1*raise(OSError('closed'))")
            visit()
            retries.assert_gave_up("Depot.visit", attempts=2)
    """)

    result = suite.runpytest()

    result.stdout.fnmatch_lines(
        [
            '>       retries.assert_gave_up("Depot.visit", attempts=2)',
            (
                "E       AssertionError: no call of Depot.visit gave up after 2 attempts; it made 1 call that "
                "recovered after 2 attempts"
            ),
            "E       ",
            "E       timeline, in seconds since the test began:",
            "E              0.000  Depot.visit: call started",
            "E              0.000  Depot.visit: fault injected: raise(OSError('closed'))",
            "E              0.000  Depot.visit: attempt 1 failed with OSError: closed, waits 1.??? s",
            "E              1.???  Depot.visit: recovered at attempt 2",
            "",
            "*.py:9: AssertionError",
        ],
        consecutive=True,
    )

"""Faults: what they do to calls, what an injection tells, and planned faults that never fire."""

from __future__ import annotations

import contextlib
import threading
import time

import hypothesis
import pytest
from hypothesis import strategies as st

from pytest_resilience import Faults, VirtualClock, answer, delay, fail, passthrough
from pytest_resilience._faults.injection import InjectedCall
from resilience import conn_retry, continuous_retry, create_retry_decorator, failpoint
from resilience.testing import ScriptError


@create_retry_decorator(max_attempts=5, max_wait=0)
def fetch(number=1, *, unit="m"):
    """Fetch."""
    return f"{number} {unit}"


@conn_retry("Warehouse", "connect", max_retry=4, max_wait=0)
def connect():
    """Connect."""
    return "connected"


def helper(number=1):
    """Help."""
    return number


def between():
    """Pass a failpoint."""
    failpoint("Faults.between")
    return "done"


class Client:
    def get(self, what="it"):
        return f"got {what}"


def complaint_of(block):
    """Return what the kit says at the end of faults that were used as the block does."""
    with pytest.raises(pytest.fail.Exception) as raised, Faults() as faults:
        block(faults)
    return str(raised.value)


@pytest.mark.parametrize("script", [fail(OSError("x")).times(2), "2*raise(OSError('x'))", "2*raise(OSError('x'))->off"])
def test_a_script_in_code_and_in_text_does_the_same(script):
    """Three failures and then success, however the script is written."""
    with Faults() as faults:
        injection = faults.inject(fetch, script)

        assert fetch() == "1 m"

    assert (injection.fired, len(injection.calls), injection.exhausted) == (2, 3, True)
    assert [call.done for call in injection.calls] == ["raise(OSError('x'))", "raise(OSError('x'))", "off"]


def test_each_action_does_what_it_says():
    """A fault raises, returns in place of the function, sleeps before it, or lets the call through."""
    with VirtualClock() as clock, Faults() as faults:
        script = answer(7).times(1).then(delay(30).times(1)).then(passthrough().times(1)).then(fail(KeyError).times(1))
        injection = faults.inject(helper, script)

        assert helper(2) == 7
        assert clock.elapsed == 0
        assert helper(2) == 2
        assert clock.elapsed == 30
        assert helper(3) == 3
        with pytest.raises(KeyError):
            helper(4)
        assert helper(5) == 5
        assert clock.sleeps == [30]

    assert injection.fired == 3


def test_an_inline_failpoint_returns_what_the_script_says():
    """`failpoint()` returns None unless a test makes it return something else."""
    with Faults() as faults:
        faults.inject("Faults.between", "1*return(5)")

        assert between() == "done"
        assert failpoint("Faults.between") is None

    with Faults() as faults:
        faults.inject("Faults.between", "1*return(5)")
        assert failpoint("Faults.between") == 5


def test_calls_tell_arguments_time_and_what_was_done():
    """Each call is kept with its arguments, its virtual time, and the action in the words of scripts."""
    client = Client()
    with VirtualClock() as clock, Faults() as faults:
        on_function = faults.inject(fetch, "1*raise(OSError('x'))")
        on_method = faults.inject(Client.get, "1*sleep(2)")
        clock.advance(1.5)
        fetch(3, unit="km")
        clock.advance(10)
        client.get(what="that")

        assert on_function.calls == [
            InjectedCall((3,), {"unit": "km"}, 1.5, "raise(OSError('x'))"),
            InjectedCall((3,), {"unit": "km"}, 1.5, "off"),
        ]
        assert on_method.calls == [InjectedCall((client,), {"what": "that"}, 11.5, "sleep(2)")]


def test_the_list_of_calls_is_the_reader_s_own():
    """Changing what `.calls` returned, or the arguments of a call, changes nothing in the injection."""
    with Faults() as faults:
        injection = faults.inject(helper, "1*return(2)->off")
        helper(number=1)
        injection.calls.clear()

        assert len(injection.calls) == 1


def test_each_raise_is_an_exception_of_its_own():
    """The same scripted error strikes twice as two objects, so tracebacks and notes don't pile up."""
    errors = []
    with Faults() as faults:
        faults.inject(helper, fail(OSError("x")).times(2))
        for _ in range(2):
            with pytest.raises(OSError, match="x") as raised:
                helper()
            errors.append(raised.value)

    assert errors[0] is not errors[1]
    assert errors[0].args == errors[1].args == ("x",)


def test_several_places_are_armed_at_once():
    """Each injection of a test has its own script and counts for itself."""
    with Faults() as faults:
        first = faults.inject("Warehouse.connect", "1*raise(OSError)")
        second = faults.inject(fetch, "2*raise(OSError)")
        third = faults.inject(helper, "1*return(9)")

        assert (connect(), fetch(), helper()) == ("connected", "1 m", 9)

    assert (first.fired, second.fired, third.fired) == (1, 2, 1)
    assert [each.name for each in (first, second, third)] == [
        "Warehouse.connect",
        f"{__name__}:fetch",
        f"{__name__}:helper",
    ]


def test_exhausted_tells_when_the_last_planned_fault_has_struck():
    """`.exhausted` turns true with the last fault, not with the call after it."""
    with Faults() as faults:
        injection = faults.inject(helper, "1*off->2*return(0)->off")
        seen = []
        for _ in range(4):
            seen.append((injection.exhausted, injection.fired, injection.pending))
            helper()

    assert seen == [
        (False, 0, "1*off->2*return(0)"),
        (False, 0, "2*return(0)"),
        (False, 1, "1*return(0)"),
        (True, 2, ""),
    ]


def test_many_threads_draw_exactly_what_was_planned():
    """Under threads every planned fault strikes once and no call is lost."""
    outcomes = []
    with Faults() as faults:
        injection = faults.inject(helper, "100*return(0)->100*return(2)")
        start = threading.Barrier(8)

        def work():
            start.wait()
            outcomes.extend(helper() for _ in range(50))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(outcomes) == [0] * 100 + [1] * 200 + [2] * 100
    assert (injection.fired, len(injection.calls)) == (200, 400)


def test_an_armed_clock_does_not_strike_the_kit_itself():
    """A fault on a function that the kit uses too, a clock or a sleep, strikes the code under test alone."""
    with VirtualClock() as clock, Faults() as faults:
        instants = faults.inject("time:monotonic_ns", "1*return(5)")
        sleeps = faults.inject("time:sleep", "1*sleep(3)")

        assert time.monotonic_ns() == 5
        time.sleep(1)
        assert clock.elapsed == 4

    assert len(instants.calls) == 1
    assert len(sleeps.calls) == 1


def test_nothing_is_struck_after_the_end():
    """A thread that goes on after the block, or a copy of a stand-in, reaches the real function."""
    with Faults() as faults:
        faults.inject(helper, "raise(OSError)", strict=False)
        kept = helper

    assert kept(3) == 3


@pytest.mark.parametrize(
    ("arm", "lines"),
    [
        (
            lambda faults: faults.inject("Warehouse.connect", "3*raise(OSError('x'))"),
            ["  Warehouse.connect: 3*raise(OSError('x')) never fired (never called)"],
        ),
        (
            lambda faults: (faults.inject(helper, "1*off->1*return(0)"), helper()),
            [f"  {__name__}:helper: 1*return(0) never fired (0 faults fired in 1 call)"],
        ),
        (
            lambda faults: (faults.inject(helper, "3*return(0)->off"), helper(), helper()),
            [f"  {__name__}:helper: 1*return(0) never fired (2 faults fired in 2 calls)"],
        ),
        (
            lambda faults: (faults.inject(fetch, "raise(OSError)"), faults.inject(helper, fail(KeyError))),
            [
                f"  {__name__}:fetch: raise(OSError) never fired (never called)",
                f"  {__name__}:helper: raise(KeyError) never fired (never called)",
            ],
        ),
    ],
    ids=["never called", "too few calls", "partly fired", "two of them"],
)
def test_a_planned_fault_that_never_fired_is_an_objection(arm, lines):
    """At the end the kit names each place, what is left of its script, and how far it got."""
    assert complaint_of(arm).splitlines() == [
        "planned faults never fired, so the test has not proved what it set out to:",
        *lines,
        "Plan no more faults than the code meets, or pass strict=False to inject().",
    ]


@pytest.mark.parametrize("script", ["off", "5*off", "raise(OSError)", "2*raise(OSError)->off", "1*sleep(0)"])
def test_a_plan_that_was_met_is_no_objection(script):
    """A script without faults, or whose faults all struck, ends in silence."""
    with Faults() as faults:
        faults.inject(helper, script)
        for _ in range(2):
            with contextlib.suppress(OSError):
                helper()


def test_strict_false_opts_out():
    """An injection that is not strict may stay unused."""
    with Faults() as faults:
        assert faults.inject(helper, "raise(OSError)", strict=False).strict is False


def test_a_secret_in_a_script_is_not_printed():
    """What the kit prints about a script is redacted, and cut to a readable length."""
    said = complaint_of(
        lambda faults: (
            faults.inject(helper, fail(OSError("postgres://app:hunter2@db/orders")).times(1)),
            faults.inject(fetch, answer("x" * 10_000).times(1)),
        )
    )

    assert "hunter2" not in said
    assert "postgres://app:[redacted]@db/orders" in said
    assert max(map(len, said.splitlines())) < 300


def test_a_secret_is_not_in_the_ledger_of_an_injection_nor_in_its_repr():
    """What was done to a call is told in reports, too."""
    with Faults() as faults:
        injection = faults.inject(helper, fail(OSError("postgres://app:hunter2@db/orders")).times(1))
        with pytest.raises(OSError, match="hunter2"):
            helper()
    assert [call.done for call in injection.calls] == ["raise(OSError('postgres://app:[redacted]@db/orders'))"]
    assert repr(injection).endswith("=1*raise(OSError('postgres://app:[redacted]@db/orders')), fired 1>")


def test_an_error_of_the_test_is_not_covered_by_the_faults_that_it_left():
    """Where the block fails by itself, unfired faults are not raised on top of it."""
    with pytest.raises(ZeroDivisionError), Faults() as faults:
        faults.inject(helper, "raise(OSError)")
        raise ZeroDivisionError


def test_an_objection_that_was_swallowed_comes_back_at_the_end():
    """The plain class raises at its end what the code inside lost."""

    def swallow(faults):
        with contextlib.suppress(BaseException):
            faults.inject("Faults.qqqq", "off")

    assert complaint_of(swallow).startswith("faults.inject(): no failpoint or function is called 'Faults.qqqq'.")


def test_faults_that_are_not_open_say_so():
    """Arming outside the block is refused, with where to do it."""
    never_opened, closed = Faults(), Faults()
    with closed:
        pass

    for faults in (never_opened, closed):
        with pytest.raises(pytest.fail.Exception) as raised:
            faults.inject("Warehouse.connect", "off")
        assert str(raised.value) == (
            "faults.inject('Warehouse.connect'): these faults are not open; arm a fault inside the test that has them, "
            "or inside `with Faults() as faults:`"
        )


def test_an_objection_is_no_exception_that_code_may_catch():
    """What the kit raises is a BaseException, and no Exception."""
    with pytest.raises(BaseException) as raised, Faults() as faults:  # noqa: PT011  # the kind is the point
        faults.inject("Faults.qqqq", "off")

    assert not isinstance(raised.value, Exception)


@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        (None, TypeError, "expected a script, such as fail(ConnectionError('refused')).times(3) or "),
        (OSError("x"), TypeError, "expected a script, such as fail(ConnectionError('refused')).times(3) or "),
        (OSError, TypeError, "expected a script, such as fail(ConnectionError('refused')).times(3) or "),
        (3, TypeError, "expected a script, such as fail(ConnectionError('refused')).times(3) or "),
        ("", ScriptError, "can't read the fault script at column 1: found "),
        ("3*riase(OSError)", ScriptError, "can't read the fault script at column 3: found "),
        ("Warehouse.connect", ScriptError, "can't read the fault script at column 1: found "),
    ],
)
def test_a_bad_script_is_refused_where_it_is_given(script, kind, said):
    """What is no script is an error of `inject`, before anything is armed."""
    with Faults() as faults:
        with pytest.raises(kind) as raised:
            faults.inject(helper, script)
        assert str(raised.value).startswith(said)
        assert faults.injections == []
        assert helper() == 1


def test_an_injection_introduces_itself():
    """The repr of an injection tells place, script and count."""
    with Faults() as faults:
        injection = faults.inject("Warehouse.connect", "1*raise(OSError('x'))")
        connect()

    assert repr(injection) == "<Injection Warehouse.connect=1*raise(OSError('x')), fired 1>"


@hypothesis.settings(deadline=None)
@hypothesis.given(plan=st.lists(st.booleans(), min_size=1, max_size=12), calls=st.integers(0, 15))
def test_what_strikes_is_what_was_planned(plan, calls):
    """For any plan and any number of calls, the faults strike at their calls, are counted, and what is left is left."""
    script = passthrough().times(1) if not plan[0] else answer("struck").times(1)
    for strikes in plan[1:]:
        script = script.then(answer("struck").times(1) if strikes else passthrough().times(1))

    with Faults() as faults:
        injection = faults.inject("Warehouse.connect", script, strict=False)
        seen = [connect() for _ in range(calls)]

    met = plan[:calls]
    assert seen == ["struck" if strikes else "connected" for strikes in met] + ["connected"] * (calls - len(met))
    assert injection.fired == sum(met)
    assert injection.exhausted == (not any(plan[calls:]))


@pytest.mark.parametrize("number", [1, 2, 10, 200])
def test_a_continuous_retry_outlasts_any_number_of_faults(number):
    """A loop that never gives up meets every planned fault and then succeeds."""
    calls = 0

    @continuous_retry(retry_delay=0)
    def consume():
        nonlocal calls
        calls += 1
        return "done"

    with Faults() as faults:
        injection = faults.inject(consume, fail(OSError("x")).times(number))
        assert consume() == "done"

    assert (injection.fired, calls) == (number, 1)

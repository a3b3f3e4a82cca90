"""What each action does to the call of a function, sync and async."""

import asyncio
import threading
import time

import pytest
import trio

from pytest_resilience import (
    Crash,
    Faults,
    answer,
    call,
    crash,
    delay,
    fail,
    hang,
    passthrough,
    pause,
)
from resilience._failpoints.gate import ReleasedError

EFFECTS = []


def charge(amount=1, *, currency="EUR"):
    EFFECTS.append(amount)
    return f"{amount} {currency}"


def broken():
    raise KeyError("its own")


async def charge_async(amount=1, *, currency="EUR"):
    EFFECTS.append(amount)
    return f"{amount} {currency}"


def run_sync(*args, **kwargs):
    return charge(*args, **kwargs)


def run_asyncio(*args, **kwargs):
    return asyncio.run(charge_async(*args, **kwargs))


def run_trio(*args, **kwargs):
    async def main():
        return await charge_async(*args, **kwargs)

    return trio.run(main)


@pytest.fixture(autouse=True)
def no_effects():
    EFFECTS.clear()


@pytest.fixture(params=[run_sync, run_asyncio, run_trio], ids=lambda run: run.__name__)
def run(request):
    return request.param


@pytest.fixture
def place(run):
    return charge if run is run_sync else charge_async


@pytest.fixture
def faults(clock):
    with Faults() as faults:
        yield faults


def test_raise_in_place_of_the_call(run, place, faults):
    """The error comes out, and the call has no effect."""
    faults.inject(place, fail(OSError("lost")).times(1))
    with pytest.raises(OSError, match=r"^lost$"):
        run()
    assert EFFECTS == []


def test_raise_after_the_effect(run, place, faults):
    """The call takes effect, then its answer is lost."""
    faults.inject(place, "1*after raise(OSError('lost'))")
    with pytest.raises(OSError, match=r"^lost$"):
        run(30)
    assert EFFECTS == [30]


def test_an_error_of_the_function_itself_comes_before_what_is_planned_after_it(faults):
    """Where the call has no effect, there is nothing after it."""
    faults.inject(broken, "1*after raise(OSError('planned'))")
    with pytest.raises(KeyError):
        broken()


def test_return_in_place_of_the_answer(run, place, faults):
    """With `after` the call takes effect and gives another answer; without, it has no effect."""
    faults.inject(place, answer("other").after_effect().times(1).then(answer("instead").times(1)))
    assert [run(1), run(2)] == ["other", "instead"]
    assert EFFECTS == [1]


def test_sleep_before_and_after_the_effect(run, place, clock, faults):
    """The call goes through, later; with `after` its answer comes later."""
    faults.inject(place, delay(10).times(1).then(delay(100).after_effect().times(1)))
    assert run(5) == "5 EUR"
    assert clock.elapsed == 10
    assert run(6) == "6 EUR"
    assert clock.elapsed == 110
    assert EFFECTS == [5, 6]


def test_sleep_is_drawn_from_its_range(clock, faults):
    """Each call has a wait of its own from the range, and the ledger says which."""
    injection = faults.inject(charge, delay(5, "30s"))
    for _ in range(5):
        charge()
    waits = clock.sleeps
    assert len(set(waits)) == 5
    assert all(5 <= wait <= 30 for wait in waits)
    assert [done.done for done in injection.calls] == [f"sleep({wait!r})".replace(".0)", ")") for wait in waits]


def test_a_function_of_the_test_answers(run, place, faults):
    """`call` hands the arguments on and returns what comes back."""
    faults.inject(place, call(lambda amount, *, currency: (amount, currency)).times(1))
    assert run(3, currency="USD") == (3, "USD")
    assert EFFECTS == []


def test_an_async_function_of_the_test_answers(faults):
    """At an async function, what `call` returns is awaited if it can be."""

    async def other(amount):
        await asyncio.sleep(1)
        return -amount

    faults.inject(charge_async, call(other).times(1))
    assert run_asyncio(3) == -3


def test_crash_is_no_exception(run, place, faults):
    """The program dies: no handler of errors goes on."""
    faults.inject(place, crash().times(1))
    with pytest.raises(Crash, match=rf"^the program dies here, at {__name__}:{place.__name__}$"):
        run()
    assert not issubclass(Crash, Exception)
    assert EFFECTS == []


def test_hang_into_a_timeout(clock, faults):
    """A call that never answers is given up by whoever waits for it, in no real time."""
    faults.inject(charge_async, hang().times(1))

    async def client():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(charge_async(), 30)
        return await charge_async(2)

    assert asyncio.run(client()) == "2 EUR"
    assert clock.elapsed == 30
    assert EFFECTS == [2]


def test_hang_into_a_trio_timeout(clock, faults):
    """trio's cancel scopes end it as well."""
    faults.inject(charge_async, hang().times(1))

    async def client():
        with trio.move_on_after(7):
            await charge_async()

    trio.run(client)
    assert clock.elapsed == 7


def test_a_hung_thread_ends_when_the_fault_does(clock, faults):
    """Disarming ends the calls that it made to wait by what is no `Exception`, and later calls go through."""
    ended = []

    def client():
        try:
            charge()
        except BaseException as error:
            ended.append(error)

    injection = faults.inject(charge, hang())
    thread = threading.Thread(target=client)
    thread.start()
    injection.wait_reached()
    injection.disarm()
    thread.join()
    assert [type(error) for error in ended] == [ReleasedError]
    assert not issubclass(ReleasedError, Exception)
    assert charge() == "1 EUR"


def test_pause_until_the_test_says_so(clock, faults):
    """`wait_reached` waits until so many calls wait, and `resume` lets them go through."""
    injection = faults.inject(charge, pause().times(3))
    results = []
    threads = [threading.Thread(target=lambda n=n: results.append(charge(n))) for n in range(3)]
    for thread in threads:
        thread.start()
    injection.wait_reached(3)
    assert EFFECTS == []
    time.sleep(60)
    injection.resume()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["0 EUR", "1 EUR", "2 EUR"]


@pytest.mark.parametrize("library", [asyncio, trio], ids=lambda library: library.__name__)
def test_pause_a_task(library, clock, faults):
    """Tasks of asyncio and trio wait as threads do, and are resumed from another thread."""
    injection = faults.inject(charge_async, pause().times(1))

    def test_thread():
        injection.wait_reached()
        time.sleep(5)
        injection.resume()

    thread = threading.Thread(target=test_thread)
    thread.start()
    assert {asyncio: run_asyncio, trio: run_trio}[library](8) == "8 EUR"
    thread.join()
    assert clock.elapsed == 5


def test_only_calls_that_a_predicate_takes_are_struck_and_counted(faults):
    """What `when` refuses is let through, is not counted, and is not in the ledger."""
    injection = faults.inject(charge, "@2 raise(OSError)", when=lambda amount, **_: amount > 10)
    assert [charge(1), charge(11), charge(2)] == ["1 EUR", "11 EUR", "2 EUR"]
    with pytest.raises(OSError, match=r"^$"):
        charge(12)
    assert [each.args for each in injection.calls] == [(11,), (12,)]


def test_a_list_of_places_has_one_count(faults):
    """One injection at several functions counts and records the calls of all."""
    injection = faults.inject([charge, charge_async], "@2 raise(OSError)")
    assert charge(1) == "1 EUR"
    with pytest.raises(OSError, match=r"^$"):
        run_asyncio(2)
    assert injection.name == f"{__name__}:charge, {__name__}:charge_async"
    assert [each.args for each in injection.calls] == [(1,), (2,)]


def test_windows_count_from_where_the_script_was_armed(clock, faults):
    """A term with a window strikes in it, in virtual time."""
    time.sleep(1000)
    faults.inject(charge, "[10s..1m]raise(OSError)")
    outcomes = []
    for wait in (0, 9.999, 0.001, 49.999, 0.001):
        time.sleep(wait)
        try:
            outcomes.append(charge())
        except OSError:
            outcomes.append("struck")
    assert outcomes == ["1 EUR", "1 EUR", "struck", "struck", "1 EUR"]


def test_a_block_ends_an_injection(faults):
    """Used in a `with` statement, it is disarmed at the end, and what is armed besides goes on."""
    faults.inject(charge, "return('outer')")
    with faults.inject(charge, "return('inner')"):
        assert charge() == "inner"
    assert charge() == "outer"


def test_the_same_seed_strikes_the_same_calls():
    """Chances are drawn from the seed and the place, so a run can be repeated."""

    def struck(seed):
        with Faults(seed=seed) as faults:
            injection = faults.inject(charge, "30%return('struck')")
            for _ in range(50):
                charge()
            return [each.done for each in injection.calls]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)


def test_an_action_that_a_place_cannot_do_is_refused():
    """It is told when it is injected, with what the place can do, and nothing is armed."""
    with pytest.raises(pytest.fail.Exception) as caught, Faults() as faults:
        faults.inject(charge, "2*off->1*status(503)")
    assert str(caught.value) == (
        f"faults.inject(): {__name__}:charge is a function or failpoint, which can't do status(503): it can do off, "
        "raise, return, sleep, hang, pause, crash"
    )
    assert charge() == "1 EUR"


def test_a_predicate_that_cannot_be_called_is_refused(faults):
    """A `when` that is no function is a TypeError at once."""
    with pytest.raises(TypeError, match=r"^when= takes a function of the call's arguments that returns a bool, got 3$"):
        faults.inject(charge, passthrough(), when=3)

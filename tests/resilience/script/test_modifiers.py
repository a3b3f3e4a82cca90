"""Modifiers: which calls a term is for."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience.testing import Script, ScriptRun, fail, passthrough

SECOND = 1_000_000_000


def struck(script, calls, *, seed=0, at=lambda number: 0):
    """The numbers of the calls that a script of ``raise`` strikes, from 1."""
    run = ScriptRun(Script.parse(script), random.Random(seed))
    return [number for number in range(1, calls + 1) if str(run.next(at(number)) or "off") != "off"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("@3 raise(OSError)", [3]),
        ("/3 raise(OSError)", [3, 6, 9]),
        ("+7 raise(OSError)", [8, 9, 10]),
        ("+2 /2 raise(OSError)", [4, 6, 8, 10]),
        ("2*/3 raise(OSError)", [3, 6]),
        ("+2 2*raise(OSError)->@7 raise(OSError)", [3, 4, 7]),
        ("@1 off->2*raise(OSError)", [2, 3]),
        ("1*off->@1 raise(OSError)", []),
        ("/2 off->raise(OSError)", [1, 3, 5, 7, 9]),
        ("100%raise(OSError)", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ],
)
def test_filters_choose_calls_by_their_number(script, expected):
    """Numbers count every call that reaches the place, and the first term that applies decides."""
    assert struck(script, 10) == expected


def test_a_window_begins_with_its_start_and_ends_before_its_end():
    """A term with a window is for the calls in it, to the nanosecond."""
    at = [0, 2 * SECOND - 1, 2 * SECOND, 4 * SECOND - 1, 4 * SECOND, 10 * SECOND]
    windows = {"[2s..4s]": [3, 4], "[2s..]": [3, 4, 5, 6], "[..4s]": [1, 2, 3, 4]}
    for window, expected in windows.items():
        assert struck(f"{window}raise(OSError)", 6, at=lambda number: at[number - 1]) == expected


def test_a_call_that_a_chance_spares_uses_up_no_count():
    """The chance is drawn before the count is used, so that a count says how many faults strike."""
    numbers = struck("20%5*raise(OSError)", 1000)
    assert len(numbers) == 5
    assert numbers != [1, 2, 3, 4, 5]


@pytest.mark.parametrize("percent", [0.5, 5, 25, 60])
def test_a_chance_strikes_as_often_as_it_says(percent):
    """Over many calls the share of faults is the chance, within five standard deviations."""
    calls = 6_000
    share = percent / 100
    deviation = (calls * share * (1 - share)) ** 0.5
    assert abs(len(struck(f"{percent}%raise(OSError)", calls)) - calls * share) < 5 * deviation


def test_a_seed_draws_the_same_again():
    """One seed strikes the same calls each time, and another one others."""
    script = "10%raise(OSError)->20%sleep(1..2)"
    assert struck(script, 200, seed=1) == struck(script, 200, seed=1)
    assert struck(script, 200, seed=1) != struck(script, 200, seed=2)


def test_a_range_is_drawn_uniformly_for_each_call():
    """Each sleep has its own length from the range, with a text of its own."""
    run = ScriptRun(Script.parse("sleep(1..2)"), random.Random(0))
    lengths = [run.next().action.seconds for _ in range(1000)]
    assert all(1 <= length <= 2 for length in lengths)
    quarters = Counter(int((length - 1) * 4) for length in lengths)
    assert all(quarters[quarter] > 150 for quarter in range(4))


def test_a_term_after_the_effect_says_so():
    """The decision tells whether the call takes effect first, and so does its text."""
    run = ScriptRun(Script.parse("1*after raise(OSError)->1*raise(OSError)"))
    decisions = [run.next(), run.next()]
    assert [(each.after, str(each)) for each in decisions] == [
        (True, "after raise(OSError)"),
        (False, "raise(OSError)"),
    ]


@pytest.mark.parametrize(
    ("script", "before", "after_one_strike"),
    [
        ("50%raise(OSError)", "50%raise(OSError)", ""),
        ("/2 raise(OSError)", "/2 raise(OSError)", ""),
        ("[..1m]raise(OSError)", "[..60] raise(OSError)", ""),
        ("@1 raise(OSError)", "@1 raise(OSError)", ""),
        ("50%3*raise(OSError)", "50%3*raise(OSError)", "50%2*raise(OSError)"),
    ],
)
def test_a_term_without_a_count_has_fired_once_it_has_struck(script, before, after_one_strike):
    """What is pending has the modifiers of the script."""
    run = ScriptRun(Script.parse(script))
    assert run.pending == before
    while not run.fired:
        run.next()
    assert run.pending == after_one_strike


MISTAKES = {
    "chance": [(0,), (101,), (float("nan"),), ("5",), (True,)],
    "only": [(0,), (1.5,), (True,)],
    "every": [(0,), ("2",)],
    "skip": [(0,), (-1,)],
    "between": [(), (5, 5), (10, "5s"), (-1, None), (True, None)],
}


@pytest.mark.parametrize(("method", "arguments"), [(name, each) for name, all_ in MISTAKES.items() for each in all_])
def test_a_modifier_that_makes_no_sense_is_refused_in_code(method, arguments):
    """Each names its method, what it expects, and what it got."""
    with pytest.raises((TypeError, ValueError), match=rf"^\.{method}\(\)") as caught:
        getattr(fail(OSError), method)(*arguments)
    assert type(caught.value) in {TypeError, ValueError}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fail(OSError).only(3).times(2),
         "@3 2*raise(OSError) can never strike so: @3 is a single call, which can't be struck 2 times"),
        (lambda: fail(OSError).only(2).skip(5),
         "+5 @2 raise(OSError) can never strike so: call 2 is among the first 5, which +5 leaves alone"),
        (lambda: fail(OSError).only(3).every(2),
         "/2 @3 raise(OSError) can never strike so: call 3 is not one of every 2"),
        (lambda: fail(OSError).only(3).only(4),
         "@3 raise(OSError) has this modifier already: call .only() once for each term"),
        (lambda: fail(OSError).after_effect().then(passthrough()),
         "after raise(OSError) has no count, so it is for every call and off after it is never reached: "
         "write .times(n) before .then(...)"),
    ],
)  # fmt: skip
def test_what_can_never_strike_is_refused_in_code_as_in_text(make, message):
    """A contradiction between modifiers is an error where it is written."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole text is compared
        make()
    assert str(caught.value) == message


FILTERS = st.fixed_dictionaries(
    {}, optional={"only": st.integers(1, 12), "every": st.integers(1, 4), "skip": st.integers(1, 6)}
)


@given(st.lists(st.tuples(FILTERS, st.none() | st.integers(1, 3)), min_size=1, max_size=4))
def test_a_run_decides_as_the_rules_say(plan):
    """A run equals a model that goes through the rules word by word."""
    terms = []
    for index, (filters, count) in enumerate(plan):
        script = fail(OSError(index))
        for name, value in filters.items():
            try:
                script = getattr(script, name)(value)
            except ValueError:
                return
        try:
            terms.append(script if count is None else script.times(count))
        except ValueError:
            return
    try:
        script = terms[0]
        for term in terms[1:]:
            script = script.then(term)
    except ValueError:
        return
    left = [count for _, count in plan]
    expected = []
    for number in range(1, 16):
        decided = "off"
        for index, (filters, _) in enumerate(plan):
            applies = (
                filters.get("only", number) == number
                and number % filters.get("every", 1) == 0
                and number > filters.get("skip", 0)
                and left[index] != 0
            )
            if applies:
                left[index] = None if left[index] is None else left[index] - 1
                decided = f"raise(OSError({index}))"
                break
        expected.append(decided)
    run = ScriptRun(script)
    assert [str(run.next() or "off") for _ in range(15)] == expected

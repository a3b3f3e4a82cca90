"""Running scripts: which call draws which action."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience._failpoints.script.actions.functions import Raise, Return
from resilience._failpoints.script.run import ScriptRun
from resilience.testing import Script, answer, fail, passthrough


def draw(script, calls):
    """Return the texts of what so many calls draw."""
    return drawn_by(ScriptRun(Script.parse(script)), calls)


def drawn_by(run, calls):
    """Return the texts of what so many calls draw; ``off`` where no term applies."""
    return [str(run.next() or "off") for _ in range(calls)]


@pytest.mark.parametrize(
    ("script", "drawn"),
    [
        ("2*raise(OSError)->off", ["raise(OSError)", "raise(OSError)", "off", "off"]),
        ("2*raise(OSError)", ["raise(OSError)", "raise(OSError)", "off", "off"]),
        ("2*off->1*raise(OSError)", ["off", "off", "raise(OSError)", "off"]),
        ("1*return(500)->sleep(2)", ["return(500)", "sleep(2)", "sleep(2)", "sleep(2)"]),
        ("raise(OSError)", ["raise(OSError)"] * 4),
        ("off", ["off"] * 4),
    ],
)
def test_calls_draw_the_terms_one_after_another(script, drawn):
    """A term serves as many calls as it counts, one without a count all the rest; then calls go through."""
    assert draw(script, 4) == drawn


def test_every_strike_has_an_exception_of_its_own():
    """No two strikes raise one object, nor the one that the script was made with, and all are the same fault."""
    request = httpx.Request("GET", "http://example.org")
    template = httpx.ConnectTimeout("slow", request=request)
    run = ScriptRun(fail(template).times(3))
    raised = [drawn.action.error for drawn in (run.next(), run.next(), run.next()) if isinstance(drawn.action, Raise)]

    assert len({id(error) for error in (template, *raised)}) == 4
    for error in raised:
        assert isinstance(error, httpx.ConnectTimeout)
        assert (error.args, error.request, error.__traceback__) == (("slow",), request, None)


def test_literal_answer_is_new_for_each_call():
    """A caller that changes the list it got changes neither the next answer nor the script."""
    value = {"items": [1]}
    script = answer(value).times(2)
    value["items"].append(2)
    run = ScriptRun(script)
    first = run.next().action
    assert isinstance(first, Return)
    assert isinstance(first.value, dict)
    first.value["items"].append(3)

    assert run.next().action == Return({"items": [1]})
    assert str(script) == "2*return({'items': [1]})"


def test_object_answer_is_handed_out_itself():
    """An answer that is no literal is the very object that the script was given."""
    response = httpx.Response(500)
    action = ScriptRun(answer(response)).next().action

    assert isinstance(action, Return)
    assert action.value is response


@pytest.mark.parametrize(
    ("script", "states"),
    [
        (
            "2*raise(OSError)->off",
            [
                (0, False, "2*raise(OSError)"),
                (1, False, "1*raise(OSError)"),
                (2, True, ""),
                (2, True, ""),
            ],
        ),
        (
            "2*off->1*return(500)->3*off",
            [
                (0, False, "2*off->1*return(500)"),
                (0, False, "1*off->1*return(500)"),
                (0, False, "1*return(500)"),
                (1, True, ""),
            ],
        ),
        (
            "1*sleep(1)->raise(OSError)",
            [
                (0, False, "1*sleep(1)->raise(OSError)"),
                (1, False, "raise(OSError)"),
                (2, True, ""),
                (3, True, ""),
            ],
        ),
        ("off", [(0, True, ""), (0, True, "")]),
    ],
)
def test_run_tells_what_fired_and_what_is_pending(script, states):
    """Faults count as fired, off never does, and what is pending ends with the last fault that has not fired."""
    run = ScriptRun(Script.parse(script))
    seen = []
    for _ in states:
        seen.append((run.fired, run.exhausted, run.pending))
        run.next()

    assert seen == states


def test_pending_text_is_a_script_that_finishes_the_plan():
    """What is pending can be parsed, and running it draws what the first run would have drawn."""
    script = Script.parse("1*raise(OSError)->2*off->2*return(1)")
    run = ScriptRun(script)
    run.next()
    rest = ScriptRun(Script.parse(run.pending))

    assert drawn_by(rest, 4) == drawn_by(run, 4)


TERMS = st.sampled_from([fail(OSError), answer(1), answer(None), passthrough()])
CHAINS = st.tuples(st.lists(st.tuples(TERMS, st.integers(1, 4)), max_size=5), st.none() | TERMS).filter(any)


@given(CHAINS, st.integers(0, 25))
@settings(deadline=None)
def test_run_draws_what_the_written_out_list_says(chain, calls):
    """A run equals the list of its actions written out, with the last one, or off, repeated for ever."""
    counted, last = chain
    scripts = [script.times(count) for script, count in counted] + ([last] if last else [])
    script = scripts[0]
    for following in scripts[1:]:
        script = script.then(following)
    model = [str(each) for each, count in counted for _ in range(count)]
    rest = str(last) if last else "off"
    expected = (model + [rest] * calls)[:calls]
    run = ScriptRun(script)

    assert drawn_by(run, calls) == expected
    assert run.fired == sum(text != "off" for text in expected)
    everything_struck = all(text == "off" for text in model[calls:])
    last_struck = rest == "off" or calls > len(model)
    assert run.exhausted == (everything_struck and last_struck)


def test_threads_share_out_exactly_the_plan():
    """Eight threads that draw at once get every planned action exactly as often as it is planned."""
    run = ScriptRun(Script.parse("300*raise(OSError('x'))->200*off->100*return(1)->off"))
    start = threading.Barrier(8)

    def worker(_):
        start.wait()
        return drawn_by(run, 100)

    with ThreadPoolExecutor(8) as pool:
        drawn = Counter(text for texts in pool.map(worker, range(8)) for text in texts)

    assert drawn == {"raise(OSError('x'))": 300, "off": 400, "return(1)": 100}
    assert (run.fired, run.exhausted) == (400, True)


def test_two_runs_of_one_script_do_not_share_their_counts():
    """A script is only a plan: each run of it starts from the beginning."""
    script = fail(OSError).times(1)
    ScriptRun(script).next()

    assert str(ScriptRun(script).next()) == "raise(OSError)"

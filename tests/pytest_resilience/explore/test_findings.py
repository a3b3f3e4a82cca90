"""Findings as pytest shows them, and what shows them again."""

from __future__ import annotations

import os

import pytest

from tests.pytest_resilience.explore.payments import CHARGED_ONCE, PAYMENTS, SOUND

pytestmark = pytest.mark.slow


def test_a_finding_says_what_where_and_how_to_see_it_again(suite):
    """The text has the assertion, the fault, a line for a script, a line for a replay, and the timeline."""
    suite.makepyfile(test_orders=CHARGED_ONCE)

    result = suite.runpytest("--resilience")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "explore: 1 finding in * runs (* s), explored all * plans with at most 1 fault",
            "",
            "1  wrong result: assert [[]30, 30[]] == [[]30[]] * test_orders.py:17",
            "   Payments.charge, call 1: after raise(httpx.ReadTimeout('injected'))",
            """   as a script:   faults.inject("Payments.charge", "1*after raise(httpx.ReadTimeout('injected'))")""",
            "   again:         pytest --resilience --resilience-replay=r1-* test_orders.py::test_charged_once",
            "   timeline, in seconds since the test began:",
            "*  Payments.charge: fault injected: after raise(httpx.ReadTimeout('injected'))",
            "*  Payments.charge: recovered at attempt 2",
            "",
            "seed: --resilience-seed=*",
        ],
        consecutive=False,
    )


def test_the_replay_line_fails_in_the_same_way_with_the_test_s_own_traceback(suite):
    """A token runs the test once, as in the finding."""
    suite.makepyfile(test_orders=CHARGED_ONCE)
    explored = suite.runpytest("--resilience")
    line = next(line for line in explored.outlines if "again:" in line)

    result = suite.runpytest(*line.split()[2:])

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert charges == [[]30[]]", "*fault injected: after raise(*", "*1 failed*"])


def test_the_script_line_makes_an_ordinary_test_fail(suite):
    """What is shown as a script can be pasted."""
    suite.makepyfile(test_orders=CHARGED_ONCE)
    explored = suite.runpytest("--resilience")
    line = next(line for line in explored.outlines if "as a script:" in line).partition("script:")[2].strip()
    suite.makepyfile(
        test_pasted=PAYMENTS
        + f"""
    def test_pasted(faults, virtual_clock):
        {line}
        charge(30)
        assert charges == [30]
"""
    )

    suite.runpytest("test_pasted.py").assert_outcomes(failed=1)


def test_a_file_that_several_plans_leave_open_is_one_finding(suite):
    """Each run has a folder of its own, which is gone afterwards: the file in it is the same one all the same."""
    suite.makepyfile(
        """
        import os, pytest
        from resilience import failpoint

        @pytest.mark.explore
        def test_export(tmp_path):
            file = os.open(tmp_path / "export", os.O_CREAT)
            failpoint("export.write")
            os.close(file)
        """
    )

    result = suite.runpytest("--resilience")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "explore: 1 finding in *",
            "1  leak: the run leaves the open file */test_export[*]/export behind",
        ]
    )


def test_what_was_found_is_tried_first_the_next_time(suite, monkeypatch):
    """With pytest's cache, the budget of one run is enough to see whether a bug is still there."""
    monkeypatch.setenv("PYTEST_ADDOPTS", os.environ["PYTEST_ADDOPTS"].replace("-p no:cacheprovider", ""))
    suite.makepyfile(CHARGED_ONCE)
    suite.runpytest("--resilience")

    result = suite.runpytest("--resilience", "--resilience-budget=1")

    result.stdout.fnmatch_lines(["explore: 1 finding in 1 run (* s), explored 1 of at least * plans"])


def test_a_token_that_does_not_fit_is_refused(suite):
    """A replay of a decision that never comes is no pass."""
    suite.makepyfile(test_orders=CHARGED_ONCE, test_sound=SOUND.replace('"Payments", "charge"', '"Payments", "refund"'))
    explored = suite.runpytest("--resilience", "test_orders.py")
    token = next(line for line in explored.outlines if "again:" in line).split()[3]

    result = suite.runpytest("--resilience", token, "test_sound.py::TestCharging::test_charged[1]")
    both = suite.runpytest("--resilience", token, "test_sound.py")

    result.stdout.fnmatch_lines(
        [
            "--resilience-replay: the token does not fit this test: it says what happens at Payments.charge, call 1, "
            "which never came. The test, the code or its points have changed: explore it again"
        ]
    )
    both.stderr.fnmatch_lines(
        ["ERROR: --resilience-replay runs the one test that the token is of, and 2 were collected: name it, as the *"]
    )


STORM = """
    import pytest
    from resilience import create_retry_decorator, send_rate_limited_discord_alert

    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    def fetch(order):
        return order

    @pytest.mark.explore(schedules=0)  # or each thread that delivers is stopped in many places
    def test_orders(discord):
        for order in range(3):
            try:
                fetch(order)
            except Exception as error:
                send_rate_limited_discord_alert("fetch", error, CONTEXT, "no stock for order {}".format(order))
        assert order == 2
"""
UP_TO_THE_STORM = "--resilience-budget=4"  # the third plan is the first in which each order fails


@pytest.mark.parametrize(("context", "findings"), [("'order {}'.format(order)", 1), ("'orders'", 0)])
def test_alerts_that_say_the_same_are_a_storm(suite, context, findings):
    """A context that is another each time makes each alert a signature of its own."""
    suite.makepyfile(STORM.replace("CONTEXT", context))

    result = suite.runpytest("--resilience", UP_TO_THE_STORM)

    result.assert_outcomes(failed=findings, passed=1 - findings)
    if findings:
        result.stdout.fnmatch_lines(
            ["1  alert storm: 3 alerts in less than 300 s say the same: no stock for order [*]"]
        )


def test_an_interrupted_exploration_says_what_it_has_found(suite):
    """Ctrl-C ends at once, with the findings so far."""
    counted = (
        "    charge(30)",
        "    runs.append(1)\n        if len(runs) == 15: raise KeyboardInterrupt\n        charge(30)",
    )
    suite.makepyfile(CHARGED_ONCE.replace("charges = []", "charges, runs = [], []").replace(*counted))

    result = suite.runpytest_inprocess("--resilience", no_reraise_ctrlc=True)

    result.stdout.fnmatch_lines(["explore: 1 finding in * runs (* s), explored * plans; stopped: interrupted"])
    result.stdout.fnmatch_lines(["*KeyboardInterrupt*"])


RACE = """
    import threading, pytest

    @pytest.mark.explore
    def test_visits():
        visits = {"n": 0}

        def visit():
            visits["n"] += 1

        threads = [threading.Thread(target=visit) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert visits["n"] == 2
"""


def test_a_schedule_is_replayed(suite):
    """A token of a race stops the same thread in the middle of the same line."""
    suite.makepyfile(test_race=RACE)
    explored = suite.runpytest("--resilience")
    line = next(line for line in explored.outlines if "again:" in line)

    result = suite.runpytest(*line.split()[2:])

    explored.stdout.fnmatch_lines(
        ["   thread 2, step *: thread 1 'MainThread' goes on before it, at test_race.py:8 (after *"]
    )
    result.stdout.fnmatch_lines(["E * assert 1 == 2"])


def test_a_password_that_the_kit_takes_out_of_an_alert_is_no_finding(suite):
    """Alerts are read as the channel gets them."""
    suite.makepyfile(
        STORM.replace("CONTEXT", "'orders'").replace(
            '"no stock for order {}".format(order)', "'no stock, says ' + ADDRESS"
        )
        + "\n    ADDRESS = 'postgres://shop:correct-horse-battery@db/stock'\n"
    )

    suite.runpytest("--resilience", UP_TO_THE_STORM).assert_outcomes(passed=1)


STOCK = """
    import contextlib, httpx, pytest

    def stock_at(url):
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(url + "/stock", trust_env=False, verify=False).text

    @pytest.mark.explore(schedules=0)
    def test_stock(faults, fault_server, fault_proxy, virtual_clock):
        fault_server.route("GET", "/stock", text="tea")
        place = {place}
        {script}
        assert stock_at({url}) is not None
"""
ROUTE = {"place": 'fault_server.route("GET", "/stock")', "url": "fault_server.url", "script": ""}
PROXY = {
    "place": 'fault_proxy(f"{fault_server.host}:{fault_server.port}")',
    "url": '"http://" + place.address',
    "script": "",
}


@pytest.mark.parametrize("used", [ROUTE, PROXY], ids=["route", "proxy"])
def test_a_route_or_a_proxy_is_shown_as_it_is_made(suite, used):
    """Both lines of its finding can be used in another run, which has other ports: the token, and the script."""
    suite.makepyfile(test_stock=STOCK.format_map(used))
    explored = suite.runpytest("--resilience", "--resilience-budget=4")
    script = next(line for line in explored.outlines if "as a script:" in line).partition("script:")[2].strip()
    again = next(line for line in explored.outlines if "again:" in line).split()[2:]

    replayed = suite.runpytest(*again)
    suite.makepyfile(test_stock=STOCK.format_map({**used, "script": script.replace(used["place"], "place")}))
    pasted = suite.runpytest()

    assert script == f'faults.inject({used["place"]}, "1*reset")'
    for result in (replayed, pasted):
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["E * assert None is not None"])

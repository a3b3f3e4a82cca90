"""Tests that are marked, or not, and explored by pytest."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.slow

PAYMENTS = """
    import httpx, pytest
    from resilience import conn_retry

    charges = []

    @conn_retry("Payments", "charge", max_retry=3, retry_on=httpx.ReadTimeout)
    def charge(amount):
        charges.append(amount)

    @pytest.fixture(autouse=True)
    def no_charges():
        charges.clear()
"""
CHARGED_ONCE = (
    PAYMENTS
    + """
    @pytest.mark.explore
    def test_charged_once():
        charge(30)
        assert charges == [30]
"""
)
SOUND = (
    PAYMENTS
    + """
    class TestCharging:
        seen = False

        @pytest.mark.explore
        @pytest.mark.parametrize("amount", [1, 30])
        def test_charged(self, amount, tmp_path):
            assert not self.seen
            self.seen = True
            (tmp_path / "receipt").touch(exist_ok=False)
            charge(amount)
            assert charges
"""
)


def test_without_the_option_a_marked_test_runs_once(suite):
    """Exploring is what resilience mode is for; the test itself stays a test."""
    suite.makepyfile(CHARGED_ONCE)

    suite.runpytest().assert_outcomes(passed=1)


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


def test_each_run_has_fixtures_and_an_object_of_its_own(suite):
    """A class-based, parametrized test with tmp_path is explored as if it ran for the first time each time."""
    suite.makepyfile(SOUND)

    result = suite.runpytest("--resilience", "-v")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*: no finding in * runs (* s), explored all * plans with at most 1 fault"] * 2)


def test_fixtures_draw_the_same_in_each_run_and_in_the_clock_of_the_run(suite):
    """Whatever another plugin seeds before them, random numbers and times of a fixture are those of the first run."""
    suite.makeconftest("""
        import itertools, random, pytest

        seeds = itertools.count()

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_setup():
            random.seed(next(seeds))
    """)
    suite.makepyfile("""
        import random, time, pytest
        from resilience import failpoint

        seen = set()

        @pytest.fixture
        def drawn(virtual_clock):
            time.sleep(3600)
            return random.random(), virtual_clock.elapsed

        @pytest.mark.explore
        @pytest.mark.virtual_clock(start="2030-01-31")
        def test_drawn(drawn, virtual_clock):
            seen.add((*drawn, str(virtual_clock.now())))
            assert len(seen) == 1
            failpoint("step")
    """)

    result = suite.runpytest("--resilience", "-p", "no:randomly")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*: no finding in * runs (* s), explored all * plans with at most 1 fault"])


def test_what_the_fixtures_complain_of_at_the_end_of_a_run_is_seen(suite):
    """What a test injects itself strikes in its runs, and where it does not, that is a finding."""
    suite.makepyfile("""
        import pytest
        from resilience import failpoint

        @pytest.mark.explore
        def test_planned(faults):
            faults.inject("second", "1*raise(OSError)")
            try:
                failpoint("first")
            except OSError:
                return
            with pytest.raises(OSError):
                failpoint("second")
    """)

    result = suite.runpytest("--resilience")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*wrong result: Failed: planned faults never fired*"])


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


def test_a_whole_suite_can_be_explored(suite):
    """Tests that are not marked are explored with --resilience-explore, and those with nothing to explore just run."""
    suite.makepyfile(
        CHARGED_ONCE.replace("@pytest.mark.explore", "") + "\n    def test_plain():\n        assert True\n"
    )

    suite.runpytest("--resilience", "--resilience-explore").assert_outcomes(failed=1, passed=1)


def test_what_fails_without_faults_is_reported_as_ever(suite):
    """The run without faults comes first, and its failure is the result."""
    suite.makepyfile(CHARGED_ONCE.replace("charge(30)", "charge(31)"))

    result = suite.runpytest("--resilience")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert charges == [[]30[]]"])
    result.stdout.no_fnmatch_line("*explore:*")


def test_what_was_found_is_tried_first_the_next_time(suite, monkeypatch):
    """With pytest's cache, the budget of one run is enough to see whether a bug is still there."""
    monkeypatch.setenv("PYTEST_ADDOPTS", os.environ["PYTEST_ADDOPTS"].replace("-p no:cacheprovider", ""))
    suite.makepyfile(CHARGED_ONCE)
    suite.runpytest("--resilience")

    result = suite.runpytest("--resilience", "--resilience-budget=1")

    result.stdout.fnmatch_lines(["explore: 1 finding in 1 run (* s), explored 1 of at least * plans"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--resilience-budget=0"],
            "ERROR: --resilience-budget must be a number of runs, such as 200, or real time, such as 30s or 5m, got '0'",
        ),
        (
            ["--resilience-replay=r1-nonsense"],
            "ERROR: --resilience-replay must be a token from the line `again:` of a finding, got 'r1-nonsense'",
        ),
        (
            ["--resilience-replay=r1-eNpLSixKTi1OVUjLL8pNzFEwrDEEADRTBec"],
            "ERROR: --resilience-replay must be a token from the line `again:` of a finding, got *",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(suite, arguments, message):
    """The message names the option, what it was given, and what is valid."""
    suite.makepyfile(CHARGED_ONCE)

    suite.runpytest("--resilience", *arguments).stderr.fnmatch_lines([message])


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


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("explore(3)", "@pytest.mark.explore: its arguments are given by name, got 3; write for example @*"),
        ("explore(faults='x')", "@pytest.mark.explore: faults must be an int, got 'x'; write for example @*"),
        (
            "explore(what=3)",
            "@pytest.mark.explore: it has faults, schedules, points, allowed, budget, got 'what'; write for example @*",
        ),
        ("explore(points=['nothing.like:this'])", "@pytest.mark.explore(points=...): no failpoint or function is *"),
    ],
)
def test_a_marker_that_makes_no_sense_fails_its_test(suite, marker, message):
    """The message says what to write."""
    suite.makepyfile(CHARGED_ONCE.replace("mark.explore", f"mark.{marker}"))

    result = suite.runpytest("--resilience")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([message])


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


@pytest.mark.parametrize(("context", "findings"), [("'order {}'.format(order)", 1), ("'orders'", 0)])
def test_alerts_that_say_the_same_are_a_storm(suite, context, findings):
    """A context that is another each time makes each alert a signature of its own."""
    suite.makepyfile(STORM.replace("CONTEXT", context))

    result = suite.runpytest("--resilience")

    result.assert_outcomes(failed=findings, passed=1 - findings)
    if findings:
        result.stdout.fnmatch_lines(
            ["1  alert storm: 3 alerts in less than 300 s say the same: no stock for order [*]"]
        )


ASYNC = """
    import asyncio, contextlib, pytest
    from resilience import create_retry_decorator

    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    async def fetch():
        return "stock"

    @pytest.fixture(params=["asyncio", "trio"])
    def anyio_backend(request):
        return request.param

    @pytest.mark.explore
    @pytest.mark.anyio
    async def test_sound():
        assert await fetch() == "stock"

    @pytest.mark.explore
    @pytest.mark.anyio
    async def test_stubborn():
        with contextlib.suppress(asyncio.CancelledError):
            await fetch()
"""


def test_async_tests_are_explored(ends_of_tasks, suite, monkeypatch):
    """Under anyio a test is explored on asyncio, where it can be cancelled, and on trio."""
    monkeypatch.setenv("PYTEST_ADDOPTS", os.environ["PYTEST_ADDOPTS"] + " -p anyio")
    suite.makepyfile(test_it=ASYNC)

    result = suite.runpytest("--resilience")

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ test_stubborn[[]asyncio[]] _*",
            "1  swallowed cancellation: the test went on after the cancellation at test_it:fetch, and passed",
        ]
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

    suite.runpytest("--resilience").assert_outcomes(passed=1)


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
    explored = suite.runpytest("--resilience")
    script = next(line for line in explored.outlines if "as a script:" in line).partition("script:")[2].strip()
    again = next(line for line in explored.outlines if "again:" in line).split()[2:]

    replayed = suite.runpytest(*again)
    suite.makepyfile(test_stock=STOCK.format_map({**used, "script": script.replace(used["place"], "place")}))
    pasted = suite.runpytest()

    assert script == f'faults.inject({used["place"]}, "1*reset")'
    for result in (replayed, pasted):
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["E * assert None is not None"])

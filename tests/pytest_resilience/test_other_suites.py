"""The plugin beside other people's tests and plugins: not one outcome changes, and its fixtures work there too."""

from __future__ import annotations

import re
import sys

import pytest

OTHERS = {
    "test_respx": """
        import httpx, pytest, respx

        def test_fixture(respx_mock):
            respx_mock.get("https://example.org/").respond(204)
            assert httpx.get("https://example.org/").status_code == 204

        @respx.mock
        def test_decorator():
            route = respx.get("https://example.org/").mock(side_effect=httpx.ConnectError)
            with pytest.raises(httpx.ConnectError):
                httpx.get("https://example.org/")
            assert route.called

        @pytest.mark.respx(base_url="https://example.org")
        def test_not_called(respx_mock):
            respx_mock.get("/missing").respond(200)

        def test_unmatched(respx_mock):
            with pytest.raises(respx.models.AllMockedAssertionError):
                httpx.get("https://example.org/")
    """,
    "test_freezing": """
        import datetime as dt, time
        import pytest
        from freezegun import freeze_time

        @freeze_time("2020-02-02")
        def test_decorated():
            assert dt.date.today() == dt.date(2020, 2, 2)
            assert time.time() == 1580601600

        def test_fixture(freezer):
            freezer.move_to("2021-01-01")
            assert time.gmtime().tm_year == 2021

        @pytest.mark.freeze_time("2022-02-02")
        def test_marked(freezer):
            before = dt.datetime.now()
            freezer.tick(90)
            assert (dt.datetime.now() - before).total_seconds() == 90

        def test_real():
            assert time.time() > 1_700_000_000
    """,
    "test_logging": """
        import logging

        def test_caplog(caplog):
            caplog.set_level(logging.INFO)
            logging.getLogger("resilience").info("one")
            logging.getLogger("other").debug("two")
            assert caplog.messages == ["one"]

        def test_fails_with_logs(caplog):
            logging.getLogger("other").warning("three")
            assert caplog.messages == []
    """,
    "test_patching": """
        import random, time
        from unittest import mock

        def test_monkeypatch(monkeypatch):
            monkeypatch.setattr(time, "sleep", lambda seconds: "slept")
            assert time.sleep(100) == "slept"

        @mock.patch("time.monotonic", return_value=5)
        def test_mock(monotonic):
            assert time.monotonic() == 5

        def test_random():
            random.seed(3)
            assert random.randrange(10**9) == random.Random(3).randrange(10**9)
    """,
    "test_hypothesis": """
        from hypothesis import given, strategies as st

        @given(st.integers())
        def test_holds(number):
            assert number + 1 > number

        @given(st.integers())
        def test_is_wrong(number):
            assert number < 1000
    """,
    "test_unittest": """
        import time, unittest

        class TestOld(unittest.TestCase):
            def setUp(self):
                self.began = time.monotonic()

            def test_passes(self):
                self.assertGreaterEqual(time.monotonic(), self.began)

            def test_fails(self):
                self.fail("on purpose")

            @unittest.skip("not now")
            def test_skipped(self): pass

            def test_sub(self):
                for number in range(3):
                    with self.subTest(number=number):
                        self.assertLess(number, 5)

        class TestOldAsync(unittest.IsolatedAsyncioTestCase):
            async def test_async(self):
                import asyncio
                await asyncio.sleep(0)
    """,
    "test_doctests": '''
        def double(number):
            """Double.

            >>> double(2)
            4
            >>> double(3)
            7
            """
            return number * 2

        def triple(number):
            """Triple.

            >>> triple(2)
            6
            """
            return number * 3
    ''',
    "test_retry_libraries": """
        import pytest, stamina, tenacity

        def test_tenacity():
            calls = []

            @tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_none())
            def fetch():
                calls.append(1)
                raise OSError

            with pytest.raises(tenacity.RetryError):
                fetch()
            assert len(calls) == fetch.statistics["attempt_number"] == 3

        def test_stamina():
            with stamina.set_testing(True, attempts=2):
                calls = []

                @stamina.retry(on=OSError)
                def fetch():
                    calls.append(1)
                    raise OSError

                with pytest.raises(OSError):
                    fetch()
                assert len(calls) == 2
    """,
    "test_kinds": """
        import pytest, warnings

        @pytest.fixture
        def faulty():
            yield
            raise RuntimeError

        def test_error_at_the_end(faulty): pass
        @pytest.mark.xfail
        def test_xfail(): assert 0
        @pytest.mark.xfail
        def test_xpass(): pass
        @pytest.mark.skip
        def test_skip(): pass
        def test_warns():
            warnings.warn(UserWarning("careful"))
        @pytest.mark.parametrize("number", [1, 2])
        def test_parametrized(number, request): assert request.node.name == f"test_parametrized[{number}]"
        def test_named_like_ours(faults): assert faults == "their own"
        @pytest.fixture
        def faults(): return "their own"
    """,
}
OUTCOME = re.compile(r"^(\S+?\.py::.+?|\S+?\.\w+) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS|SUBPASSED)")


def outcomes(result: pytest.RunResult) -> list[tuple[str, str]]:
    """Return the outcome of each test of a verbose run, sorted."""
    return sorted(found.groups() for line in result.outlines if (found := OUTCOME.match(line)))  # type: ignore[misc]


@pytest.fixture
def together(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder for suites, run with all plugins that are installed, but in the order of the file."""
    monkeypatch.setenv(
        "PYTEST_ADDOPTS",
        "-p no:randomly -p no:asyncio -p no:looptime_plugin -p no:cacheprovider -p no:xdist -p no:anyio",
    )
    return suite


def test_no_outcome_changes(together: pytest.Pytester) -> None:
    """Suites that know nothing of the plugin end test by test as they do without it, also in resilience mode."""
    together.makepyfile(**OTHERS)
    arguments = ("-v", "-W", "error", "--doctest-modules")

    without = outcomes(together.runpytest_subprocess(*arguments, "-p", "no:resilience"))
    with_it = outcomes(together.runpytest_subprocess(*arguments))
    in_resilience_mode = outcomes(together.runpytest_subprocess(*arguments, "--resilience"))

    assert {name.partition(".")[0] for name, _ in without} == set(OTHERS)
    assert with_it == without
    assert in_resilience_mode == without


def test_all_together_in_random_order_on_two_workers(
    together: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under pytest-randomly and pytest-xdist the outcomes are the same with and without the plugin."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:asyncio -p no:looptime_plugin -p no:cacheprovider -p no:anyio")
    together.makepyfile(**OTHERS)
    arguments = ("-q", "-W", "error", "-n", "2", "-p", "randomly", "-rA", "--tb=no", "--show-capture=no")

    def summary(*more: str) -> list[str]:
        lines = together.runpytest_subprocess(*arguments, *more).outlines
        return sorted(
            line.partition(" - ")[0] for line in lines if re.match("(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) ", line)
        )

    without = summary("-p", "no:resilience")
    assert len(without) > 25
    assert summary() == without


def test_our_fixtures_beside_respx(together: pytest.Pytester) -> None:
    """A test may have a respx router of its own beside all our fixtures."""
    together.makepyfile("""
        import httpx, pytest, respx
        from resilience import create_retry_decorator

        @create_retry_decorator(max_attempts=4)
        def fetch():
            return httpx.get("https://example.org/").raise_for_status().text

        def test_fixture(respx_mock, faults, virtual_clock, discord, retries, retry_log):
            route = respx_mock.get("https://example.org/")
            route.side_effect = [httpx.ConnectError("down"), httpx.Response(503), httpx.Response(200, text="ok")]
            assert fetch() == "ok"
            retries.assert_recovered(fetch, attempts=3)
            retries.assert_waits(fetch)
            discord.assert_alerted(count=0)

        def test_fixture_last(faults, virtual_clock, discord, retries, respx_mock):
            respx_mock.get("https://example.org/").respond(200, text="ok")
            assert fetch() == "ok"

        @respx.mock
        def test_decorator(discord, virtual_clock, retries):
            respx.get("https://example.org/").respond(500)
            with pytest.raises(httpx.HTTPStatusError):
                fetch()
            retries.assert_gave_up(fetch, attempts=4)
    """)

    together.runpytest_subprocess("-W", "error").assert_outcomes(passed=3)


def test_our_fixtures_beside_freezegun(together: pytest.Pytester) -> None:
    """A test may freeze the wall clock by `freeze_time` or `freezer` beside our fixtures."""
    together.makepyfile("""
        import datetime as dt
        from freezegun import freeze_time
        from resilience import create_retry_decorator, should_send_alert

        @create_retry_decorator(max_attempts=4, max_wait=0)
        def fetch():
            return dt.date.today()

        def test_fixture(freezer, faults, retries, retry_log):
            freezer.move_to("2021-01-01")
            faults.inject(fetch, "2*raise(OSError)")
            assert fetch() == dt.date(2021, 1, 1)
            retries.assert_recovered(fetch, attempts=3)

        @freeze_time("2022-02-02")
        def test_decorator(faults, retries, retry_log):
            faults.inject(fetch, "2*raise(OSError)")
            assert fetch() == dt.date(2022, 2, 2)
            retries.assert_recovered(fetch, attempts=3)

        def test_the_window_alone():
            with freeze_time("2023-01-01") as frozen:
                assert should_send_alert("f", OSError("x"), "freezing")
                frozen.tick(299.999)
                assert not should_send_alert("f", OSError("x"), "freezing")
                frozen.tick(0.001)
                assert should_send_alert("f", OSError("x"), "freezing")
    """)

    together.runpytest_subprocess("-W", "error").assert_outcomes(passed=3)


def test_our_fixtures_beside_each_other_plugin(together: pytest.Pytester) -> None:
    """monkeypatch, caplog, capsys, tmp_path, subtests and pytest-timeout work in a test that has all of ours."""
    together.makepyfile("""
        import logging, time, pytest
        from resilience import create_retry_decorator

        @create_retry_decorator(max_attempts=4)
        def fetch():
            return load()

        def load():
            return "loaded"

        @pytest.mark.timeout(3000)
        def test_it(faults, virtual_clock, retries, retry_log, discord, monkeypatch, caplog, capsys, tmp_path):
            monkeypatch.setattr("test_our_fixtures_beside_each_other_plugin.load", lambda: "patched")
            faults.inject("test_our_fixtures_beside_each_other_plugin:load", "3*raise(OSError('x'))")
            with caplog.at_level(logging.WARNING):
                assert fetch() == "patched"
            assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
            assert len(retry_log.lines) == 3
            (tmp_path / "file").write_text("text")
            print("printed")
            assert capsys.readouterr().out == "printed\\n"
            assert virtual_clock.elapsed >= 7
    """)

    together.runpytest_subprocess("-W", "error").assert_outcomes(passed=1)


def test_our_fixtures_in_test_case_classes(together: pytest.Pytester) -> None:
    """A unittest.TestCase can take our fixtures from an autouse fixture, as pytest documents it."""
    together.makepyfile("""
        import unittest, pytest
        from resilience import create_retry_decorator

        @create_retry_decorator(max_attempts=4)
        def fetch():
            return "fetched"

        class TestFetch(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _take(self, faults, virtual_clock, retries):
                self.faults, self.clock, self.retries = faults, virtual_clock, retries

            def test_recovers(self):
                self.faults.inject(fetch, "2*raise(OSError)")
                self.assertEqual(fetch(), "fetched")
                self.retries.assert_recovered(fetch, attempts=3)

            def test_forgets(self):
                self.faults.inject(fetch, "2*raise(OSError)")
    """)

    together.runpytest_subprocess("-W", "error").assert_outcomes(passed=2, errors=1)


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


def test_the_plain_classes_in_unittest(together: pytest.Pytester) -> None:
    """Each fixture is a context manager that needs no pytest run."""
    script = together.makepyfile(plain=PLAIN)

    result = together.run(sys.executable, "-W", "error", script)

    result.stderr.fnmatch_lines(["Ran 2 tests in *", "OK"])


def test_the_plain_classes_in_a_script(together: pytest.Pytester) -> None:
    """A script may use them too; a planned fault that never fired ends it with the message."""
    script = together.makepyfile(
        script="""
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
    )

    result = together.run(sys.executable, "-W", "error", script)

    assert result.ret == 1
    result.stdout.fnmatch_lines(["fetched recovered True"])
    result.stderr.fnmatch_lines(
        [
            "*Failed: planned faults never fired, so the test has not proved what it set out to:",
            "  __main__:fetch: 2*raise(OSError) never fired (never called)",
        ]
    )


def test_the_plain_classes_inside_hypothesis_examples(together: pytest.Pytester) -> None:
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
                assert len(log.lines) == failures
    """)

    together.runpytest_subprocess("-W", "error").assert_outcomes(passed=1)


def test_the_fixtures_in_doctests(together: pytest.Pytester) -> None:
    """A doctest may ask for them by `getfixture`."""
    together.makepyfile(
        documented='''
        from resilience import create_retry_decorator

        @create_retry_decorator(max_attempts=4)
        def fetch():
            """Fetch.

            >>> clock, faults = getfixture("virtual_clock"), getfixture("faults")
            >>> injection = faults.inject("documented:fetch", "2*raise(OSError)")
            >>> fetch()
            'fetched'
            >>> injection.fired
            2
            """
            return "fetched"
    '''
    )

    together.runpytest_subprocess("-W", "error", "--doctest-modules", "documented.py").assert_outcomes(passed=1)

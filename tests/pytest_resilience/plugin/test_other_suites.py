"""The plugin beside other people's tests: not one outcome changes."""

from __future__ import annotations

import re

import pytest

from tests.forked import run_forked

pytestmark = pytest.mark.slow

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
WRONG = {
    *("test_error_at_the_end", "test_not_called", "double", "test_is_wrong", "test_warns", "test_fails_with_logs"),
    "test_fails",
}
OUTCOME = re.compile(r"((?:SUB)?(?:PASSED|FAILED|SKIPPED)|ERROR|XFAIL|XPASS)\b.*\.py\b.*")


def outcomes(result):
    """Return the outcome of each test of a run that lists them all, sorted, and how many there are of each."""
    return sorted(line.partition(" - ")[0] for line in result.outlines if OUTCOME.match(line)), result.parseoutcomes()


def test_no_outcome_changes(together):
    """Suites that know nothing of the plugin end test by test as they do without it.

    Nor does resilience mode change one, here in random order.
    """
    together.makepyfile(**OTHERS)
    arguments = ("-q", "-W", "error", "--doctest-modules", "-rA", "--tb=no", "--show-capture=no")

    without = outcomes(run_forked(together, *arguments, "-p", "no:resilience"))
    with_it = outcomes(run_forked(together, *arguments))
    in_resilience_mode = outcomes(run_forked(together, *arguments, "--resilience", "-p", "randomly"))

    assert {re.search(r"\w+(?=\.py)", line)[0] for line in without[0]} == set(OTHERS)
    wrong = {re.split(r"\W", line)[-1] for line in without[0] if line.startswith(("FAILED", "ERROR"))}
    assert wrong == WRONG  # as in a process that has not even imported the kit
    assert with_it == without
    assert in_resilience_mode == without

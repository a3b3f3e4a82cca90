"""The fixtures beside those of pytest and of other plugins, in TestCase classes, and in doctests."""

from __future__ import annotations

import pytest

SUITES = {
    "test_respx": """
        # A test may have a respx router of its own beside all our fixtures.
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
    """,
    "test_freezegun": """
        # A test may freeze the wall clock by `freeze_time` or `freezer` beside our fixtures.
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
    """,
    "test_plugins": """
        # monkeypatch, caplog, capsys, tmp_path, subtests and pytest-timeout work in a test that has all of ours.
        import logging, time, pytest
        from resilience import create_retry_decorator

        @create_retry_decorator(max_attempts=4)
        def fetch():
            return load()

        def load():
            return "loaded"

        @pytest.mark.timeout(3000)
        def test_it(faults, virtual_clock, retries, retry_log, discord, monkeypatch, caplog, capsys, tmp_path):
            monkeypatch.setattr("test_plugins.load", lambda: "patched")
            faults.inject("test_plugins:load", "3*raise(OSError('x'))")
            with caplog.at_level(logging.WARNING):
                assert fetch() == "patched"
            assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
            assert len(retry_log.lines) == 4
            (tmp_path / "file").write_text("text")
            print("printed")
            assert capsys.readouterr().out == "printed\\n"
            assert virtual_clock.elapsed >= 7
    """,
    "test_case_classes": """
        # A unittest.TestCase can take our fixtures from an autouse fixture, as pytest documents it.
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
    """,
    "test_doctests": '''
        # A doctest may ask for them by `getfixture`.
        from resilience import create_retry_decorator

        @create_retry_decorator(max_attempts=4)
        def fetch():
            """Fetch.

            >>> clock, faults = getfixture("virtual_clock"), getfixture("faults")
            >>> injection = faults.inject("test_doctests:fetch", "2*raise(OSError)")
            >>> fetch()
            'fetched'
            >>> injection.fired
            2
            """
            return "fetched"
    ''',
}


@pytest.mark.slow
def test_our_fixtures_beside_other_plugins(together):
    """Each of these suites has the same fixtures beside those that it is named after."""
    together.makepyfile(**SUITES)

    result = together.runpytest_inprocess("-W", "error", "--doctest-modules", "-rA")

    result.assert_outcomes(passed=10, errors=1)
    result.stdout.fnmatch_lines(["ERROR test_case_classes.py::TestFetch::test_forgets*"])


def test_caplog_sees_the_same_beside_the_fixture(suite):
    """The capturing of pytest itself, at whatever level, is not changed by `retry_log`."""
    suite.makepyfile("""
        import logging, pytest
        from resilience import conn_retry

        @conn_retry("Depot", "visit", max_retry=1, max_wait=0)
        def visit(): pass

        @pytest.fixture(params=[False, True])
        def recording(request):
            return request.getfixturevalue("retry_log") if request.param else None

        @pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
        def test_it(recording, caplog, level, faults):
            caplog.set_level(level, logger="resilience")
            faults.inject(visit, "1*raise(OSError)")
            visit()
            wanted = {"DEBUG": 3, "INFO": 3, "WARNING": 1, "ERROR": 0, "CRITICAL": 0}[level]
            assert len(caplog.records) == wanted
            if recording:
                assert len(recording.lines) == 3
    """)

    suite.runpytest().assert_outcomes(passed=10)


def test_pytest_httpx_does_not_take_the_alerts(suite):
    """Beside ``httpx_mock``, in whatever order, alerts reach ``discord``, and other requests are still the mock's."""
    pytest.importorskip("pytest_httpx")
    suite.makepyfile(
        """
        import httpx, pytest
        from resilience import send_rate_limited_discord_alert

        def check(discord, httpx_mock):
            httpx_mock.add_response(url="https://example.org/", status_code=418)
            assert send_rate_limited_discord_alert("job", ValueError("x"), "tests", "disk full")
            assert httpx.get("https://example.org/").status_code == 418
            discord.assert_alerted(count=1, match="disk full")

        def test_mock_first(httpx_mock, discord):
            check(discord, httpx_mock)

        def test_mock_last(discord, httpx_mock):
            check(discord, httpx_mock)

        def test_without_the_stand_in(httpx_mock, faults):
            assert not send_rate_limited_discord_alert("job", ValueError("x"), "tests", "disk full")
        """
    )
    suite.runpytest_inprocess("-p", "pytest_httpx").assert_outcomes(passed=3)

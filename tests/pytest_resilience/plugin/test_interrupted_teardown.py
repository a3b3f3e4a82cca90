"""What a time limit does that strikes as pytest takes the kit's fixtures down, at each instant."""

from __future__ import annotations

import sys

import pytest

from tests.resilience.alerts.interrupts import CRASHES

pytestmark = pytest.mark.skipif(CRASHES, reason="from time to time CPython 3.12 crashes where a handler ends tracing")

CONFTEST = """
    import threading, time
    import pytest
    from _pytest.runner import call_and_report
    from pytest_resilience._openings import open_now
    from tests.resilience.alerts.interrupts import interruptions

    WIRING = ("pytest_resilience.plugin", "pytest_resilience._pytest", "pytest_resilience._openings")

    def is_of_others(frame):
        return not frame.f_globals.get("__name__", "").startswith(WIRING)

    def rest():
        return open_now(), set(threading.enumerate()), time.sleep.__self__

    def set_up(item):
        item._initrequest()
        for when in ("setup", "call"):
            report = call_and_report(item, when, log=False)
            assert report.passed, report.longreprtext

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item):
        calls, before, count = [], rest(), 0

        def tear_down():
            hook = item.ihook.pytest_runtest_teardown
            calls.append(pytest.CallInfo.from_call(lambda: hook(item=item, nextitem=None), "teardown"))

        set_up(item)
        for count in interruptions(tear_down, is_of_others):
            item.ihook.pytest_runtest_makereport(item=item, call=calls.pop())
            assert rest() == before, count
            tear_down()  # where it was struck before pytest began with that
            set_up(item)
        assert rest() == before
        print(f"struck {count} times")
        return True
"""


# An interruption may strike a callback of a weak reference, which lets nothing out but a warning.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
def test_all_is_taken_down_at_the_end_of_the_test(suite, monkeypatch):
    """Whatever the instant in the plugin, no tool stays open, no thread is left, and time is real again."""
    monkeypatch.delitem(sys.modules, "sqlite3", raising=False)  # each failure looks through all modules for who uses it
    suite.makeconftest(CONFTEST)
    suite.makepyfile(
        """
        def test_all(virtual_clock, faults, fault_server, retry_log, retries):
            faults.inject(fault_server.route("GET", "/"), "status(503)", strict=False)
        """
    )

    result = suite.runpytest_inprocess("-s", "--tb=native")

    result.stdout.re_match_lines([r".*struck \d\d+ times"])
    assert result.ret is pytest.ExitCode.OK

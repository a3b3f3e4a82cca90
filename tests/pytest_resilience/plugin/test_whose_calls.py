"""A fault on what pytest itself uses strikes in the test's own code and in what that calls, and nowhere else."""

import pytest

pytestmark = pytest.mark.slow

ARMED = """
import os, time, threading, unittest
import pytest
from pytest_resilience import Faults

PLACES = ["builtins:open", "time:time", "time:perf_counter", "os:stat", "os:fspath", "os:getcwd", "linecache:getline"]
"""


@pytest.mark.parametrize(
    "outcome", ["pass", "assert read('x') == 1", "raise RuntimeError('own')", "pytest.skip('own')"]
)
def test_the_runner_is_left_alone(outcome, suite):
    """A test that arms what the runner uses is reported like any other, with the fault struck where the test calls."""
    suite.makepyfile(
        ARMED
        + f"""
def read(path):
    return 1

@pytest.mark.parametrize("place", PLACES)
def test_it(faults, place, tmp_path, capsys, caplog):
    faults.inject(place, "raise(OSError('struck'))", strict=False)
    print("shown")
    {outcome}
"""
    )
    result = suite.runpytest_subprocess("-v", "--durations=3", "-rA", "--tb=long", "-l")
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    word = {"pass": "passed", "pytest.skip('own')": "skipped"}.get(outcome, "failed")
    if word == "failed" and "read" in outcome:
        word = "passed"
    result.assert_outcomes(**{word: 7})


def test_hooks_of_other_plugins_are_left_alone(suite):
    """What a plugin or a conftest does around and between the phases uses up no planned fault."""
    suite.makeconftest(
        """
        import time
        import pytest

        def pytest_runtest_setup(item): time.time()
        def pytest_runtest_teardown(item): time.time()
        def pytest_runtest_logreport(report): time.time()

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_call(item):
            time.time()
            yield
            time.time()
        """
    )
    suite.makepyfile(
        """
        import time

        def test_it(faults):
            injection = faults.inject("time:time", "1*return(5)->2*return(6)", strict=False)
            assert (time.time(), len(injection.calls)) == (5, 1)
            global armed
            armed = injection

        def test_after():
            assert len(armed.calls) == 1
        """
    )
    suite.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=2)


def test_all_that_a_test_is_made_of_is_struck(suite):
    """Fixtures and their ends, methods of unittest, setup functions, doctests, and threads are the test's own code."""
    suite.makepyfile(
        """
        import threading, time, unittest
        import pytest
        from pytest_resilience import Faults

        def struck():
            return time.time() == 5

        @pytest.fixture(autouse=True, scope="module")
        def armed():
            with Faults() as faults:
                faults.inject("time:time", "return(5)")
                yield

        @pytest.fixture
        def around(armed, request):
            request.addfinalizer(lambda: ENDS.append(struck()))
            yield struck()
            ENDS.append(struck())

        ENDS = []

        def setup_function():
            SET_UP.append(struck())

        SET_UP = []

        def test_function(around):
            assert around and struck() and SET_UP == [True]

        def test_ends():
            assert ENDS == [True, True]

        def test_thread():
            found = []
            thread = threading.Thread(target=lambda: found.append(struck()))
            thread.start()
            thread.join()
            assert found == [True]

        class TestUnit(unittest.TestCase):
            def setUp(self):
                assert struck()

            def test_method(self):
                self.addCleanup(struck)
                assert struck()
        """
    )
    suite.makefile(
        ".txt",
        test_doc=">>> from pytest_resilience import Faults\n>>> import time\n>>> faults = Faults().__enter__()\n>>> _ = faults.inject('time:time', 'return(5)')\n>>> time.time()\n5\n>>> faults.__exit__(None, None, None)\n",
    )
    suite.runpytest_subprocess("-p", "no:randomly", "--doctest-glob=*.txt").assert_outcomes(passed=5)


def test_tests_that_other_plugins_run_are_struck(suite):
    """A test that anyio runs in its hook is the code under test."""
    suite.makepyfile(
        """
        import time
        import pytest

        @pytest.mark.anyio
        async def test_it(faults):
            injection = faults.inject("time:time", "1*return(5)")
            assert time.time() == 5
        """
    )
    suite.makeconftest("import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n")
    suite.runpytest_subprocess("-p", "anyio").assert_outcomes(passed=1)


def test_delivering_an_alert_uses_up_no_planned_fault(suite):
    """What the kit calls to log, to redact, to deliver and to keep time is its own business."""
    suite.makepyfile(
        """
        import json, time, socket
        import httpx
        from resilience import create_retry_decorator, send_rate_limited_discord_alert

        PLACES = ["json:dumps", "httpx:Client.post", "httpx:Client.send", "socket:gethostname", "time:time", "time:monotonic"]

        def test_it(faults, discord, virtual_clock):
            planned = [faults.inject(each, "1*raise(OSError('struck'))", strict=False) for each in PLACES]

            @create_retry_decorator(max_attempts=3, alert_threshold=1)
            def work():
                raise ValueError("x")

            try:
                work()
            except ValueError:
                pass
            assert send_rate_limited_discord_alert("job", ValueError("full"), "tests", "full")
            discord.assert_alerted(count=2)
            assert [each.calls for each in planned] == [[]] * len(PLACES)
        """
    )
    suite.runpytest_subprocess().assert_outcomes(passed=1)

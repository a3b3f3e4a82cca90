"""A fault on what pytest itself uses strikes in the test's own code and in what that calls, and nowhere else."""

import collections
import re
import textwrap

import pytest

pytestmark = pytest.mark.slow

SUITES = {
    "the_runner/test_it.py": """
        # A test that arms what the runner uses is reported like any other, with the fault struck where the test calls.
        import sys
        import pytest

        PLACES = [
            "builtins:open", "time:time", "time:perf_counter", "os:stat", "os:fspath", "os:getcwd", "linecache:getline",
            "builtins:len", "builtins:isinstance", "builtins:getattr", "builtins:hasattr", "builtins:repr",
            "builtins:sorted", "builtins:id", "builtins:iter", "builtins:callable",
            "builtins:setattr", "sys:_getframe", "sys:exc_info",
        ]

        pytestmark = pytest.mark.usefixtures("tmp_path", "capsys", "caplog", "discord")

        def arm(faults):
            faults.inject(PLACES, "raise(OSError('struck'))", strict=False)
            print("shown")

        def read(path):
            return 1

        def test_that_passes(faults):
            arm(faults)
            assert read("x") == 1
            for place in PLACES:
                module, _, name = place.partition(":")
                with pytest.raises(OSError, match="struck"):
                    vars(sys.modules[module])[name]()

        def test_that_fails(faults):
            arm(faults)
            raise RuntimeError("own")

        def test_that_is_skipped(faults):
            arm(faults)
            pytest.skip("own")
    """,
    "hooks/conftest.py": """
        # What a plugin or a conftest does around and between the phases uses up no planned fault.
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
    """,
    "hooks/test_it.py": """
        import time

        def test_it(faults):
            injection = faults.inject("time:time", "1*return(5)->2*return(6)", strict=False)
            assert (time.time(), len(injection.calls)) == (5, 1)
            global armed
            armed = injection

        def test_after():
            assert len(armed.calls) == 1
    """,
    "parts_of_tests/test_it.py": """
        # Fixtures and their ends, methods of unittest, setup functions, doctests, and threads are the test's own code.
        import threading, time, unittest, warnings
        import pytest
        from pytest_resilience import Faults, call

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

        def test_raises(armed):
            with Faults() as faults:
                faults.inject("time:time", "1*raise(OSError)")
                pytest.raises(OSError, time.time)
                faults.inject("time:time", call(lambda: warnings.warn("slow")))
                pytest.warns(UserWarning, time.time)

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
    """,
    "parts_of_tests/test_doc.txt": """
        >>> from pytest_resilience import Faults
        >>> import time
        >>> faults = Faults().__enter__()
        >>> _ = faults.inject('time:time', 'return(5)')
        >>> time.time()
        5
        >>> faults.__exit__(None, None, None)
    """,
    "other_plugins/conftest.py": """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"
    """,
    "other_plugins/test_it.py": """
        # A test that anyio runs in its hook is the code under test.
        import time
        import pytest

        @pytest.mark.anyio
        async def test_it(faults):
            injection = faults.inject("time:time", "1*return(5)")
            assert time.time() == 5
    """,
    "alerts/test_it.py": """
        # What the kit calls to log, to redact, to deliver and to keep time is its own business.
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
    """,
}


def test_the_test_s_own_code_is_struck_and_no_other(suite):
    """Each of these suites ends as it should, in one run that has much to read, to time and to show."""
    for name, source in SUITES.items():
        path = suite.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(source))

    result = suite.runpytest_subprocess(
        *("-v", "--durations=3", "-rA", "--tb=long", "-l", "-p", "no:randomly", "-p", "anyio", "--doctest-glob=*.txt"),
        "--import-mode=importlib",
    )

    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert collections.Counter(re.findall(r"^(PASSED|FAILED|ERROR) (\w+)/", result.stdout.str(), re.MULTILINE)) == {
        ("PASSED", "the_runner"): 1,
        ("FAILED", "the_runner"): 1,
        ("PASSED", "hooks"): 2,
        ("PASSED", "parts_of_tests"): 6,
        ("PASSED", "other_plugins"): 1,
        ("PASSED", "alerts"): 1,
    }
    assert result.parseoutcomes()["skipped"] == 1

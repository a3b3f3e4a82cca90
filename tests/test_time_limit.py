"""The thread that keeps the time limit of all tests."""

from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_test_that_hangs_ends_with_all_stacks(suite, monkeypatch):
    """The process says where each thread is, in a worker also on the one output that is seen, and ends."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    suite.makeconftest("""
        def pytest_configure(config):
            config.workerinput = {}
    """)
    suite.makepyfile("""
        import threading
        import pytest

        @pytest.mark.timeout(6000)
        def test_ends():
            pass

        def test_hangs():
            threading.Event().wait()
    """)
    limit = ["-p", "pytest_timeout", "-p", "tests.time_limit", "--timeout=0.05", "--timeout-method=thread"]

    result = suite.runpytest_subprocess(*limit, "-o", "timeout_func_only=true", "-v", "-p", "no:resilience")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*test_ends PASSED*", "*Timeout*", "*in test_hangs", "*Timeout*"])
    result.stderr.fnmatch_lines(["Thread 0x*", "*in test_hangs"])

"""The plugin beside other fixtures, debuggers, plugins that rerun tests, and what a test has used."""

from __future__ import annotations

import sys


def test_a_fixture_that_exits_leaves_nothing_of_the_kit_open(suite):
    """Where `sys.exit` in a teardown makes pytest drop other fixtures, the clock and the faults end all the same."""
    suite.makepyfile(
        """
        import random, sys, time
        import pytest
        from pytest_resilience import VirtualClock, fail

        def fetch():
            return "stock"

        @pytest.fixture
        def exits(virtual_clock, faults, discord, retry_log, retries):
            yield
            sys.exit("in the teardown")

        def test_first(exits, faults):
            faults.inject(fetch, fail(OSError()), strict=False)
            time.sleep(3600)

        def test_second():
            assert fetch() == "stock"
            with VirtualClock() as clock:
                assert clock.elapsed == 0

        def test_third(virtual_clock, discord):
            time.sleep(1)
            assert virtual_clock.elapsed == 1
        """
    )
    outcome = suite.runpytest("-p", "no:randomly")
    outcome.assert_outcomes(passed=3, errors=1)
    outcome.stdout.fnmatch_lines(["E*SystemExit: in the teardown"])


def test_time_stands_still_at_the_prompt_of_a_debugger(suite):
    """However long a person reads, threads that sleep sleep on; time moves again when the program is continued."""
    suite.makepyfile(
        """
        import subprocess, threading
        import pytest

        @pytest.mark.virtual_clock(grace=0.01)
        def test_read(virtual_clock, request):
            woken = threading.Event()
            thread = threading.Timer(3600, woken.set)
            thread.start()
            hook = request.config.hook
            hook.pytest_enter_pdb(config=request.config, pdb=None)
            subprocess.run(["sleep", "0.2"], check=True)
            assert (virtual_clock.elapsed, woken.is_set()) == (0, False)
            hook.pytest_leave_pdb(config=request.config, pdb=None)
            thread.join()
            assert virtual_clock.elapsed == 3600
        """
    )
    suite.runpytest().assert_outcomes(passed=1)


def test_a_fixture_of_the_suite_that_is_called_virtual_clock_is_the_suites_own(suite):
    """Beside it, the other fixtures of the kit open no clock."""
    suite.makepyfile(
        """
        import time
        import pytest

        @pytest.fixture
        def virtual_clock():
            return "mine"

        def test_it(virtual_clock, faults, retries):
            assert virtual_clock == "mine"
            began = time.perf_counter()
            time.sleep(0.01)
            assert time.perf_counter() - began >= 0.01
        """
    )
    suite.runpytest("--resilience").assert_outcomes(passed=1)


def test_a_rerun_has_a_timeline_of_its_own(suite):
    """Where the set-up of a second run fails, the report shows nothing of the first."""
    suite.makeconftest(
        """
        import pytest
        from _pytest.runner import runtestprotocol

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_protocol(item, nextitem):
            for _ in range(2):
                for report in runtestprotocol(item, nextitem=nextitem, log=False):
                    item.ihook.pytest_runtest_logreport(report=report)
            return True
        """
    )
    suite.makepyfile(
        """
        import pytest
        runs = []

        @pytest.fixture
        def broken_later():
            runs.append(1)
            if len(runs) > 1:
                raise RuntimeError("broken")

        def fetch():
            pass

        def test_it(broken_later, faults):
            faults.inject(fetch, "1*raise(OSError('of the first run'))")
            fetch()
        """
    )
    outcome = suite.runpytest()
    outcome.assert_outcomes(failed=1, errors=1)
    shown = outcome.stdout.str()
    error = shown[shown.index("ERROR at setup") : shown.index("FAILURES")]
    assert "RuntimeError: broken" in error
    assert "of the first run" not in error


def test_importing_the_kit_before_pytest_warns_of_nothing(suite):
    """A script that imports `resilience` and then runs pytest is not told that it can't be rewritten."""
    suite.makepyfile("def test_it(): pass")
    program = "import resilience, pytest, sys; sys.exit(pytest.main(['-W', 'error', '-p', 'no:randomly']))"
    outcome = suite.run(sys.executable, "-c", program)
    assert outcome.ret == 0
    outcome.stdout.no_fnmatch_line("*rewritten*")


def test_what_a_test_has_used_is_let_go(suite):
    """Arguments and errors that the fixtures record are freed once the test is over, and not when the session ends."""
    suite.makepyfile(
        """
        import gc, weakref
        import pytest
        from resilience import func_retry

        class Order:
            pass

        orders = []

        def place(order):
            raise ValueError(order)

        def test_first(virtual_clock, faults, retries, retry_log, discord):
            order = Order()
            orders.append(weakref.ref(order))
            injection = faults.inject(place, "1*off")
            with pytest.raises(ValueError):
                func_retry(place)(order)
            assert injection.calls[0].args == (order,)

        def test_second():
            gc.collect()
            assert [reference() for reference in orders] == [None]
        """
    )
    suite.runpytest("-p", "no:randomly").assert_outcomes(passed=2)

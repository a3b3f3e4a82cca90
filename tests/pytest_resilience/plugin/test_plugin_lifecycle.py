"""The fixtures from set-up to clean-up: their scope, their zero of time, and that everything is as it was."""

from __future__ import annotations

import json

import pytest

from tests.forked import run_forked

LEFT = """
    import logging, random, threading, time
    import pytest, service
    from resilience._failpoints.table import armed
    from resilience.events import stream

    def state():
        logger = logging.getLogger("resilience")
        return (
            time.time, time.sleep, time.monotonic, threading.Thread.start, dict(armed), stream.observed,
            dict(vars(service)), dict(vars(service.Client)), logger.level, logger.disabled, list(logger.handlers),
            sorted(vars(logger)), random.getstate(), {thread.name for thread in threading.enumerate()},
        )

    BEFORE = state()

    @pytest.fixture
    def broken(faults):
        faults.inject("service:helper", "raise(OSError)")
        raise RuntimeError("broken fixture")

    @pytest.fixture
    def armed_by_a_fixture(faults):
        faults.inject(service.helper, "1*raise(OSError)")

    def arm_everything(faults):
        faults.inject(service.fetch, "raise(OSError)", strict=False)
        faults.inject("service:helper", "raise(OSError)", strict=False)
        faults.inject(service.Client.get, "raise(OSError)", strict=False)
        faults.inject(service.Client.make, "raise(OSError)", strict=False)
        faults.inject(service.Client.static, "raise(OSError)", strict=False)

    def test_passes(faults, virtual_clock, retries, retry_log):
        arm_everything(faults)

    def test_fails(faults, virtual_clock, retries, retry_log):
        arm_everything(faults)
        raise AssertionError("failing")

    def test_exits_oddly(faults, virtual_clock):
        arm_everything(faults)
        raise GeneratorExit

    def test_never_fires(faults):
        faults.inject(service.helper, "raise(OSError)")

    def test_broken(broken, virtual_clock):
        pass

    def test_fault_in_a_fixture(armed_by_a_fixture, virtual_clock):
        with pytest.raises(OSError):
            service.helper()

    def test_interrupted(faults, virtual_clock, retry_log):
        arm_everything(faults)
        INTERRUPT
"""
HELPERS = """
    from resilience import create_retry_decorator

    @create_retry_decorator(max_attempts=8)
    def fetch():
        return "fetched"

    def helper():
        return "helped"

    class Client:
        def get(self):
            return "got"

        @classmethod
        def make(cls):
            return cls()

        @staticmethod
        def static():
            return "static"
"""
CHECK = """
    import pytest

    def pytest_unconfigure(config):
        import test_left
        after = test_left.state()
        assert after == test_left.BEFORE
        print("everything is as it was")
"""


@pytest.mark.slow
def test_everything_is_as_it_was_whatever_happens_in_a_test(suite):
    """Passing, failing, erring and odd ends of tests leave no patch, logger, clock, failpoint or thread behind."""
    suite.makepyfile(service=HELPERS, test_left=LEFT.replace("INTERRUPT", "pass"), conftest=CHECK)

    result = run_forked(suite, "-p", "no:threadexception")

    result.assert_outcomes(passed=4, failed=2, errors=2)
    result.stdout.fnmatch_lines(["*everything is as it was*"])


@pytest.mark.slow
def test_everything_is_as_it_was_after_ctrl_c(suite):
    """A KeyboardInterrupt in the middle of a test leaves nothing patched either."""
    suite.makepyfile(service=HELPERS, test_left=LEFT.replace("INTERRUPT", "raise KeyboardInterrupt"), conftest=CHECK)

    result = run_forked(suite, "-k", "interrupted")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*everything is as it was*"])


def test_class_and_module_level_fixtures_of_users_go_on_working(suite):
    """Wider fixtures may run the code under test, and may use the plain classes, beside a test's own fixtures."""
    suite.makepyfile(
        service=HELPERS,
        test_it="""
        import pytest, service
        from pytest_resilience import Faults

        @pytest.fixture(scope="module")
        def module_wide():
            with Faults() as faults:
                yield faults.inject(service.helper, "return('for the module')")

        @pytest.fixture(scope="class")
        def class_wide(module_wide):
            return service.helper()

        class TestIt:
            def test_one(self, class_wide, faults):
                assert service.helper() == "for the module"
                faults.inject(service.helper, "1*return('for the test')")
                assert service.helper() == "for the test"

            def test_two(self, class_wide):
                assert class_wide == service.helper() == "for the module"

        def test_after(module_wide):
            assert service.helper() == "for the module"

        def test_it_is_counted(module_wide):
            assert module_wide.fired == len(module_wide.calls) == 4
    """,
    )

    suite.runpytest().assert_outcomes(passed=4)


def test_our_fixtures_are_for_one_test_and_pytest_says_so(suite):
    """A module-wide fixture that asks for `faults` is refused by pytest itself."""
    suite.makepyfile("""
        import pytest

        @pytest.fixture(scope="module")
        def wide(faults): pass

        def test_it(wide): pass
    """)

    result = suite.runpytest()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["ScopeMismatch: *function*faults*module*"])


def test_the_fixtures_begin_at_the_clock_s_zero_in_any_order(suite):
    """However the fixtures are listed, each counts its seconds from the moment the virtual clock opened."""
    suite.makepyfile(
        service=HELPERS,
        test_it="""
        import pytest, service, time

        def check(faults, retries, retry_log):
            injection = faults.inject(service.fetch, "1*raise(OSError)")
            time.sleep(100)
            service.fetch()
            (call,) = retries[service.fetch]
            assert call.at == injection.calls[0].at == retry_log.lines[0].at == 100.0

        def test_clock_first(virtual_clock, faults, retries, retry_log):
            check(faults, retries, retry_log)

        def test_clock_last(retry_log, retries, faults, virtual_clock):
            check(faults, retries, retry_log)
    """,
    )

    suite.runpytest().assert_outcomes(passed=2)


def test_the_fixtures_work_in_async_tests_of_anyio(suite):
    """An async test, here of anyio's plugin, has the same fixtures."""
    suite.makepyfile("""
        import asyncio, pytest
        from resilience import create_retry_decorator

        @create_retry_decorator(max_attempts=3)
        async def fetch():
            return 1

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        async def test_it(faults, retries, virtual_clock):
            faults.inject(fetch, "2*raise(OSError)")
            assert await fetch() == 1
            retries.assert_recovered(fetch, attempts=3)
            retries.assert_waits(fetch)
    """)

    suite.runpytest("-p", "anyio").assert_outcomes(passed=1)


def test_what_a_test_did_is_in_the_report_of_its_teardown(suite):
    """The tally travels as a user property of the report, as plain data."""
    suite.makeconftest("""
        import json

        def pytest_runtest_logreport(report):
            if report.when == "teardown":
                print("\\nproperties", report.nodeid, json.dumps(report.user_properties))
    """)
    suite.makepyfile(
        service=HELPERS,
        test_it="""
        import service

        def test_ours(faults, virtual_clock):
            faults.inject(service.fetch, "2*raise(OSError)->1*sleep(1000)")
            service.fetch()

        def test_plain(): pass
    """,
    )

    result = suite.runpytest("-s")

    found = {
        line.split()[1]: json.loads(line.split(None, 2)[2])
        for line in result.outlines
        if line.startswith("properties ")
    }
    ((name, tally),) = found["test_it.py::test_ours"]
    assert name == "resilience"
    assert (tally["faults"], tally["attempts"], tally["alerts"]) == (3, 3, 0)
    assert 1003 <= tally["virtual_s"] <= 1006
    assert found["test_it.py::test_plain"] == []

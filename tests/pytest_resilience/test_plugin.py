"""The plugin as a whole: what it leaves alone, how it fails a test, seeds, clean-up, and its fixtures together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SERVICE = """
    from resilience import conn_retry, create_retry_decorator

    @conn_retry("Widget", "connect", max_retry=3)
    def connect():
        return "connected"

    @create_retry_decorator(max_attempts=8)
    def fetch():
        return "fetched"
"""
DRAWS = """
    import random, service

    def waits(faults, retries):
        faults.inject("Widget.connect", "3*raise(OSError)")
        service.connect()
        return retries["Widget.connect"][0].waits

    def test_one(faults, retries, virtual_clock):
        print()
        print("one", waits(faults, retries))

    def test_two(faults, retries, virtual_clock):
        print()
        print("two", waits(faults, retries))
"""


def run_python(code: str, cwd: Path | None = None) -> str:
    """Run code in a new process, warnings being errors, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def draws(result: pytest.RunResult) -> dict[str, str]:
    """Return what the tests of DRAWS printed, by test."""
    return dict(line.split(" ", 1) for line in result.outlines if line.startswith(("one ", "two ")))


def test_a_plain_run_loads_nothing_of_the_kit_but_its_options(tmp_path: Path) -> None:
    """Where no test uses the fixtures, pytest imports the plugin's two small files and nothing that they need later."""
    (tmp_path / "test_plain.py").write_text("def test_plain(): pass")

    loaded = run_python(
        "import sys, pytest\n"
        "assert pytest.main(['-q', '-p', 'pytest_resilience.plugin', '-p', 'no:cacheprovider']) == 0\n"
        "print()\nprint(*sorted(sys.modules))",
        cwd=tmp_path,
    )

    modules = set(loaded.splitlines()[-1].split())
    own = {name for name in modules if name.partition(".")[0] in {"resilience", "pytest_resilience"}}
    assert own == {"pytest_resilience", "pytest_resilience.options", "pytest_resilience.plugin"}


@pytest.mark.parametrize("name", ["tenacity", "httpx", "respx", "freezegun", "hypothesis", "trio", "asyncio", "redis"])
def test_a_plain_run_imports_no_library_for_the_kit(name: str) -> None:
    """Importing the plugin into a process that has pytest adds none of the libraries that the kit may need."""
    added = run_python(
        "import sys, pytest, random\n"
        "before = set(sys.modules)\n"
        "import pytest_resilience.plugin\n"
        "print(*sorted(set(sys.modules) - before))"
    )

    assert name not in added.split()


def test_the_random_numbers_of_other_tests_are_untouched(suite: pytest.Pytester) -> None:
    """A test without our fixtures finds the generator as it left it, also after a test that has them."""
    suite.makepyfile("""
        import random

        def test_before():
            random.seed(1)

        def test_ours(faults):
            random.random()

        def test_after():
            assert random.random() == random.Random(1).random()
    """)

    suite.runpytest("--resilience").assert_outcomes(passed=3)


def test_the_same_seed_draws_the_same_jitter(suite: pytest.Pytester) -> None:
    """Two runs with one seed wait for the very same times; another seed draws others."""
    suite.makepyfile(service=SERVICE, test_draws=DRAWS)

    first, again = (draws(suite.runpytest("-s", "--resilience-seed=11")) for _ in range(2))
    other = draws(suite.runpytest("-s", "--resilience-seed=12"))

    assert first == again
    assert first["one"] != other["one"]


def test_each_test_draws_its_own_numbers_in_whatever_order_it_runs(suite: pytest.Pytester) -> None:
    """Two tests with one seed wait for different times, which depend neither on order nor on selection."""
    suite.makepyfile(service=SERVICE, test_draws=DRAWS)

    both = draws(suite.runpytest("-s", "--resilience-seed=11"))
    alone = draws(suite.runpytest("-s", "--resilience-seed=11", "-k", "two"))

    assert both["one"] != both["two"]
    assert alone == {"two": both["two"]}


def test_pytest_randomly_does_not_change_what_a_seed_draws(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure replays by our seed alone, with pytest-randomly on or off and whatever its own seed."""
    suite.makepyfile(service=SERVICE, test_draws=DRAWS)

    without = draws(suite.runpytest("-s", "--resilience-seed=11"))
    monkeypatch.setenv("PYTEST_ADDOPTS", "-W error -p no:asyncio -p no:looptime_plugin -p no:cacheprovider")
    with_it = [
        draws(suite.runpytest_subprocess("-s", "--resilience-seed=11", f"--randomly-seed={seed}")) for seed in (1, 2)
    ]

    assert with_it == [without, without]


def test_all_workers_of_xdist_share_the_drawn_seed(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under -n 2 the header, and the failures in both workers, show one seed."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-W error -p no:asyncio -p no:looptime_plugin -p no:randomly")
    suite.makepyfile("""
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_fails(faults, number):
            raise AssertionError
    """)

    text = suite.runpytest_subprocess("--resilience", "-n", "2").stdout.str()

    shown = [line.partition("seed=")[2] for line in text.splitlines() if line.startswith("seed: --resilience-seed=")]
    header = [line for line in text.splitlines() if line.startswith("resilience: seed ")]
    assert len(shown) == 4
    assert {line.rpartition(" ")[2] for line in header} == set(shown)
    assert len(set(shown)) == 1


def test_every_kind_of_failure_shows_timeline_and_seed(suite: pytest.Pytester) -> None:
    """An error in another fixture's set-up or tear-down shows what a failing test shows."""
    suite.makepyfile("""
        import pytest

        @pytest.fixture
        def broken_before(faults):
            raise RuntimeError("before")

        @pytest.fixture
        def broken_after(faults):
            yield
            raise RuntimeError("after")

        def test_before(broken_before): pass
        def test_fails(faults): assert 0
        def test_after(broken_after): pass
    """)

    result = suite.runpytest("--resilience-seed=3")

    result.assert_outcomes(failed=1, errors=2, passed=1)
    assert result.outlines.count("seed: --resilience-seed=3") == 3
    assert result.outlines.count("timeline, in seconds since the test began:") == 3


def test_a_failing_test_shows_what_happened_in_order(suite: pytest.Pytester) -> None:
    """The report of a failing test ends with its timeline and the option that replays it."""
    suite.makepyfile(
        service=SERVICE,
        test_it="""
        import service

        def test_fails(faults, virtual_clock):
            faults.inject(service.fetch, "1*raise(OSError('down'))")
            service.fetch()
            assert False
    """,
    )

    result = suite.runpytest("--resilience-seed=3")

    result.stdout.fnmatch_lines(
        [
            "*- resilience -*",
            "timeline, in seconds since the test began:",
            "       0.000  service:fetch: call started",
            "       0.000  service:fetch: fault injected: raise(OSError('down'))",
            "       0.000  service:fetch: attempt 1 failed with OSError: down, waits 1.??? s",
            "       1.???  service:fetch: recovered at attempt 2",
            "seed: --resilience-seed=3",
        ],
        consecutive=True,
    )


def test_a_failed_assertion_of_ours_shows_the_timeline_once(suite: pytest.Pytester) -> None:
    """Where the assertion's own text has the timeline, the report does not repeat it."""
    suite.makepyfile(
        service=SERVICE,
        test_it="""
        def test_fails(retries):
            import service
            retries.assert_gave_up("Widget.connect")
    """,
    )

    text = suite.runpytest().stdout.str()

    assert text.count("timeline, in seconds since the test began:") == 1
    assert "seed: --resilience-seed=" in text


def test_a_long_timeline_is_cut_in_the_middle(suite: pytest.Pytester) -> None:
    """A failing test of many attempts shows the first and the last things that happened."""
    suite.makepyfile("""
        from resilience import create_retry_decorator

        @create_retry_decorator(max_attempts=100)
        def fetch(): pass

        def test_fails(faults, virtual_clock):
            faults.inject(fetch, "99*raise(OSError)")
            fetch()
            assert False
    """)

    result = suite.runpytest()

    result.stdout.fnmatch_lines(
        ["       0.000  *: call started", "         ...  160 more", "* recovered at attempt 100", "seed: *"]
    )


SWALLOWING = """
    import threading, pytest
    from resilience import create_retry_decorator, continuous_retry

    def swallow(wrong):
        try:
            wrong()
        except {caught}:
            pass

    def swallow_in_a_thread(wrong):
        def run():
            try:
                wrong()
            except BaseException:
                pass
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()

    def swallow_by_retrying(wrong):
        attempts = []
        @create_retry_decorator(max_attempts=3, max_wait=0)
        def attempt():
            attempts.append(1)
            wrong()
        try:
            attempt()
        except BaseException:
            pass
        assert len(attempts) == 1

    @pytest.mark.parametrize("code", [swallow, swallow_in_a_thread, swallow_by_retrying])
    def test_it(faults, retries, code):
        code(lambda: {wrong})
"""


@pytest.mark.parametrize("caught", ["Exception", "BaseException"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            'faults.inject("Wdget.connekt", "off")',
            "faults.inject(): no failpoint or function is called 'Wdget.connekt'. *",
        ),
        ('retries["Wdget.connekt"]', "retries?'Wdget.connekt'?: no failpoint is called that*"),
    ],
)
def test_an_objection_fails_the_test_however_the_code_swallows_it(
    suite: pytest.Pytester, caught: str, wrong: str, said: str
) -> None:
    """Neither a broad except, nor a thread, nor a retry loses what the kit objects to, and the failure says why."""
    suite.makepyfile(SWALLOWING.format(caught=caught, wrong=wrong))

    result = suite.runpytest()

    lost = 3 if caught == "BaseException" else 2
    result.assert_outcomes(passed=lost, failed=3 - lost, errors=lost)
    result.stdout.fnmatch_lines(
        ["the kit objected during the test, and the code under test did not let it through:", f"  {said}"]
    )


def test_an_objection_that_a_retry_loop_meets_again_is_said_once(suite: pytest.Pytester) -> None:
    """The same objection, swallowed many times, is one line of the failure."""
    suite.makepyfile("""
        def test_it(faults):
            for _ in range(5):
                try:
                    faults.inject("Wdget.connekt", "off")
                except BaseException:
                    pass
    """)

    assert suite.runpytest().stdout.str().count("is called 'Wdget.connekt'") == 1


def test_a_test_that_fails_for_another_reason_shows_the_swallowed_objection_too(suite: pytest.Pytester) -> None:
    """An assertion that fails because a thread lost an objection comes with that objection."""
    suite.makepyfile("""
        import threading

        def test_it(faults):
            def run():
                try:
                    faults.inject("Wdget.connekt", "off")
                except BaseException:
                    pass
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
            assert "worker" == "done"
    """)

    result = suite.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E       AssertionError: *",
            "the kit objected during the test, and the code under test did not let it through:",
            "  faults.inject(): no failpoint or function is called 'Wdget.connekt'. *",
        ]
    )


def test_an_objection_blames_the_line_of_the_test(suite: pytest.Pytester) -> None:
    """What the kit objects to is shown with the line that asked for it, and no frame of the kit's own."""
    suite.makepyfile("""
        def test_it(faults):
            faults.inject("Wdget.connekt", "off")
    """)

    result = suite.runpytest("--tb=short")

    result.stdout.fnmatch_lines(
        [
            "*_ test_it _*",
            "test_*.py:2: in test_it",
            '    faults.inject("Wdget.connekt", "off")',
            "E   Failed: faults.inject(): no failpoint or function is called 'Wdget.connekt'. *",
            "*- resilience -*",
        ],
        consecutive=True,
    )


def test_an_objection_that_fails_the_test_is_not_said_twice(suite: pytest.Pytester) -> None:
    """The objection is the failure; it is repeated neither in the report nor at the end of the test."""
    suite.makepyfile("""
        def test_it(faults):
            faults.inject("Wdget.connekt", "off")
    """)

    result = suite.runpytest("--tb=short", "-rN")

    result.assert_outcomes(failed=1)
    assert result.stdout.str().count("is called 'Wdget.connekt'") == 1


LEFT = """
    import logging, random, threading, time
    import pytest, service
    from resilience.failpoints import armed
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


def test_everything_is_as_it_was_whatever_happens_in_a_test(suite: pytest.Pytester) -> None:
    """Passing, failing, erring and odd ends of tests leave no patch, logger, clock, failpoint or thread behind."""
    suite.makepyfile(service=HELPERS, test_left=LEFT.replace("INTERRUPT", "pass"), conftest=CHECK)

    result = suite.runpytest_subprocess("-p", "no:threadexception")

    result.assert_outcomes(passed=4, failed=2, errors=2)
    result.stdout.fnmatch_lines(["*everything is as it was*"])


def test_everything_is_as_it_was_after_ctrl_c(suite: pytest.Pytester) -> None:
    """A KeyboardInterrupt in the middle of a test leaves nothing patched either."""
    suite.makepyfile(service=HELPERS, test_left=LEFT.replace("INTERRUPT", "raise KeyboardInterrupt"), conftest=CHECK)

    result = suite.runpytest_subprocess("-k", "interrupted")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*everything is as it was*"])


def test_class_and_module_level_fixtures_of_users_go_on_working(suite: pytest.Pytester) -> None:
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


def test_our_fixtures_are_for_one_test_and_pytest_says_so(suite: pytest.Pytester) -> None:
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


def test_the_fixtures_begin_at_the_clock_s_zero_in_any_order(suite: pytest.Pytester) -> None:
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


def test_the_fixtures_work_in_async_tests_of_anyio(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """An async test, here of anyio's plugin, has the same fixtures."""
    monkeypatch.setenv(
        "PYTEST_ADDOPTS", "-W error -p no:asyncio -p no:looptime_plugin -p no:randomly -p no:cacheprovider"
    )
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

    suite.runpytest_subprocess().assert_outcomes(passed=1)


def test_the_plugin_can_be_switched_off(suite: pytest.Pytester) -> None:
    """`-p no:resilience` takes options, marker and fixtures away."""
    suite.makepyfile("def test_it(faults): pass")

    result = suite.runpytest("-p", "no:resilience")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E       fixture 'faults' not found"])
    assert suite.runpytest("-p", "no:resilience", "--resilience").ret == pytest.ExitCode.USAGE_ERROR


def test_the_plugin_is_named_resilience(suite: pytest.Pytester) -> None:
    """The entry point carries the short name that `-p no:` takes."""
    suite.makepyfile("def test_it(request): assert request.config.pluginmanager.has_plugin('resilience')")

    suite.runpytest().assert_outcomes(passed=1)


@pytest.mark.parametrize("plugin", ["terminal", "capture", "logging", "junitxml", "unittest", "skipping"])
def test_the_plugin_needs_no_optional_part_of_pytest(suite: pytest.Pytester, plugin: str) -> None:
    """With a part of pytest switched off, tests with our fixtures still run."""
    suite.makepyfile("def test_it(faults, retries, retry_log): open('ran', 'w').close()")

    result = suite.runpytest_subprocess("--resilience", "-p", f"no:{plugin}")

    assert result.ret == 0
    assert (suite.path / "ran").exists()


def test_what_a_test_did_is_in_the_report_of_its_teardown(suite: pytest.Pytester) -> None:
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


def test_planned_answers_of_discord_that_were_never_given_fail_the_test(suite: pytest.Pytester) -> None:
    """The stand-in for Discord is as strict as faults are, and does not add an error to a test that fails anyway."""
    suite.makepyfile("""
        def test_passes(discord):
            discord.respond("2*return(500)")

        def test_fails(discord):
            discord.respond("2*return(500)")
            assert False
    """)

    result = suite.runpytest()

    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*_ ERROR at teardown of test_passes _*",
            "planned answers of Discord were never given, so the test has not proved what it set out to:",
            "  2*return(500) (0 requests came)",
        ],
        consecutive=True,
    )


def test_everything_that_is_left_is_said_at_once(suite: pytest.Pytester) -> None:
    """Unfired faults, unused answers and swallowed objections are one error with all three texts."""
    suite.makepyfile("""
        def helper(): pass

        def test_it(faults, discord):
            faults.inject(helper, "1*raise(OSError)")
            discord.respond("1*return(500)")
            try:
                faults.inject("Wdget.connekt", "off")
            except BaseException:
                pass
    """)

    result = suite.runpytest()

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "the kit objected during the test, and the code under test did not let it through:",
            "planned faults never fired, *",
            "planned answers of Discord were never given, *",
        ]
    )


def test_a_subtest_that_fails_fails_the_test_once(suite: pytest.Pytester) -> None:
    """In a test with subtests an unfired fault is not reported on top of a failed subtest."""
    suite.makepyfile("""
        def helper(): pass

        def test_it(faults, subtests):
            faults.inject(helper, "1*raise(OSError)")
            with subtests.test("one"):
                assert False
            with subtests.test("two"):
                pass
    """)

    result = suite.runpytest()

    assert result.parseoutcomes().get("errors", 0) == 0

"""The seed that replays a failure, the timeline that explains it, and the report that shows both."""

from __future__ import annotations

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


def draws(result):
    """Return what the tests of DRAWS printed, by test."""
    return dict(line.split(" ", 1) for line in result.outlines if line.startswith(("one ", "two ")))


def test_the_same_seed_draws_the_same_jitter(suite):
    """Two runs with one seed wait for the very same times; another seed draws others."""
    suite.makepyfile(service=SERVICE, test_draws=DRAWS)

    first, again = (draws(suite.runpytest("-s", "--resilience-seed=11")) for _ in range(2))
    other = draws(suite.runpytest("-s", "--resilience-seed=12"))

    assert first == again
    assert first["one"] != other["one"]


def test_each_test_draws_its_own_numbers_in_whatever_order_it_runs(suite):
    """Two tests with one seed wait for different times, which depend neither on order nor on selection."""
    suite.makepyfile(service=SERVICE, test_draws=DRAWS)

    both = draws(suite.runpytest("-s", "--resilience-seed=11"))
    alone = draws(suite.runpytest("-s", "--resilience-seed=11", "-k", "two"))

    assert both["one"] != both["two"]
    assert alone == {"two": both["two"]}


def test_pytest_randomly_does_not_change_what_a_seed_draws(suite):
    """A failure replays by our seed alone, with pytest-randomly on or off and whatever its own seed."""
    suite.makepyfile(service=SERVICE, test_draws=DRAWS)

    without = draws(suite.runpytest("-s", "--resilience-seed=11"))
    with_it = [
        draws(suite.runpytest("-s", "--resilience-seed=11", "-p", "randomly", f"--randomly-seed={seed}"))
        for seed in (1, 2)
    ]

    assert with_it == [without, without]


def test_a_test_case_of_unittest_replays_too(suite):
    """Its random numbers are those of our seed, whatever pytest-randomly seeds."""
    suite.makepyfile(
        test_draws="""
        import random, unittest, pytest

        @pytest.mark.usefixtures("virtual_clock")
        class TestDraws(unittest.TestCase):
            def test_one(self):
                print()
                print("one", random.random())
        """
    )
    first, second = (
        draws(suite.runpytest("-s", "--resilience-seed=5", "-p", "randomly", f"--randomly-seed={seed}"))
        for seed in (1, 2)
    )
    assert first == second != {}


def test_every_kind_of_failure_shows_timeline_and_seed(suite):
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


def test_a_failing_test_shows_what_happened_in_order(suite):
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


def test_a_failed_assertion_of_ours_shows_the_timeline_once(suite):
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


def test_a_long_timeline_is_cut_in_the_middle(suite):
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
        ["       0.000  *: call started", "         ...  161 more", "* recovered at attempt 100", "seed: *"]
    )

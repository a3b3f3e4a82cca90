"""The table at the end of a run."""

from __future__ import annotations

import re

import pytest

from pytest_resilience._pytest.summary import duration

FIRST = """
    import pytest
    from resilience import conn_retry, create_retry_decorator

    @conn_retry("Depot", "visit", max_retry=60, wait=lambda state: 2.0)
    def visit():
        return "visited"

    def test_recovers(faults, virtual_clock):
        faults.inject(visit, "3*raise(OSError)->1*sleep(1h1m)")
        visit()

    def test_short(virtual_clock):
        virtual_clock.advance(12.34)

    def test_plain():
        pass

    @pytest.mark.resilience
    @pytest.mark.skip
    def test_skipped(faults):
        pass
"""
SECOND = """
    import pytest
    from test_first import visit

    class TestVisits:
        def test_fails(self, faults):
            faults.inject(visit, "1*return(5)")
            visit()
            assert False

    @pytest.fixture
    def broken(faults):
        raise RuntimeError

    def test_broken(broken):
        pass
"""
EXPECTED = """\
                           faults  attempts  virtual time  alerts  real time
test_first.py
  test_recovers                 4         4    1 h 01 min       0  ####
  test_short                    0         0        12.3 s       0  ####
test_second.py
  TestVisits::test_fails  FAILED       1         1           0 s       0  ####
  test_broken  FAILED           0         0           0 s       0  ####
in all                          5         5    1 h 01 min       0  ####
"""


def table(result):
    """Return the lines of the summary, its title first."""
    lines = result.outlines
    (start,) = [number for number, line in enumerate(lines) if re.match("=+ resilience: ", line)]
    end = next(number for number, line in enumerate(lines) if number > start and (not line or line.startswith("=")))
    return lines[start:end]


def cells(line):
    """Return the cells of a row but for its real time, which differs."""
    found = re.split(r"  +", line.strip())
    return found if len(found) == 1 else found[:-1]


@pytest.mark.parametrize("arguments", [[], ["-q"], ["-v"], ["--tb=no"], ["--no-header"], ["-p", "no:logging"]])
def test_each_test_with_our_fixtures_is_a_row_under_its_file(suite, arguments):
    """Faults, attempts, virtual time and alerts are counted per test and in all, passing or failing, in any mode."""
    suite.makepyfile(test_first=FIRST, test_second=SECOND)

    result = suite.runpytest("--resilience", *arguments)

    result.assert_outcomes(passed=3, failed=1, errors=1, skipped=1)
    title, *lines = table(result)
    assert re.fullmatch(r"=+ resilience: 4 tests, 1 h 01 min of virtual time in \d.* =+", title)
    assert [cells(line) for line in lines] == [cells(line) for line in EXPECTED.splitlines()]


def test_the_table_is_aligned(suite):
    """Names are flush left, numbers flush right, and all rows of one length."""
    suite.makepyfile(test_first=FIRST, test_second=SECOND)

    _, head, *lines = table(suite.runpytest("--resilience"))

    rows = [line for line in lines if not line.startswith("test_")]
    assert {len(line) for line in [head, *rows]} == {len(head)}
    ends = [found.end() for found in re.finditer(r"faults|attempts|virtual time|alerts|real time", head)]
    assert all(line[end - 1] != " " and line[end : end + 2] in {"  ", ""} for line in rows for end in ends)


def test_a_long_name_is_cut_and_keeps_its_outcome(suite):
    """The parameters of one test do not make the whole table wider than a terminal."""
    suite.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.parametrize("body", ["x" * 90])
        def test_body(virtual_clock, body):
            assert False
        """
    )
    lines = table(suite.runpytest("--resilience"))
    assert cells(lines[3]) == [f"test_body[{'x' * 60}…]", "FAILED", "0", "0", "0 s", "0"]


def test_alerts_are_counted(suite):
    """An alert that reached the stand-in for Discord is in its test's row."""
    suite.makepyfile("""
        from resilience import conn_retry

        @conn_retry("Depot", "visit", max_retry=60)
        def visit():
            return "visited"

        def test_alerts(faults, virtual_clock, discord):
            faults.inject(visit, "55*raise(OSError)")
            visit()
            discord.assert_alerted(count=1)
    """)

    lines = [cells(line) for line in table(suite.runpytest("--resilience"))]

    assert [line[1:3] + line[4:] for line in lines[-2:]] == [["55", "56", "1"]] * 2


def test_attempts_of_other_retry_libraries_are_counted(suite):
    """Calls that reach a fault are attempts, whoever retries them."""
    suite.makepyfile("""
        import tenacity

        def load():
            return "loaded"

        @tenacity.retry(wait=tenacity.wait_none())
        def fetch():
            return load()

        def test_it(faults):
            faults.inject(load, "3*raise(OSError)")
            fetch()
    """)

    assert cells(table(suite.runpytest("--resilience"))[-1]) == ["in all", "3", "4", "0 s", "0"]


def test_a_fault_in_what_a_decorated_function_calls_counts_each_attempt_once(suite):
    """The attempts are those of the decorated function; the calls of what it depends on are not added."""
    suite.makepyfile("""
        from resilience import create_retry_decorator

        def load():
            return "loaded"

        @create_retry_decorator(max_wait=0)
        def fetch():
            return load()

        def test_it(faults):
            faults.inject(load, "3*raise(OSError)")
            fetch()
    """)

    assert cells(table(suite.runpytest("--resilience"))[-1])[:3] == ["in all", "3", "4"]


def test_a_large_run_is_summed_up_by_file(suite):
    """Beyond sixty tests a file is one row, with the number of its tests."""
    many = """
        import pytest

        @pytest.mark.parametrize("number", range({number}))
        def test_it(virtual_clock, number):
            virtual_clock.advance(2)
    """
    suite.makepyfile(test_a=many.format(number=40), test_b=many.format(number=21))

    title, _, *lines = table(suite.runpytest("--resilience"))

    assert "resilience: 61 tests, 2 min 02 s of virtual time in " in title
    assert [cells(line) for line in lines] == [
        ["test_a.py (40)", "0", "0", "1 min 20 s", "0"],
        ["test_b.py (21)", "0", "0", "42.0 s", "0"],
        ["in all", "0", "0", "2 min 02 s", "0"],
    ]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.0001, "0 ms"),
        (0.012, "12 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (1, "1.0 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (60, "1 min 00 s"),
        (302, "5 min 02 s"),
        (3599.4, "59 min 59 s"),
        (3599.9, "1 h 00 min"),
        (3720, "1 h 02 min"),
        (90061, "25 h 01 min"),
    ],
)
def test_durations_are_readable(seconds, shown):
    """Each duration has two units at most, and sixty of one are one of the next."""
    assert duration(seconds) == shown


@pytest.mark.parametrize("arguments", [["--resilience"], ["--resilience", "-q"]])
def test_no_row_no_section(suite, arguments):
    """A run in which no test used the fixtures has no summary."""
    suite.makepyfile("def test_plain(): pass")

    suite.runpytest(*arguments).stdout.no_re_match_line("=+ resilience")


def test_without_the_option_there_is_no_summary(suite):
    """The fixtures alone print nothing."""
    suite.makepyfile("def test_it(faults): pass")

    suite.runpytest().stdout.no_re_match_line("=+ resilience")


@pytest.mark.slow
def test_rows_of_all_workers_arrive(suite, forked_workers):
    """Under -n 2 and in random order the controller prints one table of all tests, in the order of the files.

    All workers share the seed that the controller has drawn: its header and each failure show it.
    """
    third = """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_fails(faults, number):
            raise AssertionError
    """
    suite.makepyfile(test_first=FIRST, test_second=SECOND, test_third=third)

    result = suite.runpytest("--resilience", "-n", "2", "-p", "xdist", "-p", "randomly")

    result.assert_outcomes(passed=3, failed=7, errors=1, skipped=1)
    *expected, in_all = [cells(line) for line in EXPECTED.splitlines()]
    expected += [["test_third.py"], *([f"test_fails[{n}]", "FAILED", "0", "0", "0 s", "0"] for n in range(6)), in_all]
    assert [cells(line) for line in table(result)[1:]] == expected
    shown = [line.partition("=")[2] for line in result.outlines if line.startswith("seed: --resilience-seed=")]
    (header,) = {line.rpartition(" ")[2] for line in result.outlines if line.startswith("resilience: seed ")}
    assert shown == [header] * 8


def test_a_row_survives_a_test_that_errs_in_its_set_up(suite):
    """What a fixture did before another one broke is counted."""
    suite.makepyfile("""
        import pytest

        def helper(): pass

        @pytest.fixture
        def broken(faults):
            faults.inject(helper, "1*return(1)")
            helper()
            raise RuntimeError

        def test_it(broken): pass
    """)

    assert cells(table(suite.runpytest("--resilience"))[-1])[:2] == ["in all", "1"]


def test_the_tools_are_counted_without_the_fixtures_too(suite):
    """A test that opens a clock, faults or the stand-in for Discord by itself is a row; one that uses none is not."""
    suite.makepyfile(
        test_it="""
        from pytest_resilience import DiscordMock, Faults, Retries, VirtualClock
        from resilience import conn_retry

        @conn_retry("Depot", "visit", max_retry=60)
        def visit(): pass

        def test_clock():
            with VirtualClock() as clock:
                clock.advance(90)

        def test_everything():
            with VirtualClock(), DiscordMock() as discord, Faults() as faults, Retries() as retries:
                faults.inject(visit, "55*raise(OSError)")
                visit()
                retries.assert_recovered(visit)
                discord.assert_alerted(count=1)

        def test_plain():
            pass
    """
    )

    rows = [cells(line) for line in table(suite.runpytest("--resilience"))]

    assert [row[0] for row in rows[2:]] == ["test_it.py", "test_clock", "test_everything", "in all"]
    assert rows[3] == ["test_clock", "0", "0", "1 min 30 s", "0"]
    assert rows[4][:3] == ["test_everything", "55", "56"]
    assert rows[4][4] == "1"

"""What the report of a failure says of libraries that the virtual clock can't reach."""

from __future__ import annotations

import sys
import textwrap
from types import ModuleType

import pytest

LIBRARIES = ("cachebox", "duckdb", "grpc", "numpy", "pydantic_core", "sqlite3")


@pytest.fixture
def imported(monkeypatch):
    """Has it that only these libraries are imported."""

    def let(*names):
        for name in LIBRARIES:
            monkeypatch.delitem(sys.modules, name, raising=False)
        for name in names:
            monkeypatch.setitem(sys.modules, name, ModuleType(name))

    return let


FAILING = """
    def test_in_virtual_time(virtual_clock): assert 0
    def test_in_real_time(faults): assert 0
    def test_that_passes(virtual_clock): pass
"""


def test_a_failure_in_virtual_time_names_the_libraries_that_have_real_time(suite, imported):
    """Those that are imported, in one line, where the test has the clock."""
    imported("numpy", "sqlite3")
    suite.makepyfile(f"import sqlite3\n{textwrap.dedent(FAILING)}")
    result = suite.runpytest("--resilience-seed=3")
    result.assert_outcomes(failed=2, passed=1)
    said = (
        "in real time, whatever the virtual clock shows: numpy.datetime64('now'); "
        "CURRENT_TIMESTAMP and the busy timeout of SQLite"
    )
    assert [line for line in result.outlines if "in real time" in line] == [said]
    assert result.outlines[result.outlines.index(said) - 1] == "seed: --resilience-seed=3"


def test_nothing_is_said_where_no_such_library_is_imported(suite, imported):
    """The report is as short as before."""
    imported()
    suite.makepyfile(FAILING)
    assert "in real time" not in suite.runpytest().stdout.str()


@pytest.mark.parametrize("line", ["import sqlite3", "from sqlite3 import Connection"])
def test_what_freezegun_alone_has_imported_is_not_said(suite, imported, monkeypatch, line):
    """freezegun imports sqlite3 for its own needs; only where the program does so, too, its time matters."""
    imported("sqlite3")
    sys.modules["sqlite3"].Connection = type("Connection", (), {"__module__": "sqlite3"})
    monkeypatch.setitem(sys.modules, "freezegun", sys.modules.get("freezegun") or ModuleType("freezegun"))
    suite.makepyfile(test_without=FAILING, test_with=f"{line}\n{textwrap.dedent(FAILING)}")
    assert "in real time" not in suite.runpytest("test_without.py").stdout.str()
    suite.runpytest("test_with.py").stdout.fnmatch_lines(["in real time*SQLite"])

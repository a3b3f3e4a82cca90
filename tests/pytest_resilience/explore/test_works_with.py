"""Kinds of tests that are explored, and options of pytest beside which they are."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

KINDS = """
    import unittest
    import pytest, trio
    from resilience import create_retry_decorator

    pytestmark = pytest.mark.explore

    @create_retry_decorator(max_attempts=2)
    def fetch():
        return 1

    @create_retry_decorator(max_attempts=2)
    async def fetch_async():
        return 1

    def fetch_or_nothing():
        try:
            return fetch()
        except OSError:
            return 0

    async def fetch_or_nothing_async():
        try:
            return await fetch_async()
        except OSError:
            return 0

    def test_sound():
        assert fetch() == 1

    @pytest.mark.parametrize("number", [1, 2])
    def test_parametrized(number):
        assert fetch_or_nothing() == 1

    class TestClass:
        @pytest.fixture
        def expected(self):
            return 1

        def test_of_a_class(self, expected):
            assert fetch_or_nothing() == expected

    class TestCase(unittest.TestCase):
        def setUp(self):
            self.expected = 1

        def test_of_unittest(self):
            self.assertEqual(fetch_or_nothing(), self.expected)

    class AsyncTestCase(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self):
            self.expected = 1

        async def test_of_unittest_async(self):
            self.assertEqual(await fetch_or_nothing_async(), self.expected)

    @pytest.mark.asyncio
    async def test_of_pytest_asyncio():
        assert await fetch_or_nothing_async() == 1

    @pytest.mark.anyio
    async def test_of_anyio():
        assert await fetch_or_nothing_async() == 1

    def test_on_trio():
        async def main():
            assert await fetch_or_nothing_async() == 1

        trio.run(main)
"""


@pytest.fixture
def kinds(ends_of_tasks, suite, forked_workers, monkeypatch):
    """A suite with one sound test, and nine that swallow an error of two attempts."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p resilience -p asyncio -p anyio -p xdist -W ignore")
    suite.makepyfile(test_kinds=KINDS)
    return lambda *arguments: suite.runpytest("--resilience", "--resilience-budget=2", *arguments)


def test_each_kind_of_test_is_explored_beside_each_option(kinds):
    """The same is found however a test is run, and as often as it is selected."""
    table = [
        ([], {"passed": 1, "failed": 9}),
        (["--lf", "-x"], {"failed": 1}),
        (["--lf", "-k", "async"], {"failed": 3, "deselected": 6}),
        (["-n", "1", "-k", "trio or sound or of_anyio"], {"passed": 1, "failed": 3}),
        (["test_kinds.py::TestCase::test_of_unittest"], {"failed": 1}),
    ]
    for arguments, outcomes in table:
        result = kinds(*arguments)
        result.assert_outcomes(**outcomes)
        assert str(result.stdout).count("wrong result: ") == outcomes["failed"], arguments

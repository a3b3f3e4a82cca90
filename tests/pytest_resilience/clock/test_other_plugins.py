"""The clock beside the plugins that run async tests, share them out, limit their time and shuffle them."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

SUITE = """
import asyncio
import time

import anyio
import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.mark.asyncio(loop_scope="function")
async def test_function(virtual_clock):
    await asyncio.sleep(3600)
    assert virtual_clock.elapsed == 3600


@pytest.mark.asyncio(loop_scope="class")
class TestClass:
    async def test_timeout(self, virtual_clock):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await asyncio.sleep(3600)
        assert virtual_clock.elapsed == 60

    async def test_several(self, virtual_clock):
        await asyncio.gather(*(asyncio.sleep(seconds) for seconds in range(5)))
        assert virtual_clock.elapsed == 4


@pytest.mark.asyncio(loop_scope="module")
async def test_module(virtual_clock):
    await asyncio.to_thread(time.sleep, 100)
    assert virtual_clock.elapsed == 100


@pytest.mark.asyncio(loop_scope="package")
async def test_package(virtual_clock):
    await asyncio.wait_for(asyncio.sleep(10), 20)
    assert virtual_clock.elapsed == 10


@pytest.mark.asyncio(loop_scope="session")
async def test_session(virtual_clock):
    await asyncio.sleep(5)
    assert virtual_clock.elapsed == 5


@pytest.mark.asyncio(loop_scope="session")
async def test_without_the_clock():
    await asyncio.sleep(0)


@pytest.mark.anyio
async def test_anyio(virtual_clock):
    with anyio.move_on_after(500):
        await anyio.sleep(3600)
    assert virtual_clock.elapsed == 500
"""


OTHERS = "cacheprovider freezer hypothesispytest looptime_plugin pytest_httpx respx time_machine"


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a suite beside the plugins that these tests are about."""
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(["-W error", *(f"-p no:{name}" for name in OTHERS.split())]))

    def run(suite, *options):
        pytester.makepyfile(suite)
        return pytester.runpytest_inprocess(*options)

    return run


@pytest.mark.parametrize(
    "options",
    [["-p", "no:randomly", "-p", "no:xdist", "--timeout", "600"], ["-p", "randomly", "-n", "1"]],
    ids=["in order and with a time limit", "shuffled and on a worker"],
)
def test_async_tests_of_every_loop_scope_have_virtual_time(run, options):
    """Under pytest-asyncio in each loop scope, and under anyio on asyncio and trio, hours pass exactly."""
    run(SUITE, "-o", "asyncio_default_fixture_loop_scope=function", *options).assert_outcomes(passed=9)


def test_a_time_limit_for_the_function_alone_counts_real_time(run):
    """The timer of pytest-timeout watches from outside, also where it is started inside the clock."""
    suite = """
        import time
        import pytest

        @pytest.mark.timeout(600, func_only=True, method="signal")
        def test_signal(virtual_clock):
            time.sleep(10_000)
            assert virtual_clock.elapsed == 10_000

        @pytest.mark.timeout(600, func_only=True, method="thread")
        def test_thread(virtual_clock):
            time.sleep(10_000)
            assert virtual_clock.elapsed == 10_000
        """
    run(suite, "-p", "no:asyncio", "-p", "no:anyio", "-p", "no:xdist", "-p", "no:randomly").assert_outcomes(passed=2)

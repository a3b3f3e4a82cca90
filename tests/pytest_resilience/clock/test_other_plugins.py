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


@pytest.mark.parametrize(
    "options",
    [["-p", "no:randomly"], ["-p", "randomly", "-p", "no:xdist"], ["-n", "2"], ["--timeout", "600", "-p", "no:xdist"]],
    ids=["in order", "shuffled", "on two workers", "with a time limit"],
)
def test_async_tests_of_every_loop_scope_have_virtual_time(pytester, options):
    """Under pytest-asyncio in each loop scope, and under anyio on asyncio and trio, hours pass exactly."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess(
        "-W", "error", "-p", "no:cacheprovider", "-p", "no:looptime_plugin", *options
    )
    result.assert_outcomes(passed=9)


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_a_time_limit_for_the_function_alone_counts_real_time(pytester, method):
    """The timer of pytest-timeout watches from outside, also where it is started inside the clock."""
    pytester.makepyfile(
        f"""
        import time
        import pytest

        @pytest.mark.timeout(600, func_only=True, method="{method}")
        def test_it(virtual_clock):
            time.sleep(10_000)
            assert virtual_clock.elapsed == 10_000
        """
    )
    result = pytester.runpytest_subprocess(
        "-W", "error", "-p", "no:cacheprovider", "-p", "no:looptime_plugin", "-p", "no:asyncio", "-p", "no:xdist"
    )
    result.assert_outcomes(passed=1)

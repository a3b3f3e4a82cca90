"""An exploration is the same each time, in whatever process: plans, findings and tokens."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.slow

SHOP = """
    import asyncio, threading, time
    from concurrent.futures import ThreadPoolExecutor
    import pytest
    from resilience import create_retry_decorator

    @create_retry_decorator(max_attempts=2)
    def reserve():
        return {"left", "right"}

    @pytest.mark.explore(budget=30)
    def test_one_is_sold():
        stock, sold = {"left": 1}, []

        def buy(seconds):
            for side in reserve():
                time.sleep(seconds)
                if stock["left"] > 0:
                    stock["left"] -= 1
                    sold.append(seconds)

        buyers = [threading.Thread(target=buy, args=(each,), name=f"buyer-{each}") for each in (1, 1.002)]
        for each in buyers:
            each.start()
        for each in buyers:
            each.join()
        assert len(sold) == 1

    @pytest.mark.explore(faults=0, schedules=2, budget=10)
    def test_paid_or_refused():
        async def paying():
            paid = []
            with ThreadPoolExecutor(1) as pool:
                try:
                    async with asyncio.timeout(1):
                        work = lambda: (time.sleep(0.995), paid.append(1))
                        await asyncio.get_running_loop().run_in_executor(pool, work)
                except TimeoutError:
                    assert not paid

        asyncio.run(paying())
"""


def test_fresh_processes_find_the_same_and_replay_it(suite, monkeypatch):
    """Whatever the seed of hashes, and whichever test comes first; a token pasted in another process fails as it did."""
    suite.makepyfile(test_shop=SHOP)
    said = set()
    for seed in ("0", "1"):  # with these, the set of two texts has its one order and the other
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        result = suite.runpytest_subprocess("--resilience", "--resilience-seed=7")
        result.assert_outcomes(failed=2)
        told = re.findall(r"explore: .*?^seed:", result.stdout.str(), re.DOTALL | re.MULTILINE)
        said.add(re.sub(r"\(\d+\.\d s\)", "", "".join(told)))
    (text,) = said

    replays = set(re.findall(r"again: +pytest (.*)", text))
    assert len(replays) >= 2
    for line in replays:
        result = suite.runpytest(*line.split())
        result.assert_outcomes(failed=1)
        assert "does not fit" not in result.stdout.str()

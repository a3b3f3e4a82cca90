"""An exploration is the same each time, in whatever process: plans, findings and tokens."""

from __future__ import annotations

import re
import subprocess
import sys

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

    @pytest.mark.explore(budget=20)
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


def hash_seed_of_the_other_order():
    """Of two seeds of hashes the one by which the set of two texts has another order than in this process."""
    show_order = [sys.executable, "-S", "-c", "print(*{'left', 'right'})"]
    order = subprocess.check_output(show_order, env={"PYTHONHASHSEED": "0"}, text=True)
    return "1" if order.split() == [*{"left", "right"}] else "0"


def test_a_fresh_process_finds_the_same(suite, monkeypatch):
    """Whatever the seed of hashes, and whatever ran before; a token pasted in another process fails as it did."""
    suite.makepyfile(test_shop=SHOP)
    monkeypatch.setenv("PYTHONHASHSEED", hash_seed_of_the_other_order())
    said = set()
    for run in (suite.runpytest_subprocess, suite.runpytest_inprocess):
        result = run("--resilience", "--resilience-seed=7")
        result.assert_outcomes(failed=2)
        told = re.findall(r"explore: .*?^seed:", result.stdout.str(), re.DOTALL | re.MULTILINE)
        said.add(re.sub(r"\(\d+\.\d s\)", "", "".join(told)))
    (text,) = said

    replays = set(re.findall(r"again: +pytest (.*)", text))
    assert len(replays) >= 2
    for line in replays:
        result = suite.runpytest("--tb=native", *line.split())  # to look up each statement takes half of the run
        result.assert_outcomes(failed=1)
        assert "does not fit" not in result.stdout.str()

"""Threads whose order matters: bugs that need one to be stopped at the wrong line, or to go first."""

from __future__ import annotations

import contextlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from pytest_resilience import explore
from resilience import create_retry_decorator


def run_all(*bodies):
    """Run functions in threads of their own."""
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def kinds(function, **limits):
    """What exploring a function finds, by kind."""
    return [finding.kind for finding in explore(function, **limits).findings]


def test_a_check_and_an_act_that_are_not_one_are_found():
    """Two buyers see the last piece, and both buy it; with a lock around both steps they can't."""

    def selling(guard):
        stock, sold = {"left": 1}, []

        def buy():
            with guard():
                if stock["left"] > 0:
                    stock["left"] -= 1
                    sold.append(1)

        run_all(buy, buy)
        assert len(sold) == 1

    lock = threading.Lock()
    assert kinds(lambda: selling(contextlib.nullcontext)) == ["wrong result"]
    assert kinds(lambda: selling(lambda: lock)) == []


def test_an_update_that_is_lost_in_the_middle_of_a_line_is_found():
    """`+=` reads and writes, and another thread may go on in between."""

    def counting():
        count = {"n": 0}

        def add():
            count["n"] += 1

        run_all(add, add)
        assert count["n"] == 2

    (finding,) = explore(counting).findings
    assert finding.kind == "wrong result"
    (step,) = finding.plan
    assert step.startswith("thread 2, step ")
    assert " goes on before it, at " in step
    assert step.endswith(" (after reading, before writing)")
    assert finding.scripts == ()


def test_something_that_two_workers_of_a_pool_make_at_first_use_is_found():
    """The pool looks for an idle worker meanwhile, for 0 s: one that was pre-empted does not come back for that."""

    def connecting(guard):
        made = []

        def connection():
            with guard():
                if not made:
                    new = object()
                    made.append(new)
                return made[0]

        with ThreadPoolExecutor(2) as pool:
            for job in [pool.submit(connection) for _ in range(2)]:
                job.result()
        assert len(made) == 1

    lock = threading.Lock()
    (finding,) = explore(lambda: connecting(contextlib.nullcontext)).findings
    assert finding.kind == "wrong result"
    assert len(finding.plan) == 1
    assert kinds(lambda: connecting(lambda: lock)) == []


def test_who_spins_until_a_pre_empted_thread_has_gone_on_does_not_spin_for_ever():
    """It comes back after some turns of a thread that only asks again and again."""

    def spinning():
        done = threading.Event()
        asked = []

        def work():
            steps = [1]
            steps.append(2)
            done.set()

        thread = threading.Thread(target=work)
        thread.start()
        while not done.wait(0):
            asked.append(1)
        thread.join()
        assert len(asked) < 100

    assert kinds(spinning) == []


@pytest.mark.parametrize(
    "line", ["self.n += 1", "self.n = self.n + 1", "n = self.n; self.n = n + 1", "d[0] = d[0] + 1"]
)
def test_an_update_is_lost_however_it_is_written(line, tmp_path, monkeypatch):
    """What is read and written in one line may have another value in between."""
    (tmp_path / "counting_in_a_line.py").write_text(f"def add(self, d):\n    {line}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "counting_in_a_line", raising=False)
    import counting_in_a_line

    def counting():
        count, items = SimpleNamespace(n=0), [0]
        run_all(*[lambda: counting_in_a_line.add(count, items)] * 2)
        assert count.n + items[0] == 2

    (finding,) = explore(counting).findings
    assert finding.plan[0].endswith(" (after reading, before writing)")
    monkeypatch.delitem(sys.modules, "counting_in_a_line")


def test_locks_that_are_taken_in_two_orders_are_found():
    """One thread has the first lock and waits for the second, the other the other way round."""

    def transferring(*, ordered):
        one, other = threading.Lock(), threading.Lock()

        def move(first, second):
            with first, second:
                pass

        run_all(lambda: move(one, other), lambda: move(*((one, other) if ordered else (other, one))))

    assert kinds(lambda: transferring(ordered=False)) == ["stuck"]
    assert kinds(lambda: transferring(ordered=True)) == []


def test_the_workers_of_a_pool_that_take_locks_in_two_orders_are_found():
    """A pool asks whether a worker is idle before it starts another one: one that is stopped in its work is not."""

    def transferring(*, ordered):
        one, other = threading.Lock(), threading.Lock()

        def move(first, second):
            with first, second:
                pass

        with ThreadPoolExecutor(2) as pool:
            pool.submit(move, one, other)
            pool.submit(move, *((one, other) if ordered else (other, one)))

    assert kinds(lambda: transferring(ordered=False)) == ["stuck"]
    assert kinds(lambda: transferring(ordered=True)) == []


def test_the_workers_of_a_pool_end_in_the_same_order_in_each_run():
    """A pool keeps its workers in a set, and joins them one by one."""

    def working():
        meeting = threading.Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            for _ in range(4):
                pool.submit(meeting.wait)

    churn = []
    for number in range(8):
        churn.append([bytearray(40 + number * 16) for _ in range(number * 37)])
        assert explore(working, budget=1).runs == 1


def test_an_order_of_threads_that_is_taken_for_granted_is_found():
    """Which of two threads that are ready goes first is nobody's promise."""

    def announcing():
        said = []
        run_all(lambda: said.append("first"), lambda: said.append("second"))
        assert said == ["first", "second"]

    assert kinds(announcing) == ["wrong result"]
    assert kinds(announcing, schedules=0, points=[run_all]) == []


def test_a_schedule_is_explored_as_far_as_it_is_said():
    """With no cut, all plans with one deviation were run, and a program without threads has none."""

    def working():
        results = []
        run_all(lambda: results.append(1), lambda: results.append(2))
        assert sorted(results) == [1, 2]

    exploration = explore(working)
    assert exploration.extent == f"explored all {exploration.runs} plans with at most 1 fault and 1 deviation"

    @create_retry_decorator(max_attempts=2)
    def fetch():
        return 1

    assert explore(fetch).extent.endswith("with at most 1 fault")


def test_the_same_plan_takes_the_same_course():
    """What a plan finds it finds each time, at the same line."""

    def counting():
        count = {"n": 0}

        def add():
            for _ in range(2):
                count["n"] += 1

        run_all(add, add)
        assert count["n"] == 4

    first, second = (explore(counting).findings for _ in range(2))
    assert [each.token for each in first] == [each.token for each in second]

"""`faults.environment()`: what a test injects strikes in the processes that it starts, with one count for all."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from pytest_resilience import Faults, Timeline, VirtualClock, answer, call, fail
from resilience.events import FaultInjected
from tests.pytest_resilience.faults.children import Child, child_of


def complaint_of(block):
    """Return what the kit says at the end of faults that were used as the block does."""
    with pytest.raises(pytest.fail.Exception) as raised, Faults() as faults:
        block(faults)
    return str(raised.value)


def test_what_is_injected_before_or_later_strikes_in_a_child(shop):
    """A child is struck by what it finds armed and by what comes later, until that is disarmed; the test is told."""
    with Timeline() as timeline, Faults(timeline) as faults:
        early = faults.inject("shop:plain", "1*raise(TimeoutError('early'))->1*return([1, 2])")
        with child_of(faults) as child:
            assert [child.ask("plain(7)") for _ in range(3)] == ["TimeoutError: early", "[1, 2]", "plain 7"]
            later = faults.inject("Payments.charge", "raise(OSError('later'))")
            assert child.ask("Payments().charge(3, currency='USD')") == "OSError: later"
            later.disarm()
            assert child.ask("Payments().charge(3)") == "charged 3"
            with faults.inject("shop:Payments", "1*raise(OSError('no object'))"):
                assert child.ask("Payments()") == "OSError: no object"
            with faults.inject(["shop:later", "shop.passed"], "1*return(5)->1*after return(6)") as both:
                assert child.ask("in_asyncio(later)") == "5"
                assert child.ask("passed()") == "6"
        number = child.process.pid

    assert [(each.args, each.kwargs, each.done, each.process) for each in early.calls] == [
        ((7,), {}, done, number) for done in ("raise(TimeoutError('early'))", "return([1, 2])", "off")
    ]
    (charge,) = later.calls
    assert charge.args[0].startswith("<shop.Payments object")
    assert (charge.args[1:], charge.kwargs, charge.process) == ((3,), {"currency": "USD"}, number)
    assert [each.done for each in both.calls] == ["return(5)", "after return(6)"]
    struck = [event.failpoint for _, event in timeline.of(FaultInjected)]
    assert struck == [
        "shop:plain",
        "shop:plain",
        "Payments.charge",
        "shop:Payments",
        "shop:later, shop.passed",
        "shop:later, shop.passed",
    ]


def test_the_test_and_its_children_share_one_count(shop):
    """A fault that strikes twice strikes twice in all, here, in a child, and in a process that the child has forked."""
    import shop as here

    with Faults() as faults:
        injection = faults.inject("shop:plain", "3*return(1)")
        with child_of(faults) as child:
            assert here.plain() == 1
            assert child.ask("in_a_forked_process(plain)") == "1"
            assert child.ask("plain()") == "1"
            assert (here.plain(), child.ask("plain()")) == ("plain 0", "plain 0")
            assert child.ask("in_a_forked_process(plain)") == "plain 0"
        assert len({each.process for each in injection.calls}) == 4

    assert (injection.fired, len(injection.calls)) == (3, 6)


@pytest.mark.slow
@pytest.mark.parametrize(("way", "number"), [("spawn", 2), ("fork", 4)])
def test_many_processes_at_once_get_exactly_the_plan(shop, way, number):
    """Processes of multiprocessing that call at the same time are struck as often in all as was planned."""
    import shop as here

    with Faults() as faults:
        faults.environment()
        injection = faults.inject("shop:plain", "31*return(1)")
        context = multiprocessing.get_context(way)
        queue = context.SimpleQueue()
        workers = [context.Process(target=here.worker, args=(queue, 20)) for _ in range(number)]
        for worker in workers:
            worker.start()
        said = [each for _ in workers for each in queue.get()]
        for worker in workers:
            worker.join()
        queue.close()

    assert sorted(said) == ["1"] * 31 + ["plain 0"] * (number * 20 - 31)
    assert (injection.fired, len(injection.calls)) == (31, number * 20)


def test_what_a_forked_process_has_inherited_ends_when_it_ends_in_the_test(shop):
    """A process that was forked from the test is struck by what was armed before it, and no more once that has ended."""
    import shop as here

    def tried():
        os.read(asked[0], 1)
        os.write(answered[1], here.said(here.plain).encode())

    asked, answered = os.pipe(), os.pipe()
    with Faults() as faults:
        faults.environment()
        with faults.inject(here.plain, "return('struck')"):
            child = os.fork()
            if not child:
                for _ in range(2):
                    tried()
                os._exit(0)
            os.write(asked[1], b"!")
            assert os.read(answered[0], 100) == b"struck"
        os.write(asked[1], b"!")
        assert os.read(answered[0], 100) == b"plain 0"
        assert os.waitpid(child, 0)[1] == 0
    for end in (*asked, *answered):
        os.close(end)


def test_a_forked_process_that_leaves_the_test_takes_nothing_with_it(shop):
    """One that ends by an exception, through the ``with`` blocks of the test, ends nothing there."""
    import shop as here

    test, status = os.getpid(), 1
    try:
        with Faults() as faults:
            faults.inject("shop:plain", "2*return(1)")
            folder = Path(faults.environment()["RESILIENCE_FAULTS"]).parent
            child = os.fork()
            if not child:
                status = 0 if here.plain() == 1 else 1
                raise InterruptedError
            assert os.waitpid(child, 0)[1] == 0
            assert folder.exists()
            assert here.plain() == 1
    except InterruptedError:
        pass
    finally:
        if os.getpid() != test:
            os._exit(status)
    assert not folder.exists()


def test_a_crash_kills_a_child(shop):
    """A ``crash`` is SIGKILL in a child, and a `Crash` in the test."""
    with Faults() as faults:
        injection = faults.inject("shop:plain", "1*crash")
        with child_of(faults) as child:
            assert child.ask("plain()") == ""
        assert child.process.returncode == -signal.SIGKILL

    assert injection.exhausted


def test_a_child_waits_until_the_test_resumes_it(shop):
    """The test sees that a thread or task of a child waits at a ``pause``, and lets it go on; ``hang`` ends with it."""
    with Faults() as faults, child_of(faults) as child:
        for expression in ("plain()", "in_asyncio(later)", "in_trio(later)"):
            paused = faults.inject(["shop:plain", "shop:later"], "1*pause->1*hang")
            child.tell(expression)
            paused.wait_reached()
            paused.resume()
            assert child.read() in {"plain 0", "later"}
            child.tell(expression)
            paused.wait_reached()
            paused.disarm()
            assert child.read() == "ReleasedError: the fault is over, and so is the call that it had made to wait"


def test_it_works_in_virtual_time(shop):
    """Calls of a child are at the virtual time of the test, in which the child itself acts in real time."""
    with VirtualClock() as clock, Faults() as faults:
        environment = faults.environment()
        clock.advance(3600)
        injection = faults.inject("shop:plain", "[1h..] 1*return(1)->[1h..] 1*sleep(1ms)->[1h..] 1*pause")
        child = Child(environment)
        with clock.hold():
            assert child.ask("plain()") == "plain 0"
        clock.advance(3600)
        with clock.hold():
            assert [child.ask("plain()"), child.ask("plain()")] == ["1", "plain 0"]
            child.tell("plain()")
            injection.wait_reached()
            injection.resume()
            assert child.read() == "plain 0"
            assert child.close() == ""
        assert [each.at for each in injection.calls] == [3600, 7200, 7200, 7200]
        assert clock.elapsed == 7200


def test_virtual_time_waits_for_a_child_that_is_on_its_way(shop):
    """`wait_reached` waits for a call of a child in virtual time, too, which stands still meanwhile."""
    with VirtualClock(grace=60) as clock, Faults() as faults:
        injection = faults.inject("shop:plain", "1*pause")
        with child_of(faults) as child:
            child.tell("plain()")
            injection.wait_reached()
            injection.resume()
            assert child.read() == "plain 0"
        assert clock.elapsed == 0


def test_a_process_that_is_forked_in_virtual_time_is_struck(shop):
    """What a bubble forks lives in real time, and asks the test as any other process."""
    import shop as here

    with VirtualClock(), Faults() as faults:
        faults.environment()
        injection = faults.inject("shop:plain", "1*return(1)->1*sleep(1ms)")
        assert [here.in_a_forked_process(here.plain) for _ in range(3)] == ["1", "plain 0", "plain 0"]
        assert [each.at for each in injection.calls] == [0, 0, 0]


def test_a_predicate_decides_about_calls_of_children(shop):
    """``when`` gets the arguments as JSON can say them; one that raises is an objection, and lets the call through."""

    def block(faults):
        large = faults.inject("shop:plain", "return('large')", when=lambda number: number > 100)
        with child_of(faults) as child:
            assert [child.ask("plain(7)"), child.ask("plain(700)"), child.ask("plain('x')")] == [
                *("plain 7", "large", "plain x"),
            ]
        assert [each.args for each in large.calls] == [(700,)]

    assert complaint_of(block).startswith("<Injection shop:plain=return('large'), fired 1>, for a call of process ")


def test_what_a_child_can_t_do_is_an_objection(shop):
    """An action without text, or an exception that the child does not know, is said at the end of the test."""

    class LocalError(Exception):
        pass

    def block(faults):
        import shop as here

        here.ShopError = type("ShopError", (Exception,), {"__module__": "shop"})
        script = fail(LocalError("x")).times(1).then(answer(object()).times(1)).then(call(len).times(1))
        faults.inject("shop:plain", script.then(fail(here.ShopError("x")).times(1)))
        with child_of(faults) as child:
            assert [child.ask("plain()") for _ in range(4)] == ["plain 0"] * 4

    first, second, third, fourth = complaint_of(block).splitlines()
    assert first.startswith("shop:plain: no other process can do raise(<")
    assert second.startswith("shop:plain: no other process can do return(<object object")
    assert third == (
        "shop:plain: no other process can do call(<built-in function len>), which has no text form: inject what can be "
        "written as a script"
    )
    assert fourth.endswith("can't do raise(shop.ShopError('x')): 'ShopError' is not known there")


def test_a_name_that_only_a_child_knows_needs_an_environment(shop):
    """Such a name is refused until `environment()` was called; one that nobody has is found out by strictness."""
    assert complaint_of(lambda faults: faults.inject("Known.nowhere", "1*raise(OSError)")).startswith(
        "faults.inject(): no failpoint or function is called 'Known.nowhere'."
    )

    def block(faults):
        faults.environment()
        faults.inject("Payments.charje", "1*raise(OSError)")

    assert "Payments.charje: 1*raise(OSError) never fired (never called)" in complaint_of(block)


@pytest.mark.filterwarnings("ignore:processes that the test had started")
def test_children_of_a_test_that_is_over_are_left_alone(shop):
    """When the test has ended nothing strikes any more, and no thread, folder or variable of it is left."""
    before = dict(os.environ)
    with Faults() as faults:
        faults.inject("shop:plain", "return('struck')")
        faults.inject("shop:plain", "1*return('newest')")
        environment = faults.environment()
        folder = Path(environment["RESILIENCE_FAULTS"]).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert os.environ["RESILIENCE_FAULTS"] == environment["RESILIENCE_FAULTS"]
        child = Child(environment)
        assert [child.ask("plain()"), child.ask("plain()")] == ["newest", "struck"]
    assert child.ask("plain()") == "plain 0"
    assert child.ask("in_a_forked_process(plain)") == "plain 0"
    assert child.close() == ""
    late = Child(environment)
    assert late.ask("plain()") == "plain 0"
    assert late.close() == ""
    assert not folder.exists()
    assert os.environ == before


def test_a_class_that_only_a_child_knows_is_not_made_to_return_something(shop):
    """What a class can't do is said where the class is known, in the child, and the call goes through."""
    (shop / "hidden.py").write_text("class Payments:\n    pass\n", "utf-8")
    with Faults() as faults:
        child = Child(faults.environment())
        sys.path.remove(str(shop))
        injection = faults.inject("hidden:Payments", "1*return(5)", strict=False)
        assert child.ask("__import__('hidden').Payments()").startswith("<hidden.Payments object")
        assert child.close() == (
            "no fault can strike at hidden:Payments: a class can't do return(5): it can do off, raise, sleep, hang, "
            "pause, crash\n"
        )
        assert injection.calls == []

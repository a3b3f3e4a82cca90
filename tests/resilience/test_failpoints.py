"""Failpoints: every decorated callable is one, and `failpoint` makes one by hand."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest
import tenacity

from resilience import conn_retry, create_retry_decorator, failpoint
from resilience.testing import arming, known_names

NO_WAIT = tenacity.wait_none()


class Failing:
    """Fails as often as told, then lets calls through."""

    def __init__(self, times):
        self.left = times
        self.calls = []

    def call(self, function, args, kwargs):
        """Fail, or call the function."""
        self._strike(args, kwargs)
        return function(*args, **kwargs)

    async def call_async(self, function, args, kwargs):
        """Fail, or await the function."""
        self._strike(args, kwargs)
        return await function(*args, **kwargs)

    def _strike(self, args, kwargs):
        self.calls.append((args, kwargs))
        if self.left:
            self.left -= 1
            raise ConnectionError("injected")


def test_a_decorated_callable_has_its_place_as_name(mode):
    """The name is ``module:qualname``."""
    fetch = create_retry_decorator()(mode.function("stock"))
    assert fetch.failpoint == "shop.stock:fetch"
    assert "shop.stock:fetch" in known_names()


def test_a_connection_is_named_after_its_resource(mode):
    """The name of a ``conn_retry`` is ``Resource.action``."""
    connect = conn_retry("Redis", "connect")(mode.function("connection"))
    assert connect.failpoint == "Redis.connect"
    assert "Redis.connect" in known_names()


def test_an_armed_failpoint_fails_attempts(mode):
    """What is injected is retried like a failure of the function, and sees the arguments of every attempt."""
    fetch = create_retry_decorator(wait=NO_WAIT)(mode.function("stock"))
    fault = Failing(2)
    with arming("shop.stock:fetch", fault):
        assert mode.run(fetch, "sku", count=1) == "stock"
    assert fault.calls == [(("sku",), {"count": 1})] * 3
    assert mode.attempts == 1


def test_an_injected_failure_can_end_the_call(mode):
    """A fault that goes on makes the call give up as usual, and the function never runs."""
    fetch = create_retry_decorator(3, wait=NO_WAIT)(mode.function("stock"))
    with arming("shop.stock:fetch", Failing(99)):
        raised = mode.fails(fetch, ConnectionError)
    assert str(raised) == "injected"
    assert "gave up after 3 attempts" in raised.__notes__[0]
    assert mode.attempts == 0


def test_another_failpoint_is_not_affected(mode):
    """Arming one place leaves the others as they are."""
    fetch = create_retry_decorator()(mode.function("stock", name="other"))
    with arming("shop.stock:fetch", Failing(9)):
        assert mode.run(fetch) == "stock"


def test_disarming_restores_what_was_there(mode):
    """Nested arming goes back to the outer one, and at last to none, also after an exception."""
    fetch = create_retry_decorator(1)(mode.function("stock"))
    outer, inner = Failing(9), Failing(0)
    with arming("shop.stock:fetch", outer):
        with pytest.raises(KeyError), arming("shop.stock:fetch", inner):
            assert mode.run(fetch) == "stock"
            raise KeyError
        mode.fails(fetch, ConnectionError)
    assert mode.run(fetch) == "stock"
    assert (len(outer.calls), len(inner.calls)) == (1, 1)


def test_a_failpoint_by_hand_does_nothing(sync_mode):
    """Unarmed it returns None, and is known from then on."""
    assert failpoint("Orders.between_writes") is None
    assert "Orders.between_writes" in known_names()


def test_a_failpoint_by_hand_raises_when_armed():
    """Armed it does what it was told, then lets the code go on."""
    with arming("Orders.between_writes", Failing(1)):
        with pytest.raises(ConnectionError, match="injected"):
            failpoint("Orders.between_writes")
        assert failpoint("Orders.between_writes") is None
        assert failpoint("Orders.elsewhere") is None


@pytest.mark.parametrize("name", [3, None, b"Orders", ["Orders"]], ids=repr)
@pytest.mark.parametrize("another_is_armed", [False, True])
def test_a_name_is_a_text(name, another_is_armed):
    """Anything else is a TypeError that shows it, whether or not something is armed."""
    with pytest.raises(TypeError) as refused:
        if another_is_armed:
            with arming("Orders.between_writes", Failing(1)):
                failpoint(name)
        else:
            failpoint(name)
    assert str(refused.value) == f"a failpoint's name must be a str, got {name!r}"


@pytest.mark.parametrize("name", ["", "  "])
def test_a_name_is_not_empty(name):
    """An empty name is a ValueError."""
    with pytest.raises(ValueError, match=r"^a failpoint's name must not be empty, got "):
        failpoint(name)


def test_a_callable_that_is_gone_is_no_longer_known(mode):
    """Names of decorated callables live as long as those."""
    fetch = create_retry_decorator()(mode.function("stock", name="short_lived"))
    assert "shop.stock:short_lived" in known_names()
    del fetch
    gc.collect()
    assert "shop.stock:short_lived" not in known_names()


def test_a_method_is_a_failpoint():
    """The name of a method has its class, and an armed method gets its instance."""

    class Shop:
        @create_retry_decorator(wait=NO_WAIT)
        def fetch(self, sku):
            return sku

    shop, fault, method = Shop(), Failing(1), vars(Shop)["fetch"]
    assert method.failpoint == f"{__name__}:{method.__qualname__}"
    with arming(method.failpoint, fault):
        assert shop.fetch("sku") == "sku"
    assert fault.calls == [((shop, "sku"), {})] * 2


def test_a_lambda_that_returns_a_coroutine_is_a_failpoint(async_mode):
    """A fault strikes before the coroutine is made, and again at each attempt."""
    function = async_mode.function("stock")
    fetch = create_retry_decorator(wait=NO_WAIT)(lambda sku, count: function(sku, count=count))
    fault = Failing(2)
    with arming(fetch.failpoint, fault):
        assert async_mode.run(fetch, "sku", 2) == "stock"
    assert len(fault.calls) == 3


def test_threads_that_call_while_it_is_armed_are_hit_as_well():
    """A failpoint is a place in the program, whichever thread passes it."""
    results = []

    def pass_by():
        try:
            failpoint("Orders.between_writes")
        except ConnectionError as error:
            results.append(str(error))

    with arming("Orders.between_writes", Failing(9)):
        threads = [threading.Thread(target=pass_by) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == ["injected"] * 4


def test_blocks_that_overlap_leave_nothing_armed():
    """Two users of one failpoint may end in any order; whoever is left answers, and at last nobody."""

    class Answer:
        def __init__(self, answer):
            self.answer = answer

        def call(self, *_):
            return self.answer

        async def call_async(self, *_):
            return self.answer

    first, second = arming("Orders.step", Answer("first")), arming("Orders.step", Answer("second"))
    first.__enter__()
    second.__enter__()
    assert failpoint("Orders.step") == "second"
    first.__exit__(None, None, None)
    assert failpoint("Orders.step") == "second"
    second.__exit__(None, None, None)
    assert failpoint("Orders.step") is None


def test_a_failpoint_is_no_context_manager():
    """Used in a `with`, it says what it is and what to write, and is not known after that."""
    with pytest.raises(TypeError) as raised, failpoint("Orders.held"):
        pass

    assert str(raised.value) == (
        "failpoint('Orders.held') is a place that code passes, and no context manager: write it as a statement of its own, "
        "where the fault is to strike"
    )
    assert "Orders.held" not in known_names()


def test_a_failpoint_is_no_async_context_manager():
    """The same in an `async with`."""

    async def hold():
        async with failpoint("Orders.held_by_a_task"):
            pass

    with pytest.raises(TypeError, match="and no context manager: write it as a statement of its own"):
        asyncio.run(hold())


def test_a_failpoint_is_no_decorator():
    """Above a function it says what it is and what to write."""
    with pytest.raises(TypeError) as raised:

        @failpoint("Orders.decorated")
        def decorated():
            pass

    with pytest.raises(TypeError, match="and no decorator"):

        @failpoint("Orders.decorated_with_much")
        async def much(*args, key="eur", **more):
            return key

    assert str(raised.value) == (
        "failpoint('Orders.decorated') is a place that code passes, and no decorator: write it in the body of the "
        "function, where the fault is to strike"
    )


def test_what_a_failpoint_returns_may_be_used():
    """As an argument beside a function, in a condition, a comprehension or a return it is what it was."""

    def passed():
        return failpoint("Orders.returned")

    made = (failpoint("Orders.first"), lambda: 1)
    assert made[0] is passed() is None
    assert (failpoint("Orders.beside_a_call"), (lambda: 1)()) == (None, 1)  # noqa: PLC3002  # the bytecode is the point
    assert (failpoint("Orders.beside_a_list"), [2 * each for each in "ab"]) == (None, ["aa", "bb"])
    assert [failpoint("Orders.in_a_list") for _ in range(2)] == [None, None]
    assert list(map(failpoint, ["Orders.mapped"])) == [None]
    assert (failpoint("Orders.in_a_condition") or 5) == 5

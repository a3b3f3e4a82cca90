"""Which callables can be decorated and are then retried as they should be, and what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from unittest import mock

import pytest
import tenacity

from resilience import conn_retry, continuous_retry, create_retry_decorator, func_retry
from tests.resilience.conftest import Flaky, finish

retry = create_retry_decorator(3, wait=tenacity.wait_none())

DECORATORS = {
    "create_retry_decorator": retry,
    "func_retry": func_retry,
    "conn_retry": conn_retry("Redis", "connect", wait=tenacity.wait_none()),
    "continuous_retry": continuous_retry(retry_delay=0),
}


def plain(flaky):
    """A function."""

    def fetch(*args, **kwargs):
        return flaky.fail_twice(*args, **kwargs)

    return fetch


def coroutine_function(flaky):
    """An async function."""

    async def fetch(*args, **kwargs):
        await asyncio.sleep(0)
        return flaky.fail_twice(*args, **kwargs)

    return fetch


class Sync:
    """A callable object."""

    def __init__(self, flaky):
        self.flaky = flaky

    def __call__(self, *args, **kwargs):
        return self.flaky.fail_twice(*args, **kwargs)


class Async:
    """A callable object whose call is a coroutine."""

    def __init__(self, flaky):
        self.flaky = flaky

    async def __call__(self, *args, **kwargs):
        return self.flaky.fail_twice(*args, **kwargs)


def wrapping_a_coroutine(flaky):
    """A plain wrapper of an async function, as careless decorators make it."""
    inner = coroutine_function(flaky)

    @functools.wraps(inner)
    def wrapper(*args, **kwargs):
        return inner(*args, **kwargs)

    del wrapper.__wrapped__  # nothing shall give away what it wraps
    return wrapper


CALLABLES = {
    "function": plain,
    "async function": coroutine_function,
    "lambda": lambda flaky: lambda sku, two: flaky.fail_twice(sku, two=two),
    "lambda that returns a coroutine": lambda flaky: lambda sku, two: coroutine_function(flaky)(sku, two=two),
    "wrapper that returns a coroutine": wrapping_a_coroutine,
    "bound method": lambda flaky: flaky.fail_twice,
    "bound async method": lambda flaky: Async(flaky).__call__,
    "partial": lambda flaky: functools.partial(flaky.fail_twice),
    "partial of a partial": lambda flaky: functools.partial(functools.partial(plain(flaky))),
    "partial of an async function": lambda flaky: functools.partial(coroutine_function(flaky)),
    "partial of an async object": lambda flaky: functools.partial(Async(flaky)),
    "partial of a lambda that returns a coroutine": lambda flaky: functools.partial(
        lambda sku, two: coroutine_function(flaky)(sku, two=two)
    ),
    "callable object": Sync,
    "async callable object": Async,
    "mock": lambda flaky: mock.Mock(side_effect=flaky.fail_twice),
    "magic mock": lambda flaky: mock.MagicMock(side_effect=flaky.fail_twice),
    "async mock": lambda flaky: mock.AsyncMock(side_effect=flaky.fail_twice),
    "cached function": lambda flaky: functools.lru_cache(maxsize=0)(plain(flaky)),
    "single dispatch": lambda flaky: functools.singledispatch(plain(flaky)),
    "retried function": lambda flaky: create_retry_decorator(1)(plain(flaky)),
    "retried async function": lambda flaky: create_retry_decorator(1)(coroutine_function(flaky)),
    "function retried by tenacity": lambda flaky: tenacity.retry(stop=tenacity.stop_after_attempt(1), reraise=True)(
        plain(flaky)
    ),
}


@pytest.mark.parametrize("decorator", ["create_retry_decorator", "conn_retry", "continuous_retry"])
@pytest.mark.parametrize("kind", CALLABLES)
def test_callables_are_retried(kind, decorator):
    """Every kind of callable is run until it succeeds, with its arguments: at the first call, and after a success."""
    flaky = Flaky()
    fetch = DECORATORS[decorator](CALLABLES[kind](flaky))
    for successes_before in (0, 0, 1, 2):
        flaky.attempts = 3
        for _ in range(successes_before):
            finish(fetch(1, two=2))
        flaky.attempts = 0
        assert finish(fetch(1, two=2)) == (1, ("two", 2))
        assert flaky.attempts == 3


@pytest.mark.parametrize("kind", CALLABLES)
def test_callables_that_fail_for_good_raise_their_error(kind):
    """Every kind of callable gives up with its own error and the note of its place."""
    fetch = create_retry_decorator(2, wait=tenacity.wait_none())(CALLABLES[kind](Flaky()))
    with pytest.raises(ConnectionError) as caught:
        finish(fetch(1, two=2))
    assert str(caught.value) == "refused"
    assert caught.value.__notes__ == [
        f"{fetch.failpoint}: gave up after 2 attempts, reason: attempts (no attempt is left)"
    ]


@pytest.mark.parametrize("kind", CALLABLES)
def test_what_is_awaited_without_decoration_is_awaited_with_it(kind):
    """A decorated callable is a coroutine function exactly where the callable itself can be known to be one."""
    made = CALLABLES[kind](Flaky())
    asynchronous = kind.replace("bound ", "").removeprefix("retried ").startswith(("async", "partial of an async"))
    assert inspect.iscoroutinefunction(retry(made)) is asynchronous


@pytest.mark.parametrize("kind", ["function", "async function", "partial", "callable object", "async callable object"])
def test_signatures_are_kept(kind):
    """`inspect.signature` shows the same with and without decoration, and ``__wrapped__`` is the callable."""
    made = CALLABLES[kind](Flaky())
    decorated = retry(made)
    assert inspect.signature(decorated) == inspect.signature(made)
    assert decorated.__wrapped__ is made


def test_a_function_keeps_what_describes_it():
    """Names, documentation, annotations, defaults and own attributes are those of the function."""

    def fetch(sku: str, count: int = 1, *, fresh: bool = False) -> list[str]:
        """Fetch it."""
        return [sku] * count

    fetch.owner = "stock"
    decorated = retry(fetch)
    assert (
        str(inspect.signature(decorated)) == "(sku: 'str', count: 'int' = 1, *, fresh: 'bool' = False) -> 'list[str]'"
    )
    assert decorated.__name__ == "fetch"
    assert decorated.__qualname__ == fetch.__qualname__
    assert decorated.__module__ == __name__
    assert decorated.__doc__ == "Fetch it."
    assert decorated.__annotations__ == fetch.__annotations__
    assert decorated.owner == "stock"
    assert decorated.__wrapped__ is fetch
    assert decorated("a", 2, fresh=True) == ["a", "a"]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_defaults_are_kept_and_change_nothing(is_async):
    """What looks at the defaults of a function, as frameworks do, finds them, and the function itself applies them."""

    def plain(sku, count=1, *, fresh=False):
        return sku, count, fresh

    async def later(sku, count=1, *, fresh=False):
        return sku, count, fresh

    decorated = retry(later if is_async else plain)
    assert decorated.__defaults__ == (1,)
    assert decorated.__kwdefaults__ == {"fresh": False}
    for _ in range(100):  # the interpreter specializes what is called often
        assert finish(decorated("a")) == ("a", 1, False)
        assert finish(decorated("a", 2, fresh=True)) == ("a", 2, True)


def test_the_handles_of_a_cache_are_kept():
    """A cached function that is decorated can still be cleared, and asked how its cache does."""
    calls = []

    @retry
    @functools.lru_cache(maxsize=4)
    def fetch(number):
        calls.append(number)
        return number

    cached = fetch
    assert [fetch(1), fetch(1)] == [1, 1]
    assert cached.cache_info().hits == 1
    assert cached.cache_parameters() == {"maxsize": 4, "typed": False}
    cached.cache_clear()
    fetch(1)
    assert calls == [1, 1]


def test_a_wrong_call_is_the_functions_own_type_error():
    """Arguments that don't fit raise the function's TypeError, which is an exception like any other."""

    def fetch(sku):
        return sku

    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'sku'"):
        create_retry_decorator(exclude_exceptions=TypeError)(fetch)()


def test_a_coroutine_from_a_plain_function_is_made_when_it_is_called():
    """A lambda runs when it is called, and its coroutine, with all its failures, when it is awaited."""
    flaky = Flaky()
    fetch = retry(lambda sku, count: coroutine_function(flaky)(sku, count=count))
    pending = fetch("sku", 2)
    assert inspect.iscoroutine(pending)
    assert flaky.attempts == 0
    assert finish(pending) == ("sku", ("count", 2))


def test_a_plain_function_may_fail_before_it_returns_its_coroutine():
    """A wrapper that fails itself is retried, and so is the coroutine that it returns in the end."""
    flaky = Flaky()
    connected = []

    def fetch():
        connected.append(None)
        if len(connected) == 1:
            raise ConnectionError("not yet")
        return coroutine_function(flaky)()

    assert finish(create_retry_decorator(4, wait=tenacity.wait_none())(fetch)()) == ()
    assert (len(connected), flaky.attempts) == (4, 3)


def generator():
    """Yield."""
    yield 1


def of_a_class(cls):
    """Yield."""
    yield 1


async def async_generator():
    """Yield."""
    yield 1


class Generating:
    """A callable object whose call is a generator."""

    def __call__(self):
        yield 1


class AsyncGenerating:
    """A callable object whose call is an async generator."""

    async def __call__(self):
        yield 1


class Holder:
    """What stands in a class and is no function."""

    @property
    def size(self):
        """A property."""
        return 1

    @functools.cached_property
    def weight(self):
        """A cached property."""
        return 1


@contextlib.contextmanager
def manager():
    """A context manager."""
    yield


@contextlib.asynccontextmanager
async def async_manager():
    """An async context manager."""
    yield


LATE = "whose body runs after the call has returned, so no failure of it would ever be retried"
GENERATOR = f"is a generator function, {LATE}: decorate a function that returns a list, or one that fetches an item"
ASYNC_GENERATOR = (
    f"is an async generator function, {LATE}: decorate an async function that returns a list, "
    "or one that fetches an item"
)
MANAGER = f"makes a context manager, {LATE}: decorate the function that it calls to connect"

REFUSED = {
    "generator": (generator, f"'generator' {GENERATOR}"),
    "async generator": (async_generator, f"'async_generator' {ASYNC_GENERATOR}"),
    "partial of a generator": (functools.partial(generator), f"'generator' {GENERATOR}"),
    "generating object": (Generating(), f"'Generating' {GENERATOR}"),
    "async generating object": (AsyncGenerating(), f"'AsyncGenerating' {ASYNC_GENERATOR}"),
    "static generator": (staticmethod(generator), f"'generator' {GENERATOR}"),
    "class method generator": (classmethod(of_a_class), f"'of_a_class' {GENERATOR}"),
    "context manager": (manager, f"'manager' {MANAGER}"),
    "async context manager": (async_manager, f"'async_manager' {MANAGER}"),
    "class": (
        Flaky,
        "the class 'Flaky' can't be retried: decorate a function that makes the instance, or a method",
    ),
    "property": (
        vars(Holder)["size"],
        "a property can't be retried: write @property above the retry decorator",
    ),
    "cached property": (
        vars(Holder)["weight"],
        "a cached_property can't be retried: write @cached_property above the retry decorator",
    ),
    "number": (3, "only a callable can be retried, got 3: write @decorator directly above a function"),
    "none": (None, "only a callable can be retried, got None: write @decorator directly above a function"),
    "text": ("fetch", "only a callable can be retried, got 'fetch': write @decorator directly above a function"),
}


@pytest.mark.parametrize("decorator", DECORATORS)
@pytest.mark.parametrize("kind", REFUSED)
def test_what_can_not_be_retried_is_refused_at_decoration(kind, decorator):
    """A TypeError says what it is, why it can't be retried, and what to write instead."""
    candidate, message = REFUSED[kind]
    with pytest.raises(TypeError) as refused:
        DECORATORS[decorator](candidate)
    assert str(refused.value) == message


def test_a_coroutine_is_refused_and_closed():
    """A coroutine object is refused with the right spelling, and never warned about as not awaited."""

    async def fetch():
        raise AssertionError

    pending = fetch()
    with pytest.raises(TypeError) as refused:
        DECORATORS["func_retry"](pending)
    assert str(refused.value) == (
        f"'{fetch.__qualname__}' is a coroutine, which can be awaited only once: decorate the async function itself"
    )
    assert inspect.getcoroutinestate(pending) == inspect.CORO_CLOSED


def test_a_partial_method_is_refused():
    """What becomes a method only in its class, and is no function, is refused too."""
    with pytest.raises(TypeError, match="only a callable can be retried"):
        DECORATORS["func_retry"](functools.partialmethod(plain(Flaky())))

"""What is a call, and what becomes of it, by the kind of callable that a fault is put into."""

import asyncio
import contextlib
import functools
import sys
import types

import pytest
import trio

from pytest_resilience import Faults, answer, call

SOURCE = """
import asyncio, contextlib, functools

LOG = []

def numbers(count=3):
    LOG.append("began")
    try:
        sent = []
        for number in range(count):
            sent.append((yield number))
        return sent
    finally:
        LOG.append("ended")

async def numbers_async(count=3):
    LOG.append("began")
    try:
        for number in range(count):
            LOG.append((yield number))
    finally:
        LOG.append("ended")

@contextlib.contextmanager
def session(name="it"):
    LOG.append("opened")
    try:
        yield name
    except KeyError:
        LOG.append("swallowed")
    finally:
        LOG.append("closed")

@contextlib.asynccontextmanager
async def session_async(name="it"):
    LOG.append("opened")
    try:
        yield name
    finally:
        LOG.append("closed")

def noted(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        LOG.append("noted")
        return function(*args, **kwargs)
    return wrapper

def run_at_once(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return asyncio.run(function(*args, **kwargs))
    return wrapper

@noted
async def fetch(what="it"):
    return f"fetched {what}"

@noted
async def fetch_each():
    yield "first"

@run_at_once
async def fetch_now():
    return "fetched now"

class Meta(type):
    def create(cls):
        return cls.__name__

class Base:
    def __init__(self, size=1):
        self.size = size

    def double(self, factor):
        return self.size * factor

class Machine(Base, metaclass=Meta):
    twice = functools.partialmethod(Base.double, 2)

    @property
    def state(self):
        return f"state of {self.size}"

    @state.setter
    def state(self, value):
        self.size = value

    @functools.cached_property
    def costly(self):
        return "computed"

class Plain:
    pass

class Point(tuple):
    def __new__(cls, *numbers):
        return super().__new__(cls, numbers)

def total(one, two=0):
    return one + two

ten_more = functools.partial(total, two=10)
registry = {"total": total, "all": [total]}

def with_default(function=total):
    return function(1)
"""


@pytest.fixture
def shop():
    """A module with callables of every kind, newly made."""
    module = types.ModuleType("kinds_shop")
    sys.modules[module.__name__] = module
    exec(SOURCE, vars(module))
    yield module
    del sys.modules[module.__name__]


def namespace_of(module):
    """What a module and its classes hold, to be compared."""
    classes = {name: dict(vars(each)) for name, each in vars(module).items() if isinstance(each, type)}
    codes = {name: each.__code__ for name, each in vars(module).items() if isinstance(each, types.FunctionType)}
    return dict(vars(module)), classes, codes


@pytest.fixture
def faults(shop):
    before = namespace_of(shop)
    with Faults() as faults:
        yield faults
    assert namespace_of(shop) == before


async def collected(items):
    return [item async for item in items]


def test_a_generator_is_asked_when_its_first_item_is_asked_for(shop, faults):
    """Calling it strikes nothing; the answer is a list of items."""
    injection = faults.inject("kinds_shop:numbers", "1*raise(OSError('x'))->1*return([7, 8])->off")
    items = shop.numbers()
    assert injection.calls == []
    with pytest.raises(OSError, match=r"^x$"):
        next(items)
    assert [list(shop.numbers()), list(shop.numbers(2))] == [[7, 8], [0, 1]]
    assert shop.LOG == ["began", "ended"]


def test_what_is_sent_and_thrown_reaches_the_generator(shop, faults):
    """An armed generator that is let through is used as ever."""
    faults.inject("kinds_shop:numbers", "off")
    items = shop.numbers()
    assert [next(items), items.send("a"), items.send("b")] == [0, 1, 2]
    with pytest.raises(StopIteration) as end:
        items.send("c")
    assert end.value.value == ["a", "b", "c"]
    items = shop.numbers()
    next(items)
    with pytest.raises(KeyError):
        items.throw(KeyError())
    items = shop.numbers()
    next(items)
    items.close()
    assert shop.LOG == ["began", "ended"] * 3
    assert list(shop.numbers(0)) == []


def test_after_the_first_item_its_answer_is_lost(shop, faults):
    """The effect of a generator is its first item."""
    faults.inject("kinds_shop:numbers", "1*after raise(OSError)->1*after return([5])")
    with pytest.raises(OSError):  # noqa: PT011  # it has no text
        next(shop.numbers())
    assert list(shop.numbers()) == [5]
    assert shop.LOG == ["began", "ended"] * 2

    async def main():
        with pytest.raises(OSError):  # noqa: PT011  # it has no text
            await anext(shop.numbers_async())
        return await collected(shop.numbers_async())

    faults.inject("kinds_shop:numbers_async", "1*after raise(OSError)->1*after return([5])")
    assert asyncio.run(main()) == [5]
    assert shop.LOG == ["began", "ended"] * 4


def test_a_generator_is_answered_with_items(shop, faults):
    """An answer that has no items says what to write."""
    faults.inject("kinds_shop:numbers", "1*return(5)")
    with pytest.raises(TypeError) as refused:
        list(shop.numbers())
    assert str(refused.value) == "a generator is answered with the items that it yields: write return([...]), not 5"


@pytest.mark.parametrize("run", [asyncio.run, lambda work: trio.run(lambda: work)], ids=["asyncio", "trio"])
def test_an_async_generator_is_asked_when_its_first_item_is_asked_for(run, shop, faults):
    """The same, awaited; what is sent, thrown and closed reaches it."""
    faults.inject("kinds_shop:numbers_async", "1*raise(OSError('x'))->1*return([7, 8])->off")

    async def main():
        items = shop.numbers_async()
        with pytest.raises(OSError, match=r"^x$"):
            await anext(items)
        found = [await collected(shop.numbers_async()), await collected(shop.numbers_async(2))]
        items = shop.numbers_async()
        await anext(items)
        found.append(await items.asend("sent"))
        await items.aclose()
        items = shop.numbers_async()
        await anext(items)
        with pytest.raises(KeyError):
            await items.athrow(KeyError())
        found.append(await collected(shop.numbers_async(0)))
        return found

    assert run(main()) == [[7, 8], [0, 1], 1, []]
    assert ["began", None, None, "ended", "began", "sent", "ended", *["began", "ended"] * 2] == shop.LOG


def test_a_context_manager_is_asked_when_it_is_entered(shop, faults):
    """What it answers is what `as` names; entering goes wrong inside the block of whoever enters."""
    injection = faults.inject("kinds_shop:session", "1*raise(OSError('x'))->1*return('other')->off")
    block = shop.session()
    assert injection.calls == []
    with pytest.raises(OSError, match=r"^x$"), block:
        pytest.fail("the block is not run")
    with shop.session() as name:
        assert name == "other"
    assert shop.LOG == []
    with shop.session("mine") as name:
        assert name == "mine"
    assert shop.LOG == ["opened", "closed"]
    with shop.session():
        raise KeyError
    assert shop.LOG[2:] == ["opened", "swallowed", "closed"]


def test_a_context_manager_that_was_entered_is_left(shop, faults):
    """With `after` it is entered, its answer is lost, and it is left again."""
    faults.inject(shop.session, "1*after raise(OSError)->1*after return('other')")
    with pytest.raises(OSError), shop.session():  # noqa: PT011  # it has no text
        pytest.fail("the block is not run")
    with shop.session() as name:
        assert (name, shop.LOG) == ("other", ["opened", "closed", "opened"])
    assert shop.LOG == ["opened", "closed"] * 2


def test_an_async_context_manager_is_asked_when_it_is_entered(shop, faults):
    """The same, awaited."""
    faults.inject("kinds_shop:session_async", "1*raise(OSError('x'))->1*return('other')->1*after raise(OSError)")

    async def main():
        names = []
        for _ in range(4):
            with contextlib.suppress(OSError):
                async with shop.session_async() as name:
                    names.append(name)
        return names

    assert asyncio.run(main()) == ["other", "it"]
    assert shop.LOG == ["opened", "closed"] * 2


def test_a_plain_decorator_over_an_async_function_hands_on_what_can_be_awaited(shop, faults):
    """A planned answer can be awaited, and a delay lets other tasks run."""
    faults.inject("kinds_shop:fetch", "1*return('planned')->1*sleep(1ms)->1*raise(OSError('x'))")

    async def main():
        with pytest.raises(OSError, match=r"^x$"):
            await shop.fetch(), await shop.fetch("that"), await shop.fetch()

    assert not asyncio.iscoroutinefunction(shop.fetch)
    asyncio.run(main())
    assert shop.LOG == ["noted"]
    assert asyncio.run(shop.fetch()) == "fetched it"


def test_a_plain_decorator_over_an_async_generator(shop, faults):
    """Its items are asked for by `async for`."""
    faults.inject("kinds_shop:fetch_each", "1*return(['planned'])->off")
    assert [asyncio.run(collected(shop.fetch_each())) for _ in range(2)] == [["planned"], ["first"]]


def test_a_decorator_that_runs_what_is_async_has_plain_results(shop, faults):
    """Where the wrapper itself runs the coroutine, an answer is its result."""
    faults.inject("kinds_shop:fetch_now", "1*return('planned')->off")
    assert [shop.fetch_now(), shop.fetch_now()] == ["planned", "fetched now"]


def test_a_property_is_called_when_it_is_got(shop, faults):
    """By its name, by the name at an object, and as it is; setting it is no call."""
    machine = shop.Machine(5)
    faults.inject("kinds_shop:Machine.state", "1*return('planned')")
    faults.inject(shop.Machine.state, "1*raise(OSError('x'))")
    with pytest.raises(OSError, match=r"^x$"):
        machine.state  # noqa: B018  # the look-up is the point
    assert machine.state == "planned"
    machine.state = 6
    assert machine.state == "state of 6"


def test_a_cached_property_is_called_when_it_is_computed(shop, faults):
    """What has been computed is not asked for again."""
    injection = faults.inject("kinds_shop:Machine.costly", "1*raise(OSError('x'))->off")
    machine = shop.Machine()
    with pytest.raises(OSError, match=r"^x$"):
        machine.costly  # noqa: B018  # the look-up is the point
    assert [machine.costly, machine.costly] == ["computed", "computed"]
    assert len(injection.calls) == 2


@pytest.mark.parametrize("name", ["Machine", "Plain", "Point"])
def test_a_class_is_called_when_it_makes_an_object(name, shop, faults):
    """Whoever holds the class meets the fault; objects are those of the class, and so they are afterwards."""
    cls = getattr(shop, name)
    held = [cls]
    injection = faults.inject(f"kinds_shop:{name}", "1*raise(OSError('x'))->1*after raise(KeyError)->off")
    with pytest.raises(OSError, match=r"^x$"):
        held[0]()
    with pytest.raises(KeyError):
        cls()
    assert type(cls()) is cls
    assert len(injection.calls) == 3
    injection.disarm()
    assert isinstance(cls(), cls)
    if name == "Plain":
        with pytest.raises(TypeError):
            cls(1)


def test_a_base_class_is_not_called_for_its_other_heirs(shop, faults):
    """A class that has inherited its `__init__` is struck alone."""
    injection = faults.inject(shop.Machine, "1*raise(OSError('x'))")
    assert shop.Base().size == 1
    with pytest.raises(OSError, match=r"^x$"):
        shop.Machine()
    assert len(injection.calls) == 1


@pytest.mark.parametrize("script", [answer(1), call(print)], ids=str)
def test_a_class_can_be_answered_with_nothing_else(script, shop):
    """What a call of a class makes can't be chosen, and the message says what can be done."""
    with pytest.raises(pytest.fail.Exception) as refused, Faults() as faults:
        faults.inject("kinds_shop:Plain", script)
    assert str(refused.value) == (
        f"faults.inject(): kinds_shop:Plain is a class, which can't do {script}: it can do off, raise, sleep, hang, "
        "pause, crash"
    )


@pytest.mark.parametrize("named", ["kinds_shop:Machine.twice", "kinds_shop.Machine.twice", None])
def test_a_partialmethod_is_called_by_its_own_name_only(named, shop, faults):
    """What it was made of is not struck."""
    injection = faults.inject(named or shop.Machine.twice, "1*return('planned')->off")
    machine = shop.Machine(5)
    assert [machine.twice(), machine.twice(), machine.double(3)] == ["planned", 10, 15]
    assert [each.args for each in injection.calls] == [(machine, 2)] * 2


@pytest.mark.parametrize("named", ["kinds_shop:ten_more", None])
def test_a_partial_is_called_by_its_own_name_only(named, shop, faults):
    """Its arguments are among those of the call."""
    injection = faults.inject(named or shop.ten_more, "1*return('planned')->off")
    assert [shop.ten_more(1), shop.ten_more(1), shop.total(1)] == ["planned", 11, 1]
    assert injection.name == (named or "partial of total")
    assert injection.calls[0].kwargs == {"two": 10}


def test_a_method_of_a_metaclass_is_called_on_a_class(shop, faults):
    """Named by the metaclass it strikes every class, named by a class that one alone."""
    faults.inject("kinds_shop:Meta.create", "1*return('any')")
    faults.inject("kinds_shop:Machine.create", "1*return('planned')")
    other = shop.Meta("Other", (), {})
    assert [shop.Machine.create(), other.create(), other.create()] == ["planned", "any", "Other"]
    assert shop.Machine.create() == "Machine"


def test_whoever_holds_a_function_meets_its_fault(shop, faults):
    """In a registry, in a list, as a default argument, in a partial, bound: every copy is the function itself."""
    bound = functools.partial(shop.total, 1)
    injection = faults.inject("kinds_shop:total", "5*return('planned')")
    called = [shop.registry["total"](1), shop.registry["all"][0](1), shop.with_default(), bound(), shop.total(1)]
    assert called == ["planned"] * 5
    assert shop.with_default() == 1
    assert injection.exhausted


def test_a_function_that_only_a_variable_holds_is_struck():
    """No module, class or closure has to refer to it."""

    def local():
        return "local"

    with Faults() as faults:
        faults.inject(local, "1*return('planned')")
        assert [local(), local()] == ["planned", "local"]


def test_a_function_is_the_same_to_whoever_looks_at_it(shop, faults):
    """Kind, signature, defaults, documentation and name are what they were, and its closure can be looked at."""
    import inspect

    def made(number):
        def inner(one, /, two=2, *, three=3):
            """Add."""
            return one + two + three + number

        return inner

    inner = made(4)
    before = inspect.signature(inner), inner.__defaults__, inner.__kwdefaults__, inner.__doc__, inner.__closure__
    faults.inject(inner, "1*raise(OSError('x'))->off")
    with pytest.raises(OSError, match=r"^x$") as caught:
        inner(1)
    frames = [each.frame.f_locals for each in inspect.getinnerframes(caught.value.__traceback__)]
    assert any("number" in each for each in frames)
    assert inner(1) == 10
    assert before == (
        *(inspect.signature(inner), inner.__defaults__, inner.__kwdefaults__, inner.__doc__, inner.__closure__),
    )
    assert inspect.isgeneratorfunction(shop.numbers)
    assert inspect.isasyncgenfunction(shop.numbers_async)


def test_a_failpoint_in_an_armed_function_is_still_found(shop):
    """A name that only stands in the code of a function which is armed itself can be armed."""
    exec("from resilience import failpoint\ndef deep():\n    failpoint('Kinds.deep')", vars(shop))
    with Faults() as faults:
        faults.inject("kinds_shop:deep", "off")
        faults.inject("Kinds.deep", "1*raise(OSError('x'))")
        with pytest.raises(OSError, match=r"^x$"):
            shop.deep()


def test_a_registry_that_holds_what_is_written_in_c_is_named(shop):
    """Where such a fault never struck, the message says who holds the function, and what to write instead."""
    exec("import math\ntable = [math.lgamma]\nbound = functools.partial(math.lgamma)", vars(shop))
    exec("def wait(function=math.lgamma):\n    return function(3)", vars(shop))
    with pytest.raises(pytest.fail.Exception) as unfired, Faults() as faults:
        faults.inject("math:lgamma", "1*return(5)")
        assert [shop.table[0](1), shop.wait(), shop.bound(2)] != [5, 5, 5]
    assert str(unfired.value) == (
        "planned faults never fired, so the test has not proved what it set out to:\n"
        "  math:lgamma: 1*return(5) never fired (never called; a default argument of kinds_shop:wait and kinds_shop:bound "
        "and kinds_shop:table hold it, where what is written in C can't be replaced: put the fault into the function of "
        "yours that calls it)\n"
        "Plan no more faults than the code meets, or pass strict=False to inject()."
    )

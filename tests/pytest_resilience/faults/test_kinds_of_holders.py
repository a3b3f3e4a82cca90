"""What a fault strikes in classes, properties and partials, and through whoever holds a function."""

import functools

import pytest

from pytest_resilience import Faults, answer, call
from tests.pytest_resilience.faults.callables import made_module, undone_faults


@pytest.fixture
def shop():
    with made_module("kinds_shop") as module:
        yield module


@pytest.fixture
def faults(shop):
    with undone_faults(shop) as faults:
        yield faults


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


class Store:
    """Has a method that dispatches by type."""

    @functools.singledispatchmethod
    def load(self, key):
        return f"any {key}"

    @load.register
    def _(self, key: int):
        return f"number {key}"


class Shelf(Store):
    """Inherits it."""


@pytest.mark.parametrize("target", [f"{__name__}:Store.load", Store.load, Store().load])
def test_a_method_that_dispatches_by_type_is_called_whichever_implementation_that_is(target):
    """What a class gives for a `singledispatchmethod` is made anew each time; its calls are those of the attribute."""
    before, store = vars(Store)["load"], Store()
    with Faults() as faults:
        injection = faults.inject(target, "1*raise(OSError('x'))->off")
        faults.inject(f"{__name__}:Store.load", "@3return('planned')")
        with pytest.raises(OSError, match=r"^x$"):
            store.load(1)
        assert [store.load(2), Shelf().load(3), store.load("b")] == ["number 2", "planned", "any b"]
        assert injection.name == f"{__name__}:Store.load"
        assert injection.calls[0].args == (store, 1)
    assert vars(Store)["load"] is before


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
    nameless = {}
    exec("import math\ntable = [math.lgamma]", nameless)
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

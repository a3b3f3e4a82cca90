"""What is a call, and what becomes of it, by the kind of callable that a fault is put into."""

import asyncio
import contextlib

import pytest
import trio

from tests.pytest_resilience.faults.callables import made_module, undone_faults


@pytest.fixture
def shop():
    with made_module("kinds_shop") as module:
        yield module


@pytest.fixture
def faults(shop):
    with undone_faults(shop) as faults:
        yield faults


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

"""Faults and mocks on one function, undone in every order: each does its work as long as it is there, and the function comes back."""

import contextlib
import functools
import itertools
from unittest import mock

import pytest

from pytest_resilience import Faults
from tests.pytest_resilience.faults.callables import made_module

SOURCE = """
import functools, math
from math import lgamma

def plain():
    return "real"

@functools.lru_cache
def cached():
    return "real"

class Base:
    def method(self):
        return "real"

    @staticmethod
    def static():
        return "real"

class Heir(Base):
    own = math.lgamma

class Table(dict):
    pass
"""
NAMES = [
    "Table.get",
    "Table.__len__",
    "Heir.static",
    "plain",
    "cached",
    "lgamma",
    "Base.method",
    "Base.static",
    "Heir.method",
    "Heir.own",
]


class Patcher:
    """Something that replaces a function, in the way of one tool."""

    def __init__(self, module, name):
        self.holder, _, self.attribute = name.rpartition(".")
        self.owner = getattr(module, self.holder) if self.holder else module
        self.name = f"undo_shop:{name}"
        self.stack = contextlib.ExitStack()

    def undo(self):
        self.stack.close()


class Fault(Patcher):
    def do(self):
        self.stack.enter_context(Faults()).inject(self.name, "return('fault')", strict=False)


class Monkeypatch(Patcher):
    def do(self):
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(self.owner, self.attribute, lambda *args: "monkeypatch")


def _mocked(*args):
    return "mock"


class Mock(Patcher):
    def do(self):
        self.stack.enter_context(mock.patch.object(self.owner, self.attribute, _mocked))


def state_of(module):
    """Everything that can be reached by a name."""
    classes = [dict(vars(each)) for each in (module.Base, module.Heir, module.Table)]
    return dict(vars(module)), classes, module.plain.__code__, module.Base.method.__code__, module.Base.static.__code__


def _left_by_mocks(kinds, order):
    """Whether mocks alone, undone in this order, would leave something behind, as they do without the kit."""
    mocks = [index for index, kind in enumerate(kinds) if kind is not Fault]
    return [index for index in order if index in mocks] != mocks[::-1]


@functools.cache
def orders(count):
    """All tools of a number of patchers, and the orders in which they are undone."""
    chosen = [
        each
        for each in itertools.product([Fault, Monkeypatch, Mock], repeat=count)
        if len({*each}) == count and Fault in each
    ]
    every = [(kinds, order) for kinds in chosen for order in itertools.permutations(range(count))]
    return [(kinds, order) for kinds, order in every if not _left_by_mocks(kinds, order)]


@pytest.fixture
def shop():
    """A module with functions of several kinds, newly made."""
    with made_module("undo_shop", SOURCE) as module:
        yield module


@pytest.fixture
def heap(name, count, request):
    """What may refer to a function: only what the test has made, but in one case, where it is all that the suite has."""
    if (name, count) != ("lgamma", 2):
        request.getfixturevalue("heap_of_the_test")


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", NAMES)
def test_the_function_is_back_in_every_order(name, count, heap, shop):
    """When all are undone, everything is as it was."""
    before = state_of(shop)
    for kinds, order in orders(count):
        patchers = [kind(shop, name) for kind in kinds]
        for each in patchers:
            each.do()
        for index in order:
            patchers[index].undo()
        (
            shop.Table().get(len(shop.Table())),
            shop.Heir.static(),
        )  # where a class has nothing of its own, a call tidies up
        assert state_of(shop) == before, (kinds, order)

"""The clock among others who replace the same functions, each coming and going in every order: the originals come back."""

import asyncio
import contextlib
import itertools
import socket
import sys
import threading
import time
import uuid
from unittest import mock

import freezegun
import pytest

from pytest_resilience import Faults, VirtualClock
from tests.pytest_resilience.faults.callables import made_module


def _stand_in(*args):
    return "stand-in"


def _clock(*_):
    return VirtualClock()


def _mock(holder, name):
    return mock.patch.object(holder, name, _stand_in)


@contextlib.contextmanager
def _monkeypatch(holder, name):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holder, name, _stand_in)
        yield


@contextlib.contextmanager
def _fault(holder, name):
    with Faults() as faults:
        place = f"{holder.__module__}:{holder.__qualname__}." if isinstance(holder, type) else f"{holder.__name__}:"
        faults.inject(place + name, "return('fault')", strict=False)
        yield


LARGE = "_pytest aiohttp anyio httpcore hypothesis opentelemetry psycopg redis requests tests.resilience trio urllib3".split()
"""Packages in whose modules freezegun need not look for clocks, which takes longer than all else here."""


def _freeze(*_):
    return freezegun.freeze_time("2026-01-31", real_asyncio=True, ignore=LARGE)


PLACES = [
    (time, "sleep", [_mock, _fault]),
    (time, "monotonic", [_mock, _freeze]),
    (uuid, "_generate_time_safe", [_mock, _freeze]),
    (asyncio.events, "TimerHandle", [_mock, _monkeypatch]),
    (asyncio.BaseEventLoop, "time", [_mock, _monkeypatch]),
    (asyncio.SelectorEventLoop, "time", [_freeze]),
    (threading.Event, "wait", [_mock, _monkeypatch, _fault]),
    (socket.socket, "recv", [_mock, _monkeypatch]),
]


def _state_of(holder, name):
    """What the place holds, and what it would do."""
    found = getattr(holder, name)
    module = sys.modules[getattr(holder, "__module__", holder.__name__)]
    return type(module), vars(holder).get(name), found, getattr(found, "__code__", None), _names_of_stand_ins()


def _names_of_stand_ins():
    """The functions of the modules and classes here that are the clock's own."""
    owners = [holder for holder, *_ in PLACES] + [asyncio.SelectorEventLoop, asyncio.tasks, threading.Thread]
    return [
        (owner, name)
        for owner in owners
        for name, value in vars(owner).items()
        if str(getattr(value, "__module__", "")).startswith("pytest_resilience")
    ]


def _would_be_left_without_the_clock(kinds, order):
    """Whether two of those who put back what they have found go in another order than the reverse one."""
    others = [index for index, kind in enumerate(kinds) if kind not in {_clock, _fault}]
    return [index for index in order if index in others] != others[::-1]


def _orders(others, count):
    for chosen in itertools.permutations([_clock, *others], count):
        for order in itertools.permutations(range(count)):
            if _clock in chosen and not _would_be_left_without_the_clock(chosen, order):
                yield chosen, order


@pytest.fixture(autouse=True)
def _loop_with_a_method_of_its_own(monkeypatch):
    """What freezegun leaves behind of its own: the class of loops has the method itself that it inherited before."""
    monkeypatch.setattr(asyncio.SelectorEventLoop, "time", asyncio.BaseEventLoop.time)


@pytest.fixture
def place(holder, count, request):
    """What holds the function; the one that a fault replaces in every module, with three tools that of a module made here."""
    if (holder, count) != (time, 3):
        yield holder
        return
    request.getfixturevalue("heap_of_the_test")
    with made_module("undo_shop", "from time import sleep, monotonic") as module:
        yield module


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("holder", "name", "others"), PLACES, ids=[name for _, name, _ in PLACES])
def test_the_original_is_back_in_every_order(place, name, others, count):
    """When all have gone, the place holds what it held, which does what it did; and the clock works again after that."""
    before = _state_of(place, name)
    for kinds, order in _orders(others, count):
        with contextlib.ExitStack() as all_of_them:
            open_ones = [all_of_them.enter_context(contextlib.ExitStack()) for _ in kinds]
            for stack, kind in zip(open_ones, kinds, strict=True):
                stack.enter_context(kind(place, name))
            for index in order:
                open_ones[index].close()
        assert _state_of(place, name) == before, (kinds, order)
    with VirtualClock() as clock:
        assert not threading.Event().wait(5)
        asyncio.run(asyncio.sleep(5))
    assert clock.elapsed == 10

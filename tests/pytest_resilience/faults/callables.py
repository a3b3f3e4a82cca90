"""A module with callables of every kind, for tests of what a fault strikes there."""

from __future__ import annotations

import contextlib
import sys
import types

from pytest_resilience import Faults

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


@contextlib.contextmanager
def made_module(name, source=SOURCE):
    """Have a module newly made of a text, for the length of a block."""
    module = sys.modules[name] = types.ModuleType(name)
    exec(source, vars(module))
    yield module
    del sys.modules[name]


def namespace_of(module):
    """What a module and its classes hold, to be compared."""
    classes = {name: dict(vars(each)) for name, each in vars(module).items() if isinstance(each, type)}
    codes = {name: each.__code__ for name, each in vars(module).items() if isinstance(each, types.FunctionType)}
    return dict(vars(module)), classes, codes


@contextlib.contextmanager
def undone_faults(shop):
    """Inject faults into the module, which is as before when they have ended."""
    before = namespace_of(shop)
    with Faults() as faults:
        yield faults
    assert namespace_of(shop) == before

"""Methods and properties of every kind, decorated in either order, in their class and in its heirs."""

from __future__ import annotations

import functools
import inspect

import pytest
import tenacity

from resilience import create_retry_decorator
from tests.resilience.conftest import Flaky, finish

retry = create_retry_decorator(3, wait=tenacity.wait_none())


class Service:
    """Every kind of method, decorated in every order."""

    flaky: Flaky

    def __init__(self):
        self.own = Flaky()

    @retry
    def method(self, *args: object) -> tuple[object, ...]:
        """Call plainly."""
        return self.own.fail_twice(*args)

    @retry
    async def async_method(self, *args: object) -> tuple[object, ...]:
        """Call asynchronously."""
        return self.own.fail_twice(*args)

    @classmethod
    @retry
    def class_method(cls, *args: object) -> tuple[object, ...]:
        """Decorated inside."""
        return cls.flaky.fail_twice(cls, *args)

    @retry
    @classmethod
    def class_method_outside(cls, *args: object) -> tuple[object, ...]:
        """Decorated outside."""
        return cls.flaky.fail_twice(cls, *args)

    @classmethod
    @retry
    async def async_class_method(cls, *args: object) -> tuple[object, ...]:
        """Decorated inside."""
        return cls.flaky.fail_twice(cls, *args)

    @retry
    @classmethod
    async def async_class_method_outside(cls, *args: object) -> tuple[object, ...]:
        """Decorated outside."""
        return cls.flaky.fail_twice(cls, *args)

    @staticmethod
    @retry
    def static_method(*args: object) -> tuple[object, ...]:
        """Decorated inside."""
        return Service.flaky.fail_twice(*args)

    @retry
    @staticmethod
    def static_method_outside(*args: object) -> tuple[object, ...]:
        """Decorated outside."""
        return Service.flaky.fail_twice(*args)

    @staticmethod
    @retry
    async def async_static_method(*args: object) -> tuple[object, ...]:
        """Decorated inside."""
        return Service.flaky.fail_twice(*args)

    @retry
    @staticmethod
    async def async_static_method_outside(*args: object) -> tuple[object, ...]:
        """Decorated outside."""
        return Service.flaky.fail_twice(*args)

    @retry
    def __call__(self, *args: object) -> tuple[object, ...]:
        """Make the service itself callable."""
        return self.own.fail_twice(*args)


class Derived(Service):
    """Inherits what is decorated."""


METHODS = sorted(name for name in vars(Service) if name.endswith(("method", "_outside", "__call__")))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("owner", [Service, Derived])
def test_methods_are_retried(monkeypatch, owner, name):
    """Methods of all kinds, in either order of the decorators, get their arguments, their instance, their class."""
    monkeypatch.setattr(Service, "flaky", Flaky(), raising=False)
    result = finish(getattr(owner(), name)(1, "two"))
    assert result == ((owner, 1, "two") if "class_method" in name else (1, "two"))


@pytest.mark.parametrize("name", [name for name in METHODS if "class" in name or "static" in name])
def test_class_and_static_methods_need_no_instance(monkeypatch, name):
    """They are called on the class as well."""
    monkeypatch.setattr(Service, "flaky", Flaky(), raising=False)
    assert finish(getattr(Service, name)(1))[-1] == 1


@pytest.mark.parametrize("name", METHODS)
def test_methods_keep_what_describes_them(name):
    """Signature, name, documentation and kind are those of the undecorated method."""
    method = getattr(Service(), name)
    assert str(inspect.signature(method)) == "(*args: 'object') -> 'tuple[object, ...]'"
    assert method.__name__ == name
    assert method.__qualname__ == f"Service.{name}"
    assert method.__module__ == __name__
    assert method.__doc__ == inspect.unwrap(method).__doc__
    assert inspect.iscoroutinefunction(method) == name.startswith("async")
    assert method.failpoint == f"{__name__}:Service.{name}"
    assert isinstance(method.retry, tenacity.BaseRetrying)


def test_instances_share_nothing(monkeypatch):
    """The attempts of one instance are no attempts of another."""
    first, second = Service(), Service()
    assert first.method(1) == (1,)
    assert second.method(2) == (2,)
    assert (first.own.attempts, second.own.attempts) == (3, 3)


def test_super_reaches_the_decorated_method():
    """An override can call the decorated method of its base."""

    class Loud(Service):
        def method(self, *args):
            return ("loud", *super().method(*args))

    assert Loud().method(1) == ("loud", 1)


def test_properties_are_decorated_below():
    """A property and a cached property whose getter is decorated are retried."""

    class Shop:
        flaky, other = Flaky(), Flaky()

        @property
        @retry
        def size(self):
            return self.flaky.fail_twice("size")

        @functools.cached_property
        @retry
        def weight(self):
            return self.other.fail_twice("weight")

    shop = Shop()
    assert shop.size == ("size",)
    assert (shop.weight, shop.weight) == (("weight",), ("weight",))
    assert shop.other.attempts == 3

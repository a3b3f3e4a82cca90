"""The names of exception classes, and the modules that they are looked up in."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType

import httpx
import pytest

from resilience._failpoints.script.exception_names import exception_class_name, find_exception_class
from resilience.testing import Script, ScriptError


class Outer:
    class InnerError(Exception):
        """Lives in a class."""


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (ConnectionError, "ConnectionError"),
        (ExceptionGroup, "ExceptionGroup"),
        (asyncio.CancelledError, "asyncio.CancelledError"),
        (httpx.ConnectTimeout, "httpx.ConnectTimeout"),
        (Outer.InnerError, f"{__name__}.Outer.InnerError"),
    ],
)
def test_class_has_the_shortest_name_that_finds_it(cls, name):
    """The name of a class is that of the outermost package which offers it, and leads back to the class."""
    assert exception_class_name(cls) == name
    assert find_exception_class(name) is cls


def test_class_out_of_reach_has_no_name():
    """A class made in a function, which no module offers, can't be written in a script."""

    class LocalError(Exception):
        pass

    assert exception_class_name(LocalError) is None
    assert exception_class_name(type("ConnectionError", (Exception,), {"__module__": "builtins"})) is None
    assert exception_class_name(type("OddError", (Exception,), {"__module__": None})) is None


def test_module_of_an_exception_is_imported(tmp_path, monkeypatch):
    """A name may come from a module, or from a submodule, that nobody has imported yet."""
    package = tmp_path / "shop_for_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "errors.py").write_text("class Closed(Exception): pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        assert str(Script.parse("raise(shop_for_test.errors.Closed)")) == "raise(shop_for_test.errors.Closed)"
    finally:
        for name in ("shop_for_test.errors", "shop_for_test"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["ConectionError", "asyncio.TimeoutErr", "asyncioo.TimeoutError"])
def test_unknown_name_is_all_that_is_told(name):
    """That Python has not found the name either says nothing more, and is not shown in a traceback."""
    with pytest.raises(ScriptError) as caught:
        Script.parse(f"raise({name})")

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_unknown_module_lists_the_closest_names():
    """A mistyped module is answered with the modules that are loaded or come with Python."""
    with pytest.raises(ScriptError) as caught:
        Script.parse("raise(asyncioo.TimeoutError)")

    assert caught.value.found == "'asyncioo'"
    assert caught.value.expected.startswith("a module that can be imported (did you mean 'asyncio'")


def test_module_that_fails_to_import_is_named_with_its_error(tmp_path, monkeypatch):
    """A module that is there and raises is told apart from one that isn't there."""
    (tmp_path / "broken_for_test.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ScriptError) as caught:
        Script.parse("raise(broken_for_test.Error)")

    assert caught.value.found == "'broken_for_test', whose import raised RuntimeError: no licence"
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_module_with_a_raising_getattr_is_an_unknown_name(monkeypatch):
    """Whatever looking up a name in a module raises, the script's error is a ScriptError."""
    module = ModuleType("lazy_for_test")

    def fail_to_load(name):
        raise OSError(name)

    monkeypatch.setattr(module, "__getattr__", fail_to_load, raising=False)
    monkeypatch.setitem(sys.modules, "lazy_for_test", module)
    with pytest.raises(ScriptError) as caught:
        Script.parse("raise(lazy_for_test.Error)")

    assert (caught.value.found, caught.value.expected) == ("'Error'", "an exception class of 'lazy_for_test'")

"""What all tests share: small suites of their own, run by pytest inside pytest."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import importlib.metadata
import logging
import os
import pkgutil
import signal
import sys
import threading
import types
from pathlib import Path

import pluggy
import pytest
from _pytest.fixtures import FixtureManager
from hypothesis import settings

import pytest_resilience
import resilience
from tests.programs import Programs

# Workers, the next run and the many runs of Python inside tests are to find compiled what the run before has compiled:
# without that, each of them compiles pytest's plugins and the tests anew, which is more than half of its work.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Each client of httpx reads the certificates of all public authorities, which takes longer than most tests. No test
# talks to their servers, so this is one certificate, whose key nobody has.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "authority.pem")

settings.register_profile("suite", deadline=None, max_examples=50)  # machines may be slow
settings.load_profile("suite")

pytest_plugins = ["pytester", "tests.time_limit"]


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect tests without collecting garbage: nearly all of a million new objects stay, and are looked at each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish():
    """Collect what the tests have left a last time. Pytest and Python do so three times more, which takes two seconds."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(call):
    """Show the functions of the kit where its own tests fail; the plugin has pytest leave them out of others' tracebacks."""
    if call.excinfo is not None:
        for name, module in list(sys.modules.items()):
            if name.startswith(("resilience.", "pytest_resilience.")):
                vars(module).pop("__tracebackhide__", None)
    return (yield)


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Fail the test that leaves a thread or a lock behind, instead of a later one which waits for that."""
    before = set(threading.enumerate())
    _leave_old_objects_alone()
    yield
    _let_threads_end(set(threading.enumerate()) - before)
    _let_lock_of_logging_go()
    _end_tracker()
    _collect_what_the_test_has_left()


def _leave_old_objects_alone():
    """Let collections in the test look at what it has made itself, and not at all that the suite has loaded.

    A test may freeze garbage of its own, as exploring does, which is let go now and then. To ask how many objects are
    frozen takes longer than most tests: Python counts them one by one.
    """
    gc.freeze()
    _old.is_thawed = False
    _old.tests += 1
    if _old.tests % _TESTS_BETWEEN_FULL_COLLECTIONS == 0:
        _unfreeze()
        gc.collect()
        gc.freeze()


def _collect_what_the_test_has_left():
    """Collect where that takes no time. Where a test looks for who refers to an object, the kit has thawed all others."""
    if not _old.is_thawed:
        gc.collect()
        _unfreeze()


def _thaw():
    _old.is_thawed = True
    _unfreeze()


_TESTS_BETWEEN_FULL_COLLECTIONS = 4000  # more than each of two workers has, to each of which one takes a second
_old = types.SimpleNamespace(tests=0, is_thawed=False)
_unfreeze = gc.unfreeze
gc.unfreeze = _thaw


def _let_threads_end(threads):
    for thread in threads:
        if isinstance(thread, threading._DummyThread):  # of a runner that started it without `threading`
            continue
        thread.join(60)  # one that is about to end needs a moment
        assert not thread.is_alive(), f"the test leaves {thread} behind"


def _let_lock_of_logging_go():
    """Release what a test has left that has broken off `logging` while it had its lock."""
    is_left = logging._lock._is_owned()
    while logging._lock._is_owned():
        logging._lock.release()
    assert not is_left, "the test leaves the lock of logging taken"


def _end_tracker():
    """End the process that `multiprocessing` starts once and keeps, for which the clock of a later test would wait."""
    tracker = sys.modules.get("multiprocessing.resource_tracker")
    if tracker is not None and tracker._resource_tracker._fd is not None:
        gc.collect()  # as it ends it removes the semaphores that are left, which these would do once more
        tracker._resource_tracker._stop()


@pytest.fixture
def heeded():
    """Heed Ctrl-C, which a shell lets the programs that it starts in the background ignore, and these their children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def run_program():
    """Runs programs in which the kit is imported, with most that it imports late."""
    late = "resilience._alerts.system", "resilience.alerts.notifier", "resilience._secrets.rules"
    programs = Programs("pytest_resilience.clock._calls.catalogue", *late)
    yield programs
    programs.end()


@pytest.fixture(scope="session")
def run_importing():
    """Runs programs that import the kit themselves, in which what it imports is there."""
    programs = Programs("tenacity", "difflib", "decimal", "tomllib", "unicodedata")
    yield programs
    programs.end()


@pytest.fixture(scope="session")
def whole_kit():
    """All modules of both packages. What a run inside a run imports is forgotten after it, and would be there twice."""
    importlib.import_module("concurrent.futures.process")  # pickle names its functions, and finds the copy's
    for package in (resilience, pytest_resilience):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("__main__"):
                continue
            with contextlib.suppress(resilience.MissingExtraError):
                importlib.import_module(module.name)


class _Distribution(importlib.metadata.PathDistribution):
    """One whose files are read once, and not in each run inside a run."""

    metadata = functools.cached_property(importlib.metadata.PathDistribution.metadata.fget)
    entry_points = functools.cached_property(importlib.metadata.PathDistribution.entry_points.fget)


@pytest.fixture(scope="session")
def with_plugins():
    """The distributions that bring plugins. Each run inside a run looks through all that are installed, a hundred files."""
    every = (_Distribution(each._path) for each in importlib.metadata.distributions())
    return [each for each in every if any(point.group == "pytest11" for point in each.entry_points)]


def _quick(look):
    """What lets a manager of fixtures look into plugins: pytest looks at all names of each, which is a third of a run."""
    is_made_by = type(pytest.fixture(lambda: None))

    @functools.wraps(look)
    def pytest_plugin_registered(self, plugin, plugin_name):
        if isinstance(plugin, types.ModuleType) and not plugin_name.endswith("conftest.py"):
            everything, plugin = vars(plugin), types.ModuleType(plugin.__name__)
            vars(plugin).update({name: each for name, each in everything.items() if type(each) is is_made_by})
        if not type(plugin).__module__.startswith("_pytest."):  # objects of its own have none
            look(self, plugin, plugin_name)

    return pytest_plugin_registered


def _quick_attribute(look):
    """What finds a hook of a plugin: a module computes no names, so that those of functions need not be looked at twice."""

    @functools.wraps(look)
    def _static_hook_attr(plugin, name):
        found = vars(plugin).get(name) if isinstance(plugin, types.ModuleType) else None
        return (found, found) if isinstance(found, types.FunctionType) else look(plugin, name)

    return _static_hook_attr


@pytest.fixture
def suite(pytester, monkeypatch, whole_kit, with_plugins):
    """A folder for a small suite, run with our plugin and no other that is installed, and with warnings as errors."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: iter(with_plugins))
    look = _quick(FixtureManager.pytest_plugin_registered)
    monkeypatch.setattr(FixtureManager, "pytest_plugin_registered", look)
    if hasattr(pluggy._manager, "_static_hook_attr"):  # from pluggy 1.7 on
        find = _quick_attribute(pluggy._manager._static_hook_attr)
        monkeypatch.setattr(pluggy._manager, "_static_hook_attr", find)
    # The package that has the name of our plugin is imported already, and its assertions need not be rewritten.
    rewriting = "-W 'ignore:Module already imported so cannot be rewritten'"
    monkeypatch.setenv("PYTEST_ADDOPTS", f"-W error {rewriting} -p no:cacheprovider -p resilience")
    ours = ("RESILIENCE_SERVICE_NAME", "RESILIENCE_DISCORD_WEBHOOK_URL", "RESILIENCE_REDIS_URL")
    for name in (*ours, "CI", "BUILD_NUMBER"):  # under CI, pytest says each message once more, in its short summary
        monkeypatch.delenv(name, raising=False)
    return pytester


@pytest.fixture
def forked_workers(monkeypatch):
    """Workers of xdist, in runs inside of the test, that begin as copies of this process."""
    gateways = pytest.importorskip("execnet.gateway_io")
    from tests.forked_workers import ForkedWorker

    monkeypatch.setattr(gateways, "Popen2IOMaster", ForkedWorker)

"""What all tests share: small suites of their own, run by pytest inside pytest."""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.metadata
import logging
import os
import pkgutil
import signal
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import settings

import pytest_resilience
import resilience

# Workers, the next run and the many runs of Python inside tests are to find compiled what the run before has compiled:
# without that, each of them compiles pytest's plugins and the tests anew, which is more than half of its work.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Each client of httpx reads the certificates of all public authorities, which takes longer than most tests. No test
# talks to their servers, so this is one certificate, whose key nobody has.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "authority.pem")

settings.register_profile("suite", deadline=None)  # machines may be slow
settings.load_profile("suite")

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Fail the test that leaves a thread or a lock behind, instead of a later one which waits for that."""
    before = set(threading.enumerate())
    yield
    _let_threads_end(set(threading.enumerate()) - before)
    _let_lock_of_logging_go()
    _end_tracker()


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
def frozen_heap():
    """Nothing that the suite has loaded is looked at by a collection, which would take longer than the test."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def heeded():
    """Heed Ctrl-C, which a shell lets the programs that it starts in the background ignore, and these their children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def whole_kit():
    """All modules of both packages. What a run inside a run imports is forgotten after it, and would be there twice."""
    for package in (resilience, pytest_resilience):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("__main__"):
                continue
            with contextlib.suppress(resilience.MissingExtraError):
                importlib.import_module(module.name)


@pytest.fixture(scope="session")
def with_plugins():
    """The distributions that bring plugins. Each run inside a run looks through all that are installed, a hundred files."""
    every = importlib.metadata.distributions()
    return [each for each in every if any(point.group == "pytest11" for point in each.entry_points)]


@pytest.fixture
def suite(pytester, monkeypatch, whole_kit, with_plugins, frozen_heap):
    """A folder for a small suite, run with our plugin and no other that is installed, and with warnings as errors."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: iter(with_plugins))
    # The package that has the name of our plugin is imported already, and its assertions need not be rewritten.
    rewriting = "-W 'ignore:Module already imported so cannot be rewritten'"
    monkeypatch.setenv("PYTEST_ADDOPTS", f"-W error {rewriting} -p no:cacheprovider -p resilience")
    ours = ("RESILIENCE_SERVICE_NAME", "RESILIENCE_DISCORD_WEBHOOK_URL", "RESILIENCE_REDIS_URL")
    for name in (*ours, "CI", "BUILD_NUMBER"):  # under CI, pytest says each message once more, in its short summary
        monkeypatch.delenv(name, raising=False)
    return pytester

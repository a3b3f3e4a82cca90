"""One thread that keeps the time limit of all tests: pytest-timeout starts one for each, which takes a millisecond."""

from __future__ import annotations

import faulthandler
import threading

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

_LOOKS = 10  # in the time of one limit: no clock is read, as tests replace them all


class _Watch(threading.Timer):
    """A timer of pytest-timeout that starts anew with each test: the one that runs at eleven looks ends the process."""

    def __init__(self, seconds, end):
        super().__init__(seconds, end)
        self.daemon = True
        self.running = None  # the test and its settings, which are another object for each test
        self._wait = threading.Lock().acquire

    def run(self):
        self._wait()
        seen, looks = None, 0
        while True:
            self._wait(timeout=self.interval / _LOOKS)
            looks = looks + 1 if self.running is seen else 0
            seen = self.running
            if seen is not None and looks >= _LOOKS:
                _show_stacks(seen[0].config)
                self.function(*seen)


def _show_stacks(config):
    """Show them where pytest-timeout does not: what it writes in a worker of xdist is lost."""
    if hasattr(config, "workerinput"):
        faulthandler.dump_traceback(config.stash[fault_handler_stderr_fd_key])


_watches = {}


@pytest.hookimpl(optionalhook=True)
def pytest_timeout_set_timer(item, settings):
    """Have the thread for limits of this length watch the test."""
    if settings.method != "thread":
        return None
    if settings.timeout not in _watches:
        from pytest_timeout import timeout_timer

        _watches[settings.timeout] = _Watch(settings.timeout, timeout_timer)
        _watches[settings.timeout].start()
    _watches[settings.timeout].running = (item, settings)
    return True


@pytest.hookimpl(optionalhook=True)
def pytest_timeout_cancel_timer(item):
    """Have no thread watch it any more."""
    for each in _watches.values():
        each.running = None

"""Runs of pytest in a process of their own, which begins as a copy of this one: nothing has to be imported anew."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
import warnings

import pytest
from _pytest.unraisableexception import gc_collect_iterations_key

_PATIENCE_S = 300


def run_forked(suite, *arguments):
    """Run pytest on a suite in a forked process. What it patches, breaks or leaves behind goes with that process.

    A run that looks through all objects, as faults at functions do, is quicker in a new process, which has few of them.
    """
    written = [suite.path / name for name in ("stdout", "stderr")]
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the timer of the test's limit is a thread
        child = os.fork()
    if not child:
        _run(written, [f"--basetemp={suite.path / 'of the run'}", *arguments])
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    lines = [path.read_text("utf-8").splitlines() for path in written]
    return pytest.RunResult(code, *lines, time.perf_counter() - start)


class _LikePytester:
    """Collect no garbage at the end, as pytester does not: it would be looked for in all that the suite has loaded."""

    def pytest_configure(self, config):
        config.stash[gc_collect_iterations_key] = 0


def _run(written, arguments):
    code = 1
    try:
        signal.alarm(_PATIENCE_S)
        for descriptor, path in enumerate(written, start=1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, encoding="utf-8") for number in (1, 2))
        code = pytest.main(arguments, plugins=[_LikePytester()])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)

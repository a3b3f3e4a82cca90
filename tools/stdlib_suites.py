"""Run CPython's own test suites inside the virtual clock, and compare each outcome with that in real time.

    python tools/stdlib_suites.py [SUITE ...]        all suites, or some: test_threading test_queue
    python tools/stdlib_suites.py --seconds=120      how long one test may take before it counts as hung

They come with the interpreter. Each suite runs twice, in processes of its own: plainly, and with a clock around each
test. An outcome that differs is listed with its reason in ``stdlib_differences.toml``, or printed; then the exit status
is 1. Nothing may hang or crash that does not do so without the clock.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import json
import os
import subprocess
import sys
import threading
import time
import tomllib
import unittest
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

SUITES = (
    *("test_threading", "test_thread", "test_threading_local", "test_queue", "test_sched", "test_selectors"),
    *("test_select", "test_poll", "test_socket", "test_subprocess", "test_concurrent_futures", "test_asyncio"),
    *("test_ssl", "test_socketserver", "test_ftplib", "test_poplib", "test_imaplib", "test_smtplib", "test_signal"),
    *("test_logging", "test_multiprocessing_fork", "test_multiprocessing_spawn", "test_time", "test_datetime"),
    *("test_httplib", "test_urllib2_localnet", "test_xmlrpc", "test_eintr", "test_faulthandler", "test_sqlite3"),
)
KNOWN = Path(__file__).with_name("stdlib_differences.toml")
DONE, CRASHED, HUNG = "done", "crash", "hang"


def main() -> int:
    """Compare the suites that are asked for; 1 if any outcome differs without a reason."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", default=SUITES, metavar="SUITE")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--inside", choices=["real", "virtual"], help=argparse.SUPPRESS)
    parser.add_argument("--skip", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return run_inside(options.suites[0], options.skip, virtual=options.inside == "virtual")
    known = tomllib.loads(KNOWN.read_text(encoding="utf-8"))
    tests = differing = 0
    unexplained = []
    for suite in modules_of(options.suites):
        (real, plain_seconds), (virtual, seconds) = (
            timed(suite, mode, options.seconds) for mode in ("real", "virtual")
        )
        different = {name: (real[name], virtual.get(name)) for name in real if real[name] != virtual.get(name)}
        reasons = {name: reason_for(name, known) for name in different}
        print(
            f"{suite}: {len(real)} tests, {len(different)} outcomes differ, {plain_seconds:.0f} -> {seconds:.0f} s",
            flush=True,
        )
        for name, (plain, inside) in different.items():
            print(f"    {name}: {plain} -> {inside}: {reasons[name] or 'NO REASON KNOWN'}", flush=True)
        unexplained += [name for name, reason in reasons.items() if reason is None]
        tests, differing = tests + len(real), differing + len(different)
    share = f"{differing / max(tests, 1):.1%}"
    print(f"in all: {tests} tests, {differing} outcomes differ ({share}), {len(unexplained)} of them without a reason")
    return bool(unexplained)


def reason_for(test: str, known: dict[str, str]) -> str | None:
    """Why the outcome of a test is known to differ."""
    return next((reason for pattern, reason in known.items() if fnmatch.fnmatchcase(test, pattern)), None)


def modules_of(suites: Iterable[str]) -> Iterator[str]:
    """The modules of the suites that this interpreter has; a suite that is a package has several."""
    for suite in suites:
        if (spec := find_spec(f"test.{suite}")) is None:
            print(f"{suite}: this interpreter comes without it")
            continue
        folders = spec.submodule_search_locations
        yield from sorted(f"{suite}.{path.stem}" for path in Path(folders[0]).glob("test_*.py")) if folders else [suite]


def timed(suite: str, mode: str, seconds: float) -> tuple[dict[str, str], float]:
    """The outcomes of all tests of a suite, and how long that took."""
    began = time.monotonic()
    return dict(outcomes(suite, mode, seconds)), time.monotonic() - began


def outcomes(suite: str, mode: str, seconds: float) -> Iterator[tuple[str, str]]:
    """The outcomes of all tests of a suite; a process that hangs or dies is followed by one for the rest."""
    done = 0
    while True:
        command = [sys.executable, "-X", "faulthandler", __file__, "--inside", mode, "--skip", str(done), suite]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        ) as child:
            running, fate = None, CRASHED
            for line in lines_in_time(child, seconds):
                if line is None:
                    fate = HUNG
                    break
                name, outcome = json.loads(line)
                if name == DONE:
                    return
                if outcome is None:
                    running = name
                else:
                    yield name, outcome
                    done, running = done + 1, None
            if running is None:
                raise SystemExit(f"{suite} can't be loaded, in {mode} time")
            yield running, fate
            done += 1


def lines_in_time(child: subprocess.Popen[str], seconds: float) -> Iterator[str | None]:
    """The lines that a child prints, and None once it has printed none for so many seconds; then it is killed."""
    while True:
        timer = threading.Timer(seconds, os.killpg, (child.pid, 9))
        timer.start()
        assert child.stdout is not None
        line = child.stdout.readline()
        if timer.finished.is_set():
            yield None
        timer.cancel()
        if not line:
            return
        yield line


def run_inside(suite: str, skip: int, *, virtual: bool) -> int:
    """Run the tests of a suite but for the first ones, and print the name of each, then its outcome."""
    from warnings import simplefilter

    from pytest_resilience import VirtualClock

    report = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    loader = unittest.TestLoader()
    tests = list(tests_of(f"test.{suite}", loader))
    for test in tests[skip:]:
        print(json.dumps([test.id(), None]), file=report)
        result = unittest.TestResult()
        simplefilter("ignore")
        try:
            with VirtualClock() if virtual else contextlib.nullcontext():
                unittest.TestSuite([test]).run(result)
            outcome = outcome_of(result)
        except BaseException as error:  # noqa: BLE001  # of a clock that can't close, or a DeadlockError
            outcome = type(error).__name__
        print(json.dumps([test.id(), outcome]), file=report)
    print(json.dumps([DONE, DONE]), file=report)
    os._exit(0)  # whatever threads the tests have left


def tests_of(module: str, loader: unittest.TestLoader) -> Iterator[unittest.TestCase]:
    """The tests of a module; none of one that is for another system."""
    with contextlib.suppress(unittest.SkipTest):
        yield from flat(loader.loadTestsFromName(module))


def outcome_of(result: unittest.TestResult) -> str:
    """What became of one test, in a word."""
    if result.skipped:
        return "skip"
    return "fail" if result.errors or result.failures or result.unexpectedSuccesses else "pass"


def flat(suite: unittest.TestSuite | unittest.TestCase) -> Iterator[unittest.TestCase]:
    """The tests of a suite of suites."""
    if isinstance(suite, unittest.TestCase):
        yield suite
    else:
        for each in suite:
            yield from flat(each)


if __name__ == "__main__":
    sys.exit(main())

"""The private names that the clock relies on: each is where the table says, and each that is used is in the table."""

from __future__ import annotations

import ast
import asyncio
import functools
import multiprocessing
import re
import selectors
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path

import trio

import pytest_resilience.clock
from tests.pytest_resilience.clock.internals import INTERNALS


def example_of_a_loop(find):
    """What ``find`` finds in a running event loop of asyncio."""

    async def main():
        return find(asyncio.get_running_loop())

    return asyncio.run(main())


def example_of_a_queue():
    """A queue of `multiprocessing` that has been used by nobody."""
    queue = multiprocessing.get_context("fork").Queue()  # the others start a process to keep track of it
    queue.close()
    return queue


def example_of_a_trio_run(find):
    """What ``find`` finds in a run of trio."""

    async def main():
        return find(trio._core._run.GLOBAL_RUN_CONTEXT)

    return trio.run(main)


EXAMPLES = {
    "importlib.machinery.ModuleSpec": lambda: threading.__spec__,
    "threading.Thread": threading.Thread,
    "threading.Condition": threading.Condition,
    "selectors.EpollSelector": lambda: selectors.DefaultSelector().__enter__(),
    "multiprocessing.queues.Queue": example_of_a_queue,
    "concurrent.futures.ThreadPoolExecutor": ThreadPoolExecutor,
    "asyncio.BaseEventLoop": lambda: example_of_a_loop(lambda loop: loop),
    "asyncio.TimerHandle": lambda: example_of_a_loop(lambda loop: loop.call_later(1, int)),
    "asyncio.Task": lambda: example_of_a_loop(asyncio.current_task),
    "trio._core._run.TheIOManager": lambda: example_of_a_trio_run(lambda context: context.runner.io_manager),
    "trio._core._run.Deadlines": lambda: example_of_a_trio_run(lambda context: context.runner.deadlines),
    "trio.CancelScope": trio.CancelScope,
    "trio.lowlevel.Task": lambda: example_of_a_trio_run(lambda context: context.task),
}


def find(path):
    """What a path of the table leads to; raises `AttributeError` or `ImportError` where it leads to nothing."""
    where, _, name = path.partition("().")
    if name:
        return getattr(EXAMPLES[where](), name)
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        if module in sys.modules or find_spec_of(module):
            rest = ".".join(parts[length:])
            return attrgetter(rest)(import_module(module)) if rest else import_module(module)
    raise ImportError(path)


def find_spec_of(module):
    """Where a module is, if it is one."""
    try:
        return find_spec(module)
    except ModuleNotFoundError:
        return None


def test_each_private_name_is_where_the_table_says():
    """A new release of Python or of a library that has moved one fails here, with a list, and hangs nowhere else."""
    wrong = []
    for internal in INTERNALS:
        expected = internal.since <= sys.version_info[:2] <= internal.until
        if find_spec(internal.path.partition(".")[0]) is None:
            continue
        try:
            find(internal.path)
        except (AttributeError, ImportError):
            found = False
        else:
            found = True
        if found is not expected:
            wrong.append(f"{internal.path} ({internal.assumed}) {'is gone' if expected else 'is there after all'}")
    assert wrong == []


PRIVATE = re.compile(r"(\w+\.)*_(?!\w*__$)\w*[A-Za-z]\w*(\.\w+)*")
CLOCK = Path(str(pytest_resilience.clock.__file__)).parent


def own_names(tree):
    """The private names that a file of the clock defines itself: attributes, methods, slots and variables."""
    own = set()
    for node in ast.walk(tree):
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and getattr(node.value, "id", "") == "self"
        ):
            names = {node.attr}
        elif isinstance(node, ast.ClassDef):
            names = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
        keys = {key.value for key in getattr(node, "keys", ()) if isinstance(key, ast.Constant)}
        if "__slots__" in names | keys:
            names |= {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
        own |= names
    return own


def private_names_in(path):
    """The private names of others that a file of the clock uses: as attributes, as texts and as modules."""
    tree = ast.parse(path.read_text("utf-8"))
    own = own_names(tree)
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Attribute):
            names = [node.attr]
        elif isinstance(node, ast.Constant) and not str(node.value).startswith("pytest_resilience."):
            names = [str(node.value)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not str(node.module).startswith("pytest_resilience."):
            names = [str(node.module), *(alias.name for alias in node.names)]
        theirs = {name for name in names if PRIVATE.fullmatch(name) and not name.startswith("pytest_resilience.")}
        yield from theirs - own


@functools.cache
def used():
    """The private names of others that the clock uses, each with its file."""
    return {(path, name) for path in CLOCK.rglob("*.py") for name in private_names_in(path)}


def is_in(name, path):
    """Whether a name, which may be one of a module, is what a path of the table leads to or by."""
    return f".{name}." in f".{path.replace('()', '')}."


def test_the_table_is_complete():
    """Whoever uses one more private name adds a row for it."""
    assert [
        f"{path.relative_to(CLOCK)}: {name}"
        for path, name in sorted(used())
        if not any(is_in(name, internal.path) for internal in INTERNALS)
    ] == []


def test_each_row_of_the_table_is_needed():
    """Whoever does without a private name takes its row away."""
    names = {name for _, name in used()}
    assert [row.path for row in INTERNALS if not any(is_in(name, row.path) for name in names)] == []

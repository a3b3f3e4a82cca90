"""A process that a test starts, and the module that it has in common with the test."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import resilience

HOUSE = str(Path(str(resilience.__file__)).parent.parent)

SHOP = """
import os
import sys
import threading

import resilience

class Payments:
    def charge(self, amount=1, *, currency="EUR"):
        return f"charged {amount}"

def plain(number=0):
    return f"plain {number}"

async def later():
    return "later"

def passed():
    return resilience.failpoint("shop.passed")

def said(function, *args):
    try:
        return f"{function(*args)}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"

def in_a_forked_process(function, *args):
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.write(theirs, said(function, *args).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return os.read(ours, 1000).decode()

def in_asyncio(function):
    import asyncio  # which takes as long as all else that a child imports
    return asyncio.run(function())

def in_trio(function):
    import trio
    return trio.run(function)

def worker(queue, calls):
    queue.put([said(plain) for _ in range(calls)])

if __name__ == "__main__":
    import atexit, gc, shop
    atexit.register(gc.freeze)  # as a process ends, Python looks for garbage in all that it has loaded, three times
    print("ready", flush=True)
    for line in sys.stdin:
        print(said(eval, line, vars(shop)), flush=True)
"""


class Child:
    """A process that evaluates what it is told, and says what came of it."""

    def __init__(self, environment, *options):
        command = [sys.executable, *options, "-m", "shop"]
        self.process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.read() == "ready"

    def tell(self, expression):
        """Have it evaluate an expression, without waiting."""
        print(expression, file=self.process.stdin, flush=True)

    def read(self):
        """Return the next line that it says."""
        return self.process.stdout.readline().rstrip("\n")

    def ask(self, expression):
        """Have it evaluate an expression; return what came of it."""
        self.tell(expression)
        return self.read()

    def close(self):
        """End it; return what it complained of."""
        _, complaints = self.process.communicate()
        return complaints


@contextlib.contextmanager
def child_of(faults, *options):
    """A child of the test, which ends with the block, and has then complained of nothing."""
    child = Child(faults.environment(), *options)
    try:
        yield child
        assert child.close() == ""
    finally:
        child.process.kill()
        child.process.communicate()

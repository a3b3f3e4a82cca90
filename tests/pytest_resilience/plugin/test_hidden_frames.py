"""The traceback of a failing test shows its own code and what that calls, and not the kit that stands in between."""

import re

import pytest

STRUCK = """
import socket, threading, time
import pytest
from resilience import create_retry_decorator

def connect():
    return "real"

@create_retry_decorator(max_attempts=2)
def work():
    connect()

def test_a_function(faults):
    faults.inject(f"{__name__}:connect", "raise(KeyError('struck'))")
    connect()

def test_a_function_in_c(faults):
    faults.inject("time:sleep", "raise(OSError('struck'))")
    time.sleep(1)

def test_a_call_that_is_retried(faults, virtual_clock):
    faults.inject(f"{__name__}:connect", "raise(ConnectionError('struck'))")
    work()

@pytest.mark.filterwarnings("ignore::pytest_resilience.LeftoverThreadWarning")
def test_a_deadlock(virtual_clock):
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()

def test_a_timeout(virtual_clock):
    end, other = socket.socketpair()
    with end, other:
        end.settimeout(3)
        end.recv(1)
"""
CALLED = {
    "test_a_function": ["test_a_function"],
    "test_a_function_in_c": ["test_a_function_in_c"],
    "test_a_call_that_is_retried": ["test_a_call_that_is_retried", "work"],
    "test_a_deadlock": ["test_a_deadlock"],
    "test_a_timeout": ["test_a_timeout"],
}
PROMPT = """
import pdb

class Prompt(pdb.Pdb):
    def interaction(self, frame, traceback):
        stack, index = self.get_stack(frame, traceback)
        print("\\nprompt in", stack[index][0].f_code.co_name)
"""


def shown(output):
    """By test, the functions in its traceback."""
    parts = re.split(r"^_+ (\w+) _+$", output, flags=re.MULTILINE)[1:]
    tests = dict(zip(parts[::2], parts[1::2], strict=True))
    return {name: re.findall(r"^\S+\.py:\d+: in (\w+)$", text, re.MULTILINE) for name, text in tests.items()}


def test_the_kit_is_left_out(suite):
    """Where a fault strikes, a retry gives up or virtual time ends a wait, the line of the test is the last one."""
    suite.makepyfile(STRUCK)
    output = suite.runpytest("--tb=short", "-p", "no:randomly").stdout.str()
    assert shown(output) == CALLED


def test_the_kit_is_shown_to_who_asks(suite):
    """With `--full-trace`, its functions are there."""
    suite.makepyfile(STRUCK)
    output = suite.runpytest("--tb=short", "--full-trace", "-k", "test_a_function_in_c").stdout.str()
    assert "place.py" in output


def test_a_mistake_in_the_kit_is_shown(suite):
    """An error that it does not raise on purpose is seen where it arises, so that it can be reported."""
    suite.makepyfile(
        """
        import sys, types

        module = types.ModuleType("resilience._engine.broken")
        exec("def broken():\\n    None.missing", vars(module))

        def test_it(monkeypatch):
            monkeypatch.setitem(sys.modules, module.__name__, module)
            module.broken()
        """
    )
    assert " in broken" in suite.runpytest("--tb=short").stdout.str()


@pytest.mark.slow
def test_a_debugger_begins_in_the_test(suite):
    """At the prompt of `--pdb` stand the variables of the last line that is shown."""
    suite.makepyfile(STRUCK, prompt=PROMPT)
    output = suite.runpytest_subprocess("--pdb", "--pdbcls=prompt:Prompt", "-p", "no:randomly").stdout.str()
    assert re.findall(r"^prompt in (\w+)$", output, re.MULTILINE) == [names[-1] for names in CALLED.values()]

"""The traceback of a failing test shows its own code and what that calls, and not the kit that stands in between."""

import re

STRUCK = """
import asyncio, socket, threading, time
import httpx
import pytest
import resilience
from resilience import create_retry_decorator, failpoint

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

def test_a_call_with_wrong_arguments(virtual_clock):
    work("too many")

def test_a_failpoint(faults):
    faults.inject("Here", "1*off->raise(OSError('struck'))")
    for _ in range(2):
        failpoint("Here")

def test_a_request(faults):
    faults.inject("GET https://struck.example/*", "raise(ConnectionRefusedError('struck'))")
    httpx.Client().get("https://struck.example/item")

def test_a_request_that_hangs(faults, virtual_clock):
    async def ask():
        async with httpx.AsyncClient() as client:
            await client.get("https://struck.example/item")
    faults.inject("GET https://struck.example/*", "hang")
    asyncio.run(ask())

def test_a_predicate_with_a_bug(faults):
    faults.inject(connect, "off", when=lambda: None.missing)
    connect()

def test_a_predicate_of_other_arguments(faults):
    faults.inject(connect, "off", when=lambda self: True)
    connect()

def test_a_loop_without_end(faults, virtual_clock):
    faults.inject(connect, "raise(ConnectionError('struck'))")
    while True:
        try:
            connect()
        except ConnectionError:
            time.sleep(3600)

def test_a_wrong_argument():
    create_retry_decorator(max_attempts="3")

def test_a_wrong_configuration():
    resilience.configure(discord_webhook_url="https://example.com/hook")

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
    "test_a_call_with_wrong_arguments": ["test_a_call_with_wrong_arguments"],
    "test_a_failpoint": ["test_a_failpoint"],
    "test_a_request": ["test_a_request"],
    "test_a_request_that_hangs": ["test_a_request_that_hangs", "ask"],
    "test_a_predicate_with_a_bug": ["test_a_predicate_with_a_bug", "<lambda>"],
    "test_a_predicate_of_other_arguments": ["test_a_predicate_of_other_arguments"],
    "test_a_loop_without_end": ["test_a_loop_without_end"],
    "test_a_wrong_argument": ["test_a_wrong_argument"],
    "test_a_wrong_configuration": ["test_a_wrong_configuration"],
    "test_a_deadlock": ["test_a_deadlock"],
    "test_a_timeout": ["test_a_timeout"],
}
PROMPT = """
import pdb

class Prompt(pdb.Pdb):
    def interaction(self, frame, traceback):
        traceback = getattr(traceback, "__traceback__", traceback)  # of the exception that Python 3.13 hands over
        stack, index = self.get_stack(frame, traceback)
        print("\\nprompt in", stack[index][0].f_code.co_name)
"""


def shown(output):
    """By test, the functions in its traceback, which `--pdb` shows at once."""
    tests = dict(zip(CALLED, re.split(r"^>+ traceback >+$", output, flags=re.MULTILINE)[1:], strict=True))
    line = re.compile(r"^(\S+\.py):\d+: in (\S+)$", re.MULTILINE)
    return {
        name: [function for file, function in line.findall(text) if not re.search(r"/(httpx|asyncio)/", file)]
        for name, text in tests.items()
    }


def test_the_kit_is_left_out(suite):
    """Where a fault strikes, a retry gives up or virtual time ends a wait, the line of the test is the last one.

    At the prompt of `--pdb` stand the variables of that line.
    """
    suite.makepyfile(STRUCK, prompt=PROMPT)
    arguments = ("--tb=short", "-p", "no:randomly", "--pdb", "--pdbcls=prompt:Prompt")
    output = suite.runpytest_inprocess(*arguments).stdout.str()
    assert shown(output) == CALLED
    prompts = re.findall(r"^prompt in (\S+)$", output, re.MULTILINE)
    last_lines = {
        test: functions[-1] for test, functions in CALLED.items() if "request" not in test
    }  # these are httpx's
    assert {test: prompt for test, prompt in zip(CALLED, prompts, strict=True) if test in last_lines} == last_lines


def test_the_kit_is_left_out_of_groups(suite):
    """A task that is all of the kit's has no line to show, beside the group's own."""
    suite.makepyfile(
        """
        import asyncio
        from resilience import create_retry_decorator

        @create_retry_decorator(max_attempts=1)
        async def work():
            pass

        def test_a_group(faults):
            async def work_in_a_group():
                async with asyncio.TaskGroup() as group:
                    group.create_task(work())
            faults.inject(work, "raise(OSError('struck'))")
            asyncio.run(work_in_a_group())
        """
    )
    output = suite.runpytest().stdout.str()
    assert "OSError: struck" in output
    assert "wrappers.py" not in output


def test_the_kit_is_shown_to_who_asks(suite):
    """With `--full-trace`, its functions are there."""
    suite.makepyfile(STRUCK)
    output = suite.runpytest("--tb=short", "--full-trace", "-k", "test_a_function_in_c").stdout.str()
    assert "place.py" in output


def test_the_kit_is_left_out_where_a_module_is_not_collected(suite):
    """A decorator that refuses its arguments as the module is imported is shown by the line that has them."""
    suite.makepyfile("from resilience import conn_retry\n\n\nconn_retry('Redis', 'connect', max_retry='3')")
    output = suite.runpytest("-p", "no:randomly").stdout.str()
    assert re.findall(r"^\S+\.py:\d+: in (\S+)$", output, re.MULTILINE) == ["<module>"]
    assert "max_retry must be an int, got '3'" in output


def test_what_the_kit_says_itself_is_not_said_to_be_hidden(suite):
    """Where there is no line but those of the kit, as in what exploring finds, pytest does not speak of hidden ones."""
    suite.makepyfile(
        """
        import pytest
        from pytest_resilience import VirtualClock

        @pytest.mark.explore
        def test_nothing():
            pass

        @pytest.fixture
        def other_clock():
            with VirtualClock():
                yield

        def test_a_clock_in_a_clock(other_clock, virtual_clock):
            pass
        """
    )
    output = suite.runpytest("--resilience", "--tb=short").stdout.str()
    assert "there is nothing to explore" in output
    assert "a virtual clock is open already" in output
    assert "entries are hidden" not in output


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

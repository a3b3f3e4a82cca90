"""Children of a test that was killed, and strangers at the socket that children ask."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pytest_resilience import Faults
from tests.pytest_resilience.faults.children import child_of

TEST = """
import os, subprocess, sys
from pytest_resilience import Faults
with Faults() as faults:
    hang = faults.inject("shop:plain", "1*return('struck')->hang")
    child = subprocess.Popen([sys.executable, "-m", "shop"], env=faults.environment(), stdout=2)
    hang.wait_reached()
    print(os.environ["RESILIENCE_FAULTS"], file=sys.stderr)
    child.wait()
"""


@pytest.mark.slow
def test_children_of_a_test_that_was_killed_are_left_alone(shop):
    """Nobody is left in a ``hang``, nor struck, once the process of the test is gone."""
    child = subprocess.Popen(
        [sys.executable, "-c", TEST], text=True, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ
    )
    with child, contextlib.closing(child.stdin):
        lines = iter(child.stderr.readline, "")
        assert next(lines) == "ready\n"
        print("plain()\nplain()\nplain()", file=child.stdin, flush=True)
        assert next(lines) == "struck\n"
        folder = Path(next(lines)).parent
        child.kill()
        assert next(lines).startswith("ReleasedError: the fault is over")
        assert next(lines) == "plain 0\n"
    shutil.rmtree(folder)  # which a process that is killed can't do


HOSTILE = [
    b"",
    b"\n",
    b"\x00\xff\xfe\n",
    b"null\n",
    b"[]\n",
    b"{}\n",
    b"[" * 60_000 + b"\n",
    b"x" * 1_000_000,
    b"1" * 60_000 + b"\n",
    b'{"process": "4"}\n',
    b'{"process": 4}\n{"armed": "x", "known": 5}\n',
    b'{"process": 4}\n{"armed": -1, "known": [[], {}, null, "nobody"]}\nnonsense\n',
    b'{"call": 0}\n',
    b'{"call": 99, "process": 4, "args": [], "kwargs": {}}\n',
    b'{"call": 0, "process": 4, "args": {}, "kwargs": []}\n',
    b'{"call": 1e999, "process": null, "args": [], "kwargs": {}}\n',
    b'{"wait": 99, "process": 4, "name": "x"}\n',
    b'{"wait": 0, "process": 4, "name": 7}\n',
]


def test_strangers_at_the_socket_do_no_harm(shop):
    """Whatever comes from the socket, the test goes on, and so does its work with children."""
    with Faults() as faults, contextlib.ExitStack() as stack:
        injection = faults.inject("shop:plain", "1*return('struck')")
        path = faults.environment()["RESILIENCE_FAULTS"]
        strangers = []
        for said in HOSTILE:
            strangers.append(stack.enter_context(socket.socket(socket.AF_UNIX)))
            strangers[-1].connect(path)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                strangers[-1].sendall(said)
        with child_of(faults) as child:
            assert child.ask("plain()") == "struck"
            assert child.ask("plain()") == "plain 0"
        assert len(injection.calls) == 2


@pytest.mark.filterwarnings("ignore:calls were still held")  # as the thread may not have seen yet that they are gone
def test_strangers_are_no_more_than_a_test_can_bear(shop):
    """Connections beyond a number are closed at once, and those that wait at a fault end with it."""
    with Faults() as faults, contextlib.ExitStack() as stack:
        paused = faults.inject("shop:plain", "pause", strict=False)
        path = faults.environment()["RESILIENCE_FAULTS"]
        for _ in range(700):
            stranger = stack.enter_context(socket.socket(socket.AF_UNIX))
            stranger.connect(path)
            with contextlib.suppress(BrokenPipeError):
                stranger.sendall(json.dumps({"wait": 0, "process": 1, "name": "\ud800\n"}).encode() + b"\n")
        with contextlib.suppress(ConnectionResetError):
            assert stranger.recv(1) == b""
        paused.wait_reached(400)
    assert threading.active_count() < 50

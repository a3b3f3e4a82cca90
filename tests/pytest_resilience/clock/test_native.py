"""Redirecting C functions while other threads call them."""

from __future__ import annotations

import pytest

FORMAT_TIME_WHILE_CLOCKS_OPEN = """
import faulthandler, sys, threading, time
from pytest_resilience.clock import VirtualClock
from pytest_resilience.clock._reach import native, real

def give_way(frame, event, argument):
    if event in {"c_call", "line"} and frame.f_code.co_filename == native.__file__:
        before = formatted
        while formatted < before + 2:  # one call may have been under way
            real.sleep(0.00001)
    return give_way

def format_time(localtime=time.localtime):  # as the formatter of each log line does
    global formatted
    while not stop.is_set():
        localtime()
        formatted += 1

faulthandler.enable()
sys.setswitchinterval(0.0001)
watch = getattr(sys, sys.argv[1])
with VirtualClock():
    pass
stop, formatted = threading.Event(), 0
outside = threading.Thread(target=format_time)
outside.start()
for _ in range(2):
    watch(give_way)
    with VirtualClock():
        watch(None)
        time.sleep(3600)
        watch(give_way)
    watch(None)
stop.set()
outside.join()
print("survived")
"""


@pytest.mark.parametrize("watch", ["setprofile", "settrace"])
def test_a_thread_that_formats_the_time_while_a_clock_opens_and_closes(run_program, watch):
    """Wherever the opening thread may lose the processor, no other thread finds a half-patched function and crashes."""
    run = run_program(FORMAT_TIME_WHILE_CLOCKS_OPEN, watch)
    assert (run.returncode, run.stdout, run.stderr) == (0, "survived\n", "")

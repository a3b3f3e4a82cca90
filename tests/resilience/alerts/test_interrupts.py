"""Exceptions that a signal handler raises in the midst of alerting, at each instruction where one can."""

from __future__ import annotations

import itertools
import os
import sys
import textwrap
import threading

import pytest

from resilience._alerts.admission.admission import Admission
from resilience._alerts.admission.limiter import StormCap, WindowLimiter
from resilience._alerts.delivery.cooldowns import Cooldowns
from resilience._alerts.discord.webhook_url import Webhook
from tests.resilience.alerts.interrupts import CRASHES, interruptions

pytestmark = pytest.mark.skipif(CRASHES, reason="from time to time CPython 3.12 crashes where a handler ends tracing")

numbers = itertools.count()


def windows():
    """Windows, with little room for them."""
    limiter = WindowLimiter(capacity=2)
    return lambda: limiter.claim(f"{next(numbers)}")


def storm():
    """The storm cap."""
    cap = StormCap()
    return lambda: cap.admit(f"{next(numbers)}", 1)


def admission():
    """Windows, storm cap and counts together."""
    admission = Admission()

    def ask():
        admission.grants("s")
        admission.count_suppressed(1)
        admission.take_suppressed("s")

    return ask


def cooldowns():
    """What is known about webhooks."""
    cooldowns = Cooldowns()

    def use():
        cooldowns.count_sent(Webhook("1", "t"))
        cooldowns.begin(None, 1, "full")
        cooldowns.of(Webhook("1", "t"))

    return use


# An interruption may strike a callback of a weak reference, which lets nothing out but a warning.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("make", [windows, storm, admission, cooldowns])
def test_no_lock_is_kept(make):
    """Whenever a question is broken off, every other thread can go on asking."""
    use = make()
    count = 0
    for count in interruptions(use):  # noqa: B007  # its last value tells that there were some
        other = threading.Thread(target=use, daemon=True)
        other.start()
        other.join(60)
        assert not other.is_alive()
    assert count > 5


PROGRAM = """
import logging, sys, threading
from resilience._alerts.delivery.dispatcher import Dispatcher
from tests.resilience.alerts.fake_alert import FakeAlert
from tests.resilience.alerts.interrupts import interruptions

class Sink:
    most_per_message = 10
    def __init__(self):
        self.taken = []
    def cooldown(self):
        return None
    def send(self, alerts, *, again):
        self.taken += [alert.text for alert in alerts]
    def close(self):
        pass

def new(linger_s):
    global dispatcher, sinks
    dispatcher, sinks = Dispatcher(linger_s=linger_s), [Sink(), Sink()]

def put():
    global broken
    broken = FakeAlert(f"broken {count}")
    dispatcher.put(broken, sinks)

def settle(what):
    assert dispatcher.flush(60), f"{what}: what is on its way stays there"
    assert broken.finished.is_open or all(broken.text not in sink.taken for sink in sinks), f"{what}: it is not settled"
    dispatcher.put(FakeAlert("next"), sinks)
    assert dispatcher.flush(60), f"{what}: the next alert does not leave"
    assert [sink.taken[-1] for sink in sinks] == ["next", "next"], f"{what}: the next alert is not delivered"

logging.disable()
sys.unraisablehook = lambda _unraisable: None
count, broken = 0, FakeAlert()
broken.abandoned()
"""


@pytest.fixture
def run(run_program):
    """Runs a program whose threads may be left hanging, and returns the number that it prints."""

    def run(program):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        ended = run_program(PROGRAM + textwrap.dedent(program), environment=environment)
        assert (ended.returncode, ended.stderr) == (0, "")
        return int(ended.stdout)

    return run


def test_a_first_alert_that_is_broken_off_leaves_a_destination_that_works(run):
    """Wherever the start of a delivering thread is broken off, the next alert is delivered, and so is what was queued."""
    assert (
        run(
            """
            new(0.0)
            for count in interruptions(put):
                settle(count)
                new(0.0)
            print(count)
            """
        )
        > 100
    )


def test_an_alert_that_is_broken_off_loses_no_wake_up(run):
    """Wherever the queueing for a waiting thread is broken off, what was queued is delivered at once, by that thread."""
    assert (
        run(
            """
            new(3600.0)
            put()
            for count in interruptions(put):
                settle(count)
                assert sum(thread.name == "resilience-alerts" for thread in threading.enumerate()) == len(sinks), count
            print(count)
            """
        )
        > 30
    )


def test_an_alert_that_is_broken_off_may_alert_again(run):
    """Wherever a failing call's alert is broken off, it is delivered or its window is free."""
    assert (
        run(
            """
            from resilience import alerts
            from resilience._alerts.system import current
            from resilience._config import configure
            from resilience._policy import Policy
            from resilience.events import Call

            class Inbox:
                def notify(self, alert):
                    delivered.add(alert.text.splitlines()[5].rpartition(" ")[2])

            def fail():
                policy = Policy(kind="connection", max_attempts=101, resource="Redis", action="connect", wait=None)
                call = Call("Redis.connect", "connect", policy, "0", 0)
                current().alert(call, 50, ConnectionError(f"{count}"))

            delivered = set()
            configure(notifiers=[Inbox()], max_alerts_per_minute=10**6)
            with alerts.isolated():
                for interrupted in interruptions(fail):
                    fail()
                    assert alerts.flush(60)
                    assert f"{count}" in delivered, count
                    count = interrupted
            print(count)
            """
        )
        > 100
    )

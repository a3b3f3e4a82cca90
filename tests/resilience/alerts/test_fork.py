"""Forking at the worst moment: while something is imported late, and while another thread holds a lock."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from resilience import _config as config
from resilience._alerts.admission.limiter import StormCap, WindowLimiter
from resilience._alerts.admission.redis import RedisLimiter
from resilience._alerts.delivery.cooldowns import Cooldowns
from resilience._alerts.discord.webhook_url import Webhook
from resilience.events import CallEnded, EventStream
from tests.resilience.alerts.fake_alert import FakeAlert

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

HALF_IMPORTED = """
import logging, os, signal, sys, threading
import click, email.message, h11, http.cookiejar, idna, ssl, trio, urllib.request  # as httpx does, in each process
import resilience

logging.disable()

class Cooldown:
    def find_spec(self, name, path, target=None):
        if name == module and not begun.is_set():
            begun.set()
            forking.wait()
        if forked.is_set():
            threading.Event().wait()  # what becomes of the parent's own alert does not matter

@resilience.conn_retry("Redis", "connect", max_retry=0)
def connect(message):
    raise ConnectionError(message)

def fail(message):
    try:
        connect(message)
    except ConnectionError:
        pass

def alert():
    signal.alarm(60)
    arrived = threading.Event()
    def handle_request(self, request):
        print(module, b"child" in request.read(), flush=True)
        arrived.set()
        return httpx.Response(204)
    import httpx
    httpx.HTTPTransport.handle_request = handle_request
    fail("child")
    arrived.wait(60)

def fork_amid_an_alert():
    global forking, forked, begun
    forking, forked, begun = threading.Event(), threading.Event(), threading.Event()
    sys.meta_path.insert(0, Cooldown())
    os.register_at_fork(before=forking.set, after_in_parent=forked.set)  # called before what was registered earlier
    threading.Thread(target=fail, args=("parent",), daemon=True).start()
    begun.wait()
    in_child(alert)

def in_child(work):
    if (child := os.fork()) == 0:
        work()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

for module in sys.argv[1:]:
    in_child(fork_amid_an_alert)
"""


def test_a_child_that_is_forked_amid_the_first_alert_alerts_itself(run_importing):
    """While a thread still imports what its alert needs, a fork waits, so that nothing is half imported in the child."""
    modules = "resilience._alerts.system", "resilience._alerts.discord.client", "httpcore", "resilience._secrets.rules"
    settings = {
        "RESILIENCE_DISCORD_WEBHOOK_URL": "https://discord.com/api/webhooks/1/token",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "",
    }
    ended = run_importing(HALF_IMPORTED, *modules, warnings="ignore", environment=os.environ | settings)
    assert ended.stdout.splitlines() == [line for each in modules for line in (f"{each} True", "0", "0")]


def claim(limiter):
    limiter.claim("s")


def admit(storm):
    storm.admit("place", 1)


def ask(cooldowns):
    cooldowns.of(Webhook("1", "t"))


def confirm(fleet):
    fleet.confirm("s")


def subscribe(stream):
    stream.subscribe(lambda _event: None, CallEnded)


def configure(_module):
    config.configure(service_name=None)


def write(alert):
    assert alert.alert


LOCKED = {
    "windows": (WindowLimiter(), "_lock", claim),
    "storm cap": (StormCap(), "_lock", admit),
    "cooldowns": (Cooldowns(), "_lock", ask),
    "fleet": (RedisLimiter("unix:///nowhere", WindowLimiter()), "_lock", confirm),
    "events": (EventStream(), "_changing", subscribe),
    "settings": (config, "_telling", configure),
}


def in_child(work, argument):
    """Fork, do the work in the child, and tell whether it came to an end."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        work(argument)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("what", LOCKED)
def test_a_child_is_not_locked_out_by_a_thread_of_its_parent(what):
    """What was locked by another thread at the moment of a fork works in the child."""
    owner, name, use = LOCKED[what]
    locked, done = threading.Event(), threading.Event()

    def hold_the_lock():
        with getattr(owner, name):
            locked.set()
            done.wait()

    thread = threading.Thread(target=hold_the_lock)
    thread.start()
    locked.wait()
    try:
        assert in_child(use, owner)
    finally:
        done.set()
        thread.join()


def test_a_fork_in_the_midst_of_a_change_leaves_its_own_lock_usable():
    """The thread that forks while it holds a lock itself can give it back in the child."""
    stream = EventStream()
    usable = 1
    try:
        with stream._changing:
            child = os.fork()
        subscribe(stream)
        usable = 0
    finally:
        if child == 0:
            os._exit(usable)
    assert os.waitpid(child, 0)[1] == 0


def test_an_alert_that_another_thread_is_writing_at_a_fork_is_written_in_the_child():
    """Writing an alert takes no lock that a fork could leave locked, not even that of the alert's class."""
    writing, done = threading.Event(), threading.Event()

    def wait():
        writing.set()
        done.wait()

    thread = threading.Thread(target=lambda: FakeAlert("a", writing=wait).alert)
    thread.start()
    writing.wait()
    other = FakeAlert("b")
    try:
        assert in_child(write, other)
    finally:
        done.set()
        thread.join()

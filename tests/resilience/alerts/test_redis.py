"""One window for a fleet, kept by a real Redis."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from resilience._alerts.admission import redis as alerts_redis
from resilience._alerts.admission import redis_url
from resilience._alerts.admission.limiter import WindowLimiter
from resilience._alerts.admission.redis import RedisLimiter


@pytest.fixture
def fleet(clock):
    """Close the limiters that a test makes, each of which stands for a process."""
    limiters = []
    yield limiters
    for each in limiters:
        each.close()


def process_of(fleet, server):
    """Make what another process of the fleet has."""
    fleet.append(RedisLimiter(server.url, WindowLimiter()))
    return fleet[-1]


# What every limiter must do, in memory or in Redis.


@pytest.fixture(params=["memory", "redis"])
def limiter(request):
    """Both limiters, one after the other."""
    if request.param == "memory":
        return WindowLimiter()
    return process_of(request.getfixturevalue("fleet"), request.getfixturevalue("server"))


@pytest.fixture
def pass_time(limiter, clock, request):
    """Move the time of the limiter on."""

    def pass_time(seconds):
        clock.advance(seconds)
        if isinstance(limiter, RedisLimiter):
            request.getfixturevalue("server").advance(seconds)

    return pass_time


def test_a_limiter_grants_one_claim_per_window(limiter, pass_time):
    """The first claim is granted, none in the window, and again one when it is over."""
    answers = [limiter.claim("s"), limiter.claim("s")]
    pass_time(299)
    answers.append(limiter.claim("s"))
    pass_time(1)
    answers += [limiter.claim("s"), limiter.claim("s")]
    assert answers == [True, False, False, True, False]


@pytest.mark.parametrize("signature", ["", "a" * 10_000, "new\nline", "\ud800 lone", "nul \0", "🚨", "{x} %s * ?"])
def test_a_limiter_takes_any_signature(limiter, signature):
    """No text is too odd for a signature, and none is mixed up with another."""
    assert [limiter.claim(signature), limiter.claim(signature + "x"), limiter.claim(signature)] == [True, True, False]


def test_a_limiter_grants_one_of_many_threads(limiter):
    """Of 16 threads that ask at the same time, one is granted."""
    granted, together = [], threading.Barrier(16)

    def claim():
        together.wait()
        if limiter.claim("s"):
            granted.append(1)

    threads = [threading.Thread(target=claim) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert granted == [1]


@pytest.mark.slow
def test_both_limiters_agree(server):
    """Whatever is claimed by whichever process, and however time passes, a fleet behaves like one process."""

    class Fleet(RuleBasedStateMachine):
        @initialize()
        def begin(self):
            self.undo, self.now = pytest.MonkeyPatch(), 10**18
            self.undo.setattr("time.monotonic_ns", lambda: self.now)
            server.client.flushall()
            self.model = WindowLimiter()
            self.processes = [RedisLimiter(server.url, WindowLimiter()) for _ in range(3)]

        @rule(process=st.integers(0, 2), signature=st.sampled_from("ab"))
        def claim(self, process, signature):
            assert self.processes[process].claim(signature) == self.model.claim(signature)

        @rule(seconds=st.sampled_from([50, 100, 150, 300]))
        def pass_time(self, seconds):
            self.now += seconds * 10**9
            server.advance(seconds)

        @precondition(lambda self: hasattr(self, "processes"))
        @rule(process=st.integers(0, 2))
        def restart(self, process):
            self.processes[process].close()
            self.processes[process] = RedisLimiter(server.url, WindowLimiter())

        def teardown(self):
            if hasattr(self, "undo"):
                self.undo.undo()
                for each in self.processes:
                    each.close()

    Fleet.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
    Fleet.TestCase("runTest").runTest()


# What only the fleet's limiter can do.


def test_a_fleet_alerts_once_per_window(fleet, server):
    """What one process has claimed, another can't."""
    assert [process_of(fleet, server).claim("s") for _ in range(5)] == [True, False, False, False, False]


def test_a_refused_process_waits_no_longer_than_the_fleet(fleet, server, clock):
    """Who was refused late in the window may alert when the fleet's window ends, and not a full window later."""
    first, late = process_of(fleet, server), process_of(fleet, server)
    first.claim("s")
    clock.advance(200)
    server.advance(200)
    assert not late.claim("s")
    clock.advance(100)
    server.advance(100)
    assert late.claim("s")


def test_a_process_asks_redis_once_per_window(fleet, server):
    """In its window a process knows the answer: Redis hears nothing of its further claims."""
    process = process_of(fleet, server)
    process.claim("s")
    asked = server.client.info("commandstats")["cmdstat_set"]["calls"]
    assert not any(process.claim("s") for _ in range(10))
    assert server.client.info("commandstats")["cmdstat_set"]["calls"] == asked


def test_nothing_of_a_signature_is_readable_in_redis(fleet, server):
    """Keys hold no message, and every key expires with its window."""
    process_of(fleet, server).claim("billing:charge:DatabaseError:password=hunter2")
    (key,) = server.client.keys()
    assert key.startswith(b"resilience:alert:")
    assert b"hunter2" not in key + server.client.get(key)
    assert 0 < server.client.pttl(key) <= 300_000


def messages(caplog):
    """Return the log lines with their levels."""
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "resilience"]


def test_without_redis_each_process_keeps_its_own_window(fleet, mortal_server, caplog, clock):
    """Redis dies: claims go on at once, each process by itself, and each says so once; then it is shared again."""
    caplog.set_level("INFO", "resilience")
    one, other = process_of(fleet, mortal_server), process_of(fleet, mortal_server)
    assert [one.claim("before"), other.claim("before")] == [True, False]
    mortal_server.stop()
    assert [one.claim(f"{number}") for number in range(3)] == [True, True, True]
    assert [other.claim("0"), other.claim("0"), one.claim("0")] == [True, False, False]
    downs = [message for level, message in messages(caplog) if level == "WARNING"]
    assert len(downs) == 2
    assert all(
        each.startswith("The alert window is not shared with other processes for now, each keeps its own: ")
        for each in downs
    )
    mortal_server.start()
    assert one.claim("not asked yet")
    assert mortal_server.client.keys() == []
    clock.advance(30)
    assert [one.claim("shared again"), other.claim("shared again")] == [True, False]
    assert messages(caplog)[2:] == [("INFO", "The alert window is shared with other processes again")] * 2


def test_an_answer_without_end_is_cut_off(fleet, monkeypatch, caplog):
    """A Redis whose answer comes byte by byte and does not end takes as long as an exchange may, and no longer."""
    monkeypatch.setattr(alerts_redis, "_EXCHANGE_S", 0.01)
    over = threading.Event()

    def drip():
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"+")
            while not over.wait(0.01):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        dripping = threading.Thread(target=drip)
        dripping.start()
        fleet.append(RedisLimiter(f"redis://127.0.0.1:{listening.getsockname()[1]}", WindowLimiter()))
        try:
            assert fleet[-1].claim("s")
        finally:
            over.set()
            dripping.join()
    (message,) = [message for _, message in messages(caplog)]
    assert message.endswith(": TimeoutError: no whole answer within 0.01 s")


def test_an_answer_that_is_too_long_is_cut_off(fleet, monkeypatch, caplog):
    """A Redis that answers with a text of a gigabyte is broken off long before that, and the alert is granted."""
    monkeypatch.setattr(alerts_redis, "_EXCHANGE_S", 300)
    sent = 0

    def flood():
        nonlocal sent
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            connection.sendall(b"$1000000000\r\n")
            while True:
                sent += connection.send(b"x" * 65_536)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        flooding = threading.Thread(target=flood)
        flooding.start()
        fleet.append(RedisLimiter(f"redis://127.0.0.1:{listening.getsockname()[1]}?protocol=2", WindowLimiter()))
        assert fleet[-1].claim("s")
        fleet[-1].close()
        flooding.join()
    (message,) = [message for _, message in messages(caplog)]
    assert "the answer is longer than 65536 bytes" in message
    assert sent < 50_000_000


@pytest.mark.parametrize("expiry", [{}, {"px": 10**12}], ids=["none", "in thirty years"])
def test_a_key_that_does_not_expire_in_time_silences_for_one_window(fleet, server, clock, expiry):
    """A key that something else has left without an end, or with one that is far away, gets that of a window."""
    process_of(fleet, server).claim("s")
    (key,) = server.client.keys()
    server.client.set(key, "something else", **expiry)
    process = process_of(fleet, server)
    assert not process.claim("s")
    assert 0 < server.client.pttl(key) <= 300_000
    clock.advance(300)
    server.advance(300)
    assert process.claim("s")


def test_an_answer_of_another_form_grants_the_alert(fleet, server, caplog, clock, monkeypatch):
    """A Redis that answers what no Redis answers counts as none."""
    monkeypatch.setattr("redis.client.Pipeline.execute", lambda _pipeline: [None, "soon"])
    assert process_of(fleet, server).claim("s")
    assert [message.rpartition(": ")[2] for _, message in messages(caplog)] == ["its answer has another form"]


def test_a_hanging_redis_costs_a_time_out_once(fleet, mortal_server, monkeypatch, caplog):
    """A Redis that takes connections and never answers is left alone after the first time-out."""
    monkeypatch.setattr(redis_url, "_TIMEOUT_S", 0.01)
    process = process_of(fleet, mortal_server)
    mortal_server.suspend()
    assert process.claim("a")
    monkeypatch.setattr(RedisLimiter, "_take", lambda *_args: pytest.fail("asked again"))
    assert process.claim("b")
    assert [level for level, _ in messages(caplog)] == ["WARNING"]


def test_a_password_in_the_url_is_not_told(fleet, caplog, clock):
    """What is said about a Redis that can't be reached holds no password."""
    fleet.append(RedisLimiter("redis://user:hunter2@127.0.0.1:1/0", WindowLimiter()))
    assert fleet[0].claim("s")
    assert "hunter2" not in caplog.text


def test_without_the_extra_that_is_said(fleet, caplog, clock, monkeypatch):
    """Where the client library is not installed, alerts go on, and the warning says what to install."""
    monkeypatch.setitem(sys.modules, "redis", None)
    fleet.append(RedisLimiter("redis://127.0.0.1:1/0", WindowLimiter()))
    assert fleet[0].claim("s")
    assert messages(caplog) == [
        (
            "WARNING",
            (
                "The alert window is not shared with other processes for now, each keeps its own: MissingExtraError: "
                "sharing the alert window through Redis needs an optional dependency: "
                "pip install 'pytest-resilience[redis]'"
            ),
        )
    ]

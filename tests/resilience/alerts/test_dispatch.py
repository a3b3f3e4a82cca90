"""The threads behind the lines: when they run, what waits for them, and what ends them."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from resilience._alerts.delivery.dispatcher import Dispatcher
from tests.resilience.alerts.fake_alert import FakeAlert


class Gate:
    """A destination that takes alerts only while its gate is open."""

    most_per_message = 1

    def __init__(self, *, is_open=True):
        self.taken = []
        self.threads = set()
        self.entered = threading.Event()
        self.gate = threading.Event()
        if is_open:
            self.gate.set()

    def cooldown(self):
        """Never wait."""
        return

    def send(self, alerts, *, again):
        """Wait for the gate."""
        self.threads.add(threading.current_thread())
        self.entered.set()
        self.gate.wait()
        self.taken += [each.text for each in alerts]

    def close(self):
        """Do nothing."""


def alert_threads():
    """Return the threads that alerting has running."""
    return [each for each in threading.enumerate() if each.name == "resilience-alerts"]


def test_there_is_a_thread_only_while_something_is_on_its_way():
    """No thread before the first alert, one while it is delivered, and none afterwards unless it is to linger."""
    before, dispatcher, gate = alert_threads(), Dispatcher(), Gate(is_open=False)
    dispatcher.put(FakeAlert(), [gate])
    gate.entered.wait()
    (thread,) = set(alert_threads()) - set(before)
    assert thread.daemon
    gate.gate.set()
    assert dispatcher.flush(None)
    thread.join()
    assert gate.taken == ["a"]


def test_alerts_for_several_destinations_never_put_two_threads_on_one_of_them():
    """What is sent to a destination beside others waits in its one line, however often that is done."""
    dispatcher, first, second = Dispatcher(), Gate(is_open=False), Gate()
    for _ in range(3):
        dispatcher.put(FakeAlert(), [first, second])
    first.entered.wait()
    first.gate.set()
    assert dispatcher.flush(None)
    assert (len(first.threads), len(first.taken), len(second.taken)) == (1, 3, 3)


def test_putting_never_waits_for_a_destination():
    """While a destination hangs, alerts are queued and the caller goes on."""
    dispatcher, gate = Dispatcher(), Gate(is_open=False)
    for text in "abc":
        dispatcher.put(FakeAlert(text), [gate])
    gate.entered.wait()
    assert gate.taken == []
    gate.gate.set()
    assert dispatcher.flush(None)
    assert gate.taken == ["a", "b", "c"]
    assert len(gate.threads) == 1


def test_a_hanging_destination_delays_no_other():
    """Each destination has its own thread: one gets the alert, which is delivered then."""
    dispatcher, stuck, free = Dispatcher(), Gate(is_open=False), Gate()
    both = FakeAlert()
    dispatcher.put(both, [stuck, free])
    assert dispatcher.wait(both, 60)
    stuck.entered.wait()
    assert (stuck.taken, free.taken) == ([], ["a"])
    stuck.gate.set()
    assert dispatcher.flush(None)
    assert (stuck.taken, free.taken) == (["a"], ["a"])


def test_each_of_several_destinations_has_one_thread():
    """Alerts in a row for the same two destinations are taken by one thread for each, in their order."""
    dispatcher, gates = Dispatcher(), [Gate(is_open=False), Gate(is_open=False)]
    for text in "abc":
        dispatcher.put(FakeAlert(text), gates)
        for gate in gates:
            gate.entered.wait()
    for gate in gates:
        gate.gate.set()
    assert dispatcher.flush(None)
    assert [(gate.taken, len(gate.threads)) for gate in gates] == [(["a", "b", "c"], 1)] * 2


def test_flush_tells_whether_everything_has_left():
    """Flushing is true with nothing on its way, and false when the time is up before that."""
    dispatcher, gate = Dispatcher(), Gate(is_open=False)
    assert dispatcher.flush(0)
    dispatcher.put(FakeAlert(), [gate])
    assert not dispatcher.flush(0)
    gate.gate.set()
    assert dispatcher.flush(None)


def test_waiting_tells_whether_one_alert_has_arrived():
    """Waiting for a delivery ends when it is settled, or when the time is up."""
    dispatcher, gate = Dispatcher(), Gate(is_open=False)
    first = FakeAlert()
    dispatcher.put(first, [gate])
    assert not dispatcher.wait(first, 0)
    gate.gate.set()
    first.settled.wait()
    assert dispatcher.wait(first, 0)
    assert dispatcher.flush(None)


def test_alerts_from_many_threads_arrive_once_each():
    """Nothing is lost or doubled when threads put alerts while lines end and begin."""
    dispatcher, gate = Dispatcher(), Gate()

    def put(worker):
        for number in range(50):
            dispatcher.put(FakeAlert(f"{worker}-{number}"), [gate])
            if number % 10 == worker % 10:
                dispatcher.flush(None)

    threads = [threading.Thread(target=put, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dispatcher.flush(None)
    assert sorted(gate.taken) == sorted(f"{worker}-{number}" for worker in range(8) for number in range(50))


def test_stopping_waits_for_the_message_that_is_being_sent(monkeypatch):
    """A stopped dispatcher finishes what it was sending, returns the rest, and leaves no thread."""
    dispatcher, gate = Dispatcher(), Gate(is_open=False)
    rest = FakeAlert("b")
    dispatcher.put(FakeAlert("a"), [gate])
    gate.entered.wait()
    dispatcher.put(rest, [gate])
    join = threading.Thread.join
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "join", lambda thread, timeout: (gate.gate.set(), join(thread, timeout))[1])
        left = dispatcher.stop(60)
    assert (gate.taken, left) == (["a"], [rest])
    assert not any(each.is_alive() for each in gate.threads)


def test_where_no_thread_can_start_whoever_waits_does_the_work(monkeypatch):
    """At the end of the interpreter, or with too many threads, flushing delivers in the flushing thread."""
    dispatcher, gate = Dispatcher(), Gate()

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        dispatcher.put(FakeAlert("a"), [gate])
        dispatcher.put(FakeAlert("b"), [gate])
    assert gate.taken == []
    assert dispatcher.flush(None)
    assert gate.taken == ["a", "b"]
    assert gate.threads == {threading.current_thread()}


def test_where_no_thread_can_start_flushing_is_bounded_all_the_same(monkeypatch):
    """Whoever flushes with no time to spare does not begin to send, and the alert is still there afterwards."""
    dispatcher, gate, one = Dispatcher(), Gate(is_open=False), FakeAlert("a")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", lambda _thread: (_ for _ in ()).throw(RuntimeError("no thread")))
        dispatcher.put(one, [gate])
    assert not dispatcher.flush(0)
    assert not dispatcher.wait(one, 0)
    gate.gate.set()
    assert dispatcher.flush(None)
    assert gate.taken == ["a"]


def test_a_destination_that_is_no_longer_used_is_let_go():
    """Once its line has ended and another destination has a new one, nothing here keeps the first."""
    dispatcher, old = Dispatcher(), Gate()
    dispatcher.put(FakeAlert(), [old])
    assert dispatcher.flush(None)
    for thread in old.threads:
        thread.join()
    gone = weakref.ref(old)
    del old
    dispatcher.put(FakeAlert(), [Gate()])
    gc.collect()
    assert gone() is None
    assert dispatcher.flush(None)


@pytest.mark.parametrize("again", range(3))
def test_a_line_that_ended_is_followed_by_another(again):
    """After everything has left, the next alert is delivered like the first."""
    dispatcher, gate = Dispatcher(), Gate()
    for text in "ab":
        dispatcher.put(FakeAlert(text), [gate])
        assert dispatcher.flush(None)
        for thread in gate.threads:
            thread.join()
    assert gate.taken == ["a", "b"]
    assert len(gate.threads) == 2


def test_a_lingering_thread_takes_the_next_alert():
    """Where threads linger, alerts in a row cost one thread, and none of them counts as on its way for it."""
    dispatcher, gate = Dispatcher(linger_s=3600), Gate()
    for text in "abc":
        dispatcher.put(FakeAlert(text), [gate])
        assert dispatcher.flush(None)
    (thread,) = gate.threads
    assert thread.is_alive()
    assert dispatcher.stop(60) == []
    assert not thread.is_alive()
    assert gate.taken == ["a", "b", "c"]

"""The event stream: what is reported of a call, to whom, and what a listener can't do."""

from __future__ import annotations

import dataclasses
import functools
import re
import threading

import pytest
import tenacity

from resilience import conn_retry, continuous_retry, create_retry_decorator, subscribe
from resilience import events as events_module
from resilience.events import AttemptFailed, CallEnded, CallStarted, Event

NO_WAIT = tenacity.wait_none()


def set_event():
    """An event that is set already."""
    event = threading.Event()
    event.set()
    return event


ENDS = {
    "succeeded": (create_retry_decorator(), ["stock"], ("succeeded", None, 1)),
    "recovered": (create_retry_decorator(wait=NO_WAIT), [KeyError, "stock"], ("recovered", None, 2)),
    "attempts": (create_retry_decorator(3, wait=NO_WAIT), [KeyError], ("gave_up", "attempts", 3)),
    "attempts without reraise": (create_retry_decorator(1, reraise=False), [KeyError], ("gave_up", "attempts", 1)),
    "deadline": (
        create_retry_decorator(timeout=1.0, wait=tenacity.wait_fixed(2)),
        [KeyError],
        ("gave_up", "deadline", 1),
    ),
    "excluded": (create_retry_decorator(3, KeyError), [KeyError], ("gave_up", "excluded", 1)),
    "excluded later": (
        create_retry_decorator(3, KeyError, wait=NO_WAIT),
        [ValueError, KeyError],
        ("gave_up", "excluded", 2),
    ),
    "not retried": (create_retry_decorator(retry_on=OSError), [KeyError], ("gave_up", "excluded", 1)),
    "stop on": (continuous_retry(stop_on=KeyError), [KeyError], ("gave_up", "excluded", 1)),
    "stop event": (continuous_retry(stop_event=set_event()), [KeyError], ("gave_up", "stop_event", 1)),
    "cancelled": (create_retry_decorator(), [GeneratorExit], ("cancelled", "cancelled", 1)),
    "cancelled later": (create_retry_decorator(wait=NO_WAIT), [KeyError, GeneratorExit], ("cancelled", "cancelled", 2)),
    "connection": (conn_retry("Redis", "connect", 1, wait=NO_WAIT), [KeyError], ("gave_up", "attempts", 2)),
    "connection at once": (conn_retry("Redis", "connect"), ["connection"], ("succeeded", None, 1)),
}


@pytest.mark.parametrize("end", ENDS)
def test_every_call_has_one_start_and_one_end(mode, events, end):
    """A call is reported as started once and as ended once, with its outcome, its reason and its attempts."""
    decorator, outcomes, expected = ENDS[end]
    fetch = decorator(mode.function(*outcomes))
    raised = None
    if expected[0] in {"succeeded", "recovered"}:
        mode.run(fetch)
    else:
        raised = mode.fails(fetch, BaseException)
        raised = raised.__cause__ or raised
    assert isinstance(events[0], CallStarted)
    assert all(isinstance(event, AttemptFailed) for event in events[1:-1])
    last = events[-1]
    assert isinstance(last, CallEnded)
    assert (last.outcome, last.reason, last.attempts) == expected
    assert last.error is raised
    assert len(events) == expected[2] + 1


@pytest.mark.parametrize("end", ENDS)
def test_the_end_alone_can_be_listened_to(mode, end):
    """Who listens to ends only hears of every one, whatever else is listened to."""
    decorator, outcomes, expected = ENDS[end]
    recorded = []
    stop = subscribe(recorded.append, CallEnded)
    fetch = decorator(mode.function(*outcomes))
    try:
        if expected[0] in {"succeeded", "recovered"}:
            mode.run(fetch)
        else:
            mode.fails(fetch, BaseException)
    finally:
        stop()
    assert [(event.outcome, event.reason, event.attempts) for event in recorded] == [expected]


@pytest.mark.parametrize("end", [end for end in ENDS if "succeeded" not in ENDS[end][2]])
@pytest.mark.parametrize("way", ["sync", "asyncio", "trio"])
def test_a_listener_for_which_successes_do_not_matter_hears_every_other_end(make_mode, way, end):
    """With ``every_call=False`` a call that is made directly is still reported as ended, unless it succeeds at once."""
    decorator, outcomes, expected = ENDS[end]
    mode = make_mode(way, warm=True)
    recorded = []
    stop = subscribe(recorded.append, CallEnded, every_call=False)
    fetch = decorator(mode.function(*outcomes))
    try:
        if expected[0] == "recovered":
            mode.run(fetch)
        else:
            mode.fails(fetch, BaseException)
    finally:
        stop()
    ended = [(event.outcome, event.reason, event.attempts) for event in recorded if event.outcome != "succeeded"]
    assert ended == [expected]


def test_failures_are_reported_with_their_waits(mode, events):
    """Each attempt that will be retried is reported with its number, its error and the wait that follows."""
    errors = [ConnectionError("first"), TimeoutError("second")]
    fetch = create_retry_decorator(wait=tenacity.wait_incrementing(5, 5))(mode.function(*errors, "stock"))
    mode.waits_of(fetch)
    mode.run(fetch)
    assert [(event.attempt, event.error, event.wait_s) for event in events[1:-1]] == [
        (1, errors[0], 5.0),
        (2, errors[1], 10.0),
    ]


def test_all_events_of_a_call_carry_the_same_call(mode, events):
    """Calls are told apart by identity."""
    fetch = create_retry_decorator(2, wait=NO_WAIT)(mode.function(KeyError))
    mode.fails(fetch)
    mode.fails(fetch)
    assert len({id(event.call) for event in events[:3]}) == 1
    assert len({id(event.call) for event in events}) == 2


def test_a_call_says_what_it_is_of(mode, events):
    """Place, function and policy are those of the decorated callable."""
    mode.run(create_retry_decorator(7, context="billing", max_wait=9.0)(mode.function("stock")))
    call = events[0].call
    assert (call.failpoint, call.function, call.conn_id) == ("shop.stock:fetch", "fetch", None)
    assert (call.policy.kind, call.policy.max_attempts, call.policy.max_wait) == ("retry", 7, 9.0)
    assert call.policy.context == "billing"


def test_a_connection_has_an_id(mode, events):
    """The call of a ``conn_retry`` has a connection id, and the failpoint of its resource."""
    mode.run(conn_retry("Redis", "connect", max_retry=7)(mode.function("connection")))
    call = events[0].call
    assert re.fullmatch("[0-9a-f]{8}", call.conn_id)
    assert (call.failpoint, call.policy.kind, call.policy.max_attempts) == ("Redis.connect", "connection", 8)


def test_times_never_go_back(mode, events):
    """Events are in the order of their times, and none is before the call began."""
    mode.fails(create_retry_decorator(5, wait=NO_WAIT)(mode.function(KeyError)))
    times = [events[0].call.started_ns, *(event.at_ns for event in events)]
    assert times == sorted(times)


def test_events_can_not_be_changed():
    """Events are frozen and slotted, so that no listener changes what the next one sees."""
    kinds = [each for each in vars(events_module).values() if isinstance(each, type) and dataclasses.is_dataclass(each)]
    assert len(kinds) >= 5
    for kind in kinds:
        assert vars(kind)["__dataclass_params__"].frozen
        assert "__slots__" in vars(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Event().at_ns = 3


def test_a_disabled_controller_reports_nothing(mode, events):
    """With tenacity's ``enabled=False`` the function is called as if it were undecorated."""
    fetch = create_retry_decorator()(mode.function(KeyError))
    mode.fails(fetch.retry_with(enabled=False), KeyError)
    assert events == []
    assert mode.attempts == 1


def test_unsubscribing_ends_it(mode):
    """The returned function ends the subscription, and may be called again."""
    heard = []
    end = subscribe(heard.append, CallEnded)
    fetch = create_retry_decorator()(mode.function("stock"))
    mode.run(fetch)
    end()
    end()
    mode.run(fetch)
    assert len(heard) == 1


def test_one_listener_may_have_two_subscriptions(mode):
    """Ending one of them leaves the other."""
    heard = []
    first = subscribe(heard.append, CallEnded)
    second = subscribe(heard.append, CallEnded)
    fetch = create_retry_decorator()(mode.function("stock"))
    try:
        mode.run(fetch)
        assert len(heard) == 2
        first()
        mode.run(fetch)
        assert len(heard) == 3
    finally:
        first()
        second()
    mode.run(fetch)
    assert len(heard) == 3


def test_a_listener_may_unsubscribe_itself(mode):
    """Ending a subscription from within the listener disturbs nobody."""
    heard = []

    def once(_event):
        heard.append("once")
        end_once()

    end_once = subscribe(once, CallEnded)
    end_other = subscribe(lambda _event: heard.append("other"), CallEnded)
    fetch = create_retry_decorator()(mode.function("stock"))
    try:
        mode.run(fetch)
        mode.run(fetch)
    finally:
        end_other()
    assert heard == ["once", "other", "other"]


def test_a_listener_may_make_calls_itself(sync_mode):
    """A decorated function that is called in a listener is a call like any other."""
    ended = []
    note = create_retry_decorator(2, wait=NO_WAIT)(sync_mode.function(KeyError, None, name="note"))

    def listener(event):
        ended.append(f"{event.call.function} {event.outcome}")
        if event.call.function == "fetch":
            note()

    end = subscribe(listener, CallEnded)
    try:
        sync_mode.run(create_retry_decorator()(sync_mode.function("stock")))
    finally:
        end()
    assert ended == ["fetch succeeded", "note recovered"]


def test_listeners_hear_in_the_order_in_which_they_came(sync_mode):
    """The first to subscribe is the first to hear."""
    heard = []

    def hear(number, _event):
        heard.append(number)

    ends = [subscribe(functools.partial(hear, number), CallEnded) for number in range(5)]
    try:
        sync_mode.run(create_retry_decorator()(sync_mode.function("stock")))
    finally:
        for end in ends:
            end()
    assert heard == [0, 1, 2, 3, 4]

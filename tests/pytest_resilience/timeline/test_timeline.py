"""The timeline: what it keeps, and how it reads."""

from __future__ import annotations

import threading

import pytest

from pytest_resilience import Faults, Timeline, VirtualClock, fail
from resilience import conn_retry, continuous_retry, create_retry_decorator
from resilience.alerts import isolated
from resilience.events import (
    AlertDelivered,
    AlertFailed,
    AlertRefused,
    AlertSuppressed,
    AttemptFailed,
    CallEnded,
    CallStarted,
    FaultInjected,
    NoWebhook,
    RecoveryDelivered,
    WindowShared,
    stream,
)


@conn_retry("Silo", "fill", max_retry=2, max_wait=4)
def fill():
    """Do it."""
    return "full"


@create_retry_decorator(max_attempts=100)
def many():
    """Do it."""
    return "many"


def a_call():
    """Return a call as events carry it."""
    with Timeline() as timeline:
        fill()
    ((_, started),) = timeline.of(CallStarted)
    return started.call


def lines_of(timeline):
    """Return the lines of the timeline's text, without their times."""
    return [line[14:] for line in str(timeline).splitlines()[1:]]


def test_an_empty_timeline_says_so():
    """Where nothing happened the text says that."""
    assert str(Timeline()) == "timeline, in seconds since the test began:\n              nothing happened"


def test_what_happened_reads_in_order_and_with_its_virtual_time():
    """A recovery, a give-up and a cancellation are told line by line."""
    with isolated(), VirtualClock() as clock, Timeline() as timeline, Faults(timeline) as faults:
        faults.inject(fill, "1*raise(OSError('dust'))->1*off->3*raise(OSError('dust'))->1*raise(KeyboardInterrupt)")
        clock.advance(1000)
        fill()
        with pytest.raises(OSError, match="dust"):
            fill()
        with pytest.raises(KeyboardInterrupt):
            fill()

    text = str(timeline)
    waits = [event.wait_s for _, event in timeline.of(AttemptFailed)]
    assert text.splitlines()[0] == "timeline, in seconds since the test began:"
    assert text.splitlines()[1] == "    1000.000  Silo.fill: call started"
    assert lines_of(timeline) == [
        "Silo.fill: call started",
        "Silo.fill: fault injected: raise(OSError('dust'))",
        f"Silo.fill: attempt 1 failed with OSError: dust, waits {waits[0]:.3f} s",
        "Silo.fill: recovered at attempt 2",
        "Silo.fill: call started",
        "Silo.fill: fault injected: raise(OSError('dust'))",
        f"Silo.fill: attempt 1 failed with OSError: dust, waits {waits[1]:.3f} s",
        "Silo.fill: fault injected: raise(OSError('dust'))",
        f"Silo.fill: attempt 2 failed with OSError: dust, waits {waits[2]:.3f} s",
        "Silo.fill: fault injected: raise(OSError('dust'))",
        "an alert was due and is not sent: there is neither a webhook nor a notifier",
        "Silo.fill: gave up (attempts) after 3 attempts with OSError: dust",
        "Silo.fill: call started",
        "Silo.fill: fault injected: raise(KeyboardInterrupt)",
        "Silo.fill: cancelled after 1 attempt with KeyboardInterrupt",
    ]


def test_alerts_are_told():
    """Delivered, held back and lost alerts are lines of the timeline."""
    call = a_call()
    with Timeline() as timeline:
        stream.emit(AlertSuppressed(call, 51))

    assert lines_of(timeline) == ["Silo.fill: alert held back at attempt 51"]
    timeline = Timeline()
    with timeline:
        for event in (AlertDelivered(call, 50), AlertFailed("Discord answered 500"), RecoveryDelivered(call, 61)):
            timeline._record(event)

    assert lines_of(timeline) == [
        "Silo.fill: alert delivered for attempt 50",
        "an alert could not be delivered: Discord answered 500",
        "Silo.fill: notice of the recovery delivered for attempt 61",
    ]


def test_what_happens_to_alerting_itself_is_told():
    """A refused text, a missing webhook, and a window that is no longer shared are lines of the timeline."""
    with Timeline() as timeline:
        stream.emit(AlertRefused("HTTP 400"))
        stream.emit(NoWebhook())
        stream.emit(NoWebhook(reason="this is a test"))
        stream.emit(WindowShared(shared=False, problem="ConnectionError: refused"))
        stream.emit(WindowShared(shared=True))

    assert lines_of(timeline) == [
        "an alert was refused, and is sent without its details: HTTP 400",
        "an alert was due and is not sent: there is neither a webhook nor a notifier",
        "an alert was due and is not sent: this is a test",
        "the alert window is not shared with other processes: ConnectionError: refused",
        "the alert window is shared with other processes again",
    ]


@pytest.mark.parametrize(("faults", "left_out"), [(12, None), (13, 2), (99, 260)])
def test_a_long_timeline_is_cut_in_the_middle(faults, left_out):
    """Beyond forty lines the first and the last twenty are shown, and how many are not."""
    with VirtualClock(), Timeline() as timeline, Faults(timeline) as armed:
        armed.inject(many, fail(OSError("x")).times(faults))
        many()
        many()
        for _ in range(6 if faults == 12 else 0):
            many()

    lines = lines_of(timeline)
    entries = len(timeline.entries)
    if entries <= 40:
        assert len(lines) == entries
    else:
        assert len(lines) == 41
        assert str(timeline).splitlines()[21] == f"         ...  {entries - 40} more"
        assert lines[0].endswith(":many: call started")
        assert lines[-1].endswith(":many: succeeded at attempt 1")


def test_secrets_and_control_characters_are_cleaned():
    """Neither an error, nor a script, nor a name can put a secret or a line of its own into the text."""
    hostile = "postgres://app:hunter2@db/orders\n       0.000  Silo.fill: succeeded at attempt 1"

    @conn_retry("Silo\nforged", "fill", max_retry=1, max_wait=0)
    def hostile_one():
        raise OSError(hostile)

    with Timeline() as timeline, Faults(timeline) as faults:
        faults.inject(hostile_one, fail(OSError(hostile)).times(1))
        with pytest.raises(OSError, match="postgres"):
            hostile_one()

    text = str(timeline)
    assert "hunter2" not in text
    assert "postgres://app:[redacted]@db/orders" in text
    assert len(text.splitlines()) == 1 + len(timeline.entries)


def test_long_errors_and_scripts_are_cut():
    """A line stays readable, however long the error or the action is."""
    with VirtualClock(), Timeline() as timeline, Faults(timeline) as faults:
        faults.inject(fill, fail(OSError("x" * 10_000)).times(1))
        fill()

    assert max(map(len, str(timeline).splitlines())) < 300


def test_events_are_found_by_their_type():
    """`of` gives the events of one type with their times."""
    with VirtualClock() as clock, Timeline() as timeline, Faults(timeline) as faults:
        clock.advance(3)
        faults.inject(fill, "1*raise(OSError('x'))")
        fill()

    ((at, fault),) = timeline.of(FaultInjected)
    assert (at, fault.failpoint, fault.action) == (3.0, "Silo.fill", "raise(OSError('x'))")
    ((_, end),) = timeline.of(CallEnded)
    assert (end.outcome, end.attempts) == ("recovered", 2)
    assert [type(entry.event) for entry in timeline.entries] == [CallStarted, FaultInjected, AttemptFailed, CallEnded]


def test_nothing_is_recorded_outside_the_block():
    """What happens before and after is not in the timeline, and nobody listens any more."""
    before = stream.observed
    fill()
    with Timeline() as timeline:
        pass
    fill()

    assert timeline.entries == []
    assert stream.observed == before


def test_timelines_nest():
    """An inner timeline takes nothing from an outer one."""
    with Timeline() as outer:
        with Timeline() as inner:
            fill()
        fill()

    assert (len(inner.entries), len(outer.entries)) == (2, 4)


def test_the_entries_are_the_reader_s_own():
    """Changing the list that `entries` returned changes nothing."""
    with Timeline() as timeline:
        fill()
        timeline.entries.clear()

    assert len(timeline.entries) == 2


def test_a_retry_without_end_is_told_while_it_runs():
    """A timeline can be read while calls are on their way in other threads."""
    stop = threading.Event()

    @continuous_retry(retry_delay=1.0, stop_event=stop)
    def consume():
        raise OSError("x")

    def run():
        with pytest.raises(OSError, match="x"):
            consume()

    with VirtualClock() as clock, Timeline() as timeline:
        thread = threading.Thread(target=run)
        thread.start()
        clock.advance(2.5)
        seen = len(timeline.of(AttemptFailed))
        stop.set()
        thread.join()

    assert seen == 3
    assert len(timeline.of(CallEnded)) == 1


def test_what_happened_around_a_time_is_shown_besides():
    """A failure in the middle of a long story is shown with its neighbours, not cut away."""

    @conn_retry("Sleigh", "pull")
    def pull():
        pass

    with VirtualClock(), Faults() as faults, Timeline() as timeline:
        faults.inject("Sleigh.pull", "100*raise(OSError)")
        pull()
    at = timeline.of(AttemptFailed)[49][0]
    lines = timeline.around(at).splitlines()
    shown = [line.partition("attempt ")[2].partition(" ")[0] for line in lines if "attempt" in line]
    assert {"1", "48", "49", "50", "51", "100"} <= set(shown)
    assert "30" not in shown
    gaps = [int(line.split()[1]) for line in lines if line.lstrip().startswith("...")]
    assert len(gaps) == 2
    assert len(lines) - 1 - len(gaps) + sum(gaps) == len(timeline.entries)

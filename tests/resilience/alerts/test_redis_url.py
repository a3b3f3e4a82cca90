"""``redis_url``: of all processes that are given one Redis, one alerts in a window."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

from resilience import alerts
from resilience.alerts import send_rate_limited_discord_alert, should_send_alert
from resilience.config import configured
from resilience.events import AlertDelivered, AlertSuppressed, AttemptFailed, Event, stream

REFUSED = ConnectionError("refused")


def test_the_configured_redis_is_asked(server):
    """With ``redis_url``, the public question is the fleet's."""
    answers = []
    with configured(redis_url=server.url):
        for _process in range(2):
            with alerts.isolated():
                answers.append(should_send_alert("f", REFUSED))
    assert answers == [True, False]


def test_an_alert_that_the_fleet_refuses_is_reported_as_held_back(server, make_call):
    """Where another process has alerted, the failing call's alert does not leave, and is reported as suppressed."""
    recorded: list[Event] = []
    end = stream.subscribe(recorded.append, AlertDelivered, AlertSuppressed)
    notified: list[alerts.Alert] = []
    with configured(redis_url=server.url, discord_webhook_url=None, notifiers=[Notifying(notified)]):
        for _process in range(2):
            with alerts.isolated():
                stream.emit(AttemptFailed(call=make_call(), attempt=50, error=REFUSED, wait_s=1.0))
                assert alerts.flush(None)
    end()
    assert [type(event) for event in recorded] == [AlertDelivered, AlertSuppressed]
    assert len(notified) == 1


def test_what_the_fleet_refuses_does_not_count_for_the_storm_cap(server, make_call):
    """A process whose alerts others have sent has its whole cap left for an outage of its own."""
    notified: list[alerts.Alert] = []
    settings = {"redis_url": server.url, "discord_webhook_url": None, "notifiers": [Notifying(notified)]}
    with configured(**settings, max_alerts_per_minute=3):
        for messages in ("abc", "abcd"):
            with alerts.isolated():
                for message in messages:
                    error = ConnectionError(message)
                    stream.emit(AttemptFailed(call=make_call(), attempt=50, error=error, wait_s=1.0))
                assert alerts.flush(None)
    assert [alert.text.splitlines()[5][-1] for alert in notified] == ["a", "b", "c", "d"]


def test_what_the_storm_cap_holds_back_leaves_the_window_to_the_fleet(server):
    """An alert that may not leave here may still leave elsewhere."""
    notified: list[alerts.Alert] = []
    sent = []
    with configured(redis_url=server.url, discord_webhook_url=None, notifiers=[Notifying(notified)]):
        for most, messages in ((1, "ab"), (9, "b")):
            with configured(max_alerts_per_minute=most), alerts.isolated():
                sent += [send_rate_limited_discord_alert("f", OSError(each), "", each) for each in messages]
    assert sent == [True, False, True]


class Notifying:
    """A notifier that keeps what it gets."""

    def __init__(self, kept: list[alerts.Alert]) -> None:
        self.notify = kept.append


def test_eight_processes_with_four_threads_send_one_alert(server):
    """When a whole fleet fails at the same moment, one alert leaves, and every call goes on."""
    program = textwrap.dedent(
        """
        import sys, threading
        import tenacity
        import resilience

        class Printer:
            def notify(self, alert):
                print("ALERT", flush=True)

        resilience.configure(notifiers=[Printer()])

        @resilience.conn_retry("Redis", "connect", max_retry=5, alert_threshold=2, wait=tenacity.wait_fixed(0))
        def connect():
            raise ConnectionError("refused")

        def fail():
            together.wait()
            try:
                connect()
            except ConnectionError:
                print("ENDED", flush=True)

        together = threading.Barrier(4)
        threads = [threading.Thread(target=fail) for _ in range(4)]
        print("READY", flush=True)
        sys.stdin.readline()
        for thread in threads:
            thread.start()
        """
    )
    environment = os.environ | {"RESILIENCE_REDIS_URL": server.url}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(8)
    ]
    for each in processes:
        assert each.stdout is not None
        assert each.stdout.readline() == "READY\n"
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    printed = "".join(each.communicate()[0] for each in processes)
    assert (printed.count("ENDED"), printed.count("ALERT")) == (32, 1)

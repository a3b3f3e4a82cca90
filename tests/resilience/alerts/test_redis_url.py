"""``redis_url``: of all processes that are given one Redis, one alerts in a window."""

from __future__ import annotations

import os
import textwrap

import pytest

from resilience import alerts
from resilience._config import configure, configured
from resilience.alerts import send_rate_limited_discord_alert, should_send_alert
from resilience.events import AlertDelivered, AlertSuppressed, AttemptFailed, stream

REFUSED = ConnectionError("refused")


WITH_PASSWORDS = [
    "redis://:{}@localhost:6379/0",
    "redis://app:{}@localhost",
    "rediss://app:{}@localhost:6380",
]
PASSWORDS = ["hun/ter2", "hun#ter2", "hun?ter2", "12/hunter2", "12#hunter2", "12?hunter2", "12?a=hunter2", "hun:/ter2"]


@pytest.mark.parametrize("url", WITH_PASSWORDS)
@pytest.mark.parametrize("password", PASSWORDS)
def test_a_url_that_its_password_divides_is_refused(url, password):
    """What must be percent-encoded and is not is told at start-up, and nothing of the URL is shown."""
    with pytest.raises(
        ValueError, match=r"^redis_url is of no use: the URL of the Redis can't be read; a pass"
    ) as raised:
        configure(redis_url=url.format(password))
    assert "ter2" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hun%2Fter%23%3F%40@localhost:6379/0",
        "redis://localhost/0?password=a@b",
        "unix://me@/run/r@dis.sock?db=0",
        "rediss://[::1]:6380/2?ssl_cert_reqs=none",
        "redis://",
    ],
)
def test_a_url_that_can_be_read_is_taken(url):
    """Whatever the client understands may be configured."""
    with configured(redis_url=url):
        pass


def test_a_url_of_the_environment_is_not_shown_either(monkeypatch, caplog):
    """A URL that nobody checked at start-up is told of with the first alert, in words that hold none of it."""
    monkeypatch.setenv("RESILIENCE_REDIS_URL", "redis://:hun/ter2@localhost:6379/0")
    with alerts.isolated():
        assert should_send_alert("f", REFUSED)
    (record,) = caplog.records
    assert record.getMessage().endswith(
        "ValueError: the URL of the Redis can't be read; "
        "a password with a character such as / # ? or @ must be percent-encoded"
    )


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
    recorded = []
    end = stream.subscribe(recorded.append, AlertDelivered, AlertSuppressed)
    notified = []
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
    notified = []
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
    notified = []
    sent = []
    with configured(redis_url=server.url, discord_webhook_url=None, notifiers=[Notifying(notified)]):
        for most, messages in ((1, "ab"), (9, "b")):
            with configured(max_alerts_per_minute=most), alerts.isolated():
                sent += [send_rate_limited_discord_alert("f", OSError(each), "", each) for each in messages]
    assert sent == [True, False, True]


class Notifying:
    """A notifier that keeps what it gets."""

    def __init__(self, kept):
        self.notify = kept.append


@pytest.mark.slow
def test_eight_processes_with_four_threads_send_one_alert(server, run_program):
    """When a whole fleet fails at the same moment, one alert leaves, and every call goes on."""
    program = textwrap.dedent(
        """
        import os, threading
        import tenacity
        import resilience
        import redis as _, resilience._alerts.system  # once, and not in each process
        from resilience._alerts.admission import redis, redis_url

        redis_url._TIMEOUT_S = redis._EXCHANGE_S = 60.0  # a busy machine is no Redis that hangs

        class Printer:
            def notify(self, alert):
                os.write(1, b"ALERT\\n")

        resilience.configure(notifiers=[Printer()])

        @resilience.conn_retry("Redis", "connect", max_retry=5, alert_threshold=2, wait=tenacity.wait_fixed(0))
        def connect():
            raise ConnectionError("refused")

        def fail():
            together.wait()
            try:
                connect()
            except ConnectionError:
                os.write(1, b"ENDED\\n")

        def fail_in_four_threads():
            threads = [threading.Thread(target=fail) for _ in range(4)]
            os.write(ready, b"!")
            os.read(go, 1)
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            resilience.alerts.flush(None)  # the end of a program waits for a few seconds only

        together = threading.Barrier(4)
        (all_ready, ready), (go, all_go) = os.pipe(), os.pipe()
        children = []
        for _ in range(8):
            child = os.fork()
            if child == 0:
                fail_in_four_threads()
                os._exit(0)
            children.append(child)
        for _ in children:
            os.read(all_ready, 1)
        os.write(all_go, b"x" * 8)
        for child in children:
            os.waitpid(child, 0)
        """
    )
    printed = run_program(program, environment=os.environ | {"RESILIENCE_REDIS_URL": server.url}).stdout
    assert (printed.count("ENDED"), printed.count("ALERT")) == (32, 1)

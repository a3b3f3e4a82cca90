"""No test that uses the kit sends a real alert: they go to the fixture ``discord``, or nowhere."""

from __future__ import annotations

import pytest

REAL = """
    import httpx, pytest, resilience

    sent = []

    class Pager:
        def notify(self, alert):
            sent.append(alert.text)

    def to_the_network(transport, request):
        sent.append(str(request.url))
        return httpx.Response(204)

    @pytest.fixture(scope="session", autouse=True)
    def production():
        url = "https://discord.com/api/webhooks/123456789012345678/a-token"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(httpx.HTTPTransport, "handle_request", to_the_network)
            patch.setenv("RESILIENCE_DISCORD_WEBHOOK_URL_OPS", url)
            resilience.configure(discord_webhook_url=url, notifiers=[Pager()])
            yield url
            resilience.configure(discord_webhook_url=None, notifiers=None)
"""
ALERTING = """
    import logging
    import pytest, resilience
    from resilience import alerts, send_rate_limited_discord_alert
    from conftest import Pager, sent

    @resilience.create_retry_decorator(max_attempts=3, alert_threshold=1, wait=lambda state: 0)
    def outage():
        raise OSError("disk full")

    def fail_and_alert():
        with pytest.raises(OSError):
            outage()
        send_rate_limited_discord_alert("job", ValueError("x"), "tests", "by hand")
        send_rate_limited_discord_alert("job", ValueError("y"), "tests", "by hand", "ops")
        alerts.flush(None)
"""
FIXTURES = ["faults", "virtual_clock", "retries", "retry_log"]


@pytest.mark.parametrize("fixture", FIXTURES)
def test_without_the_stand_in_alerts_go_nowhere_and_that_is_said_once(suite, fixture):
    """Neither a webhook nor a notifier gets an alert of a test that uses a fixture of the kit, and the log says why."""
    suite.makeconftest(REAL)
    suite.makepyfile(
        ALERTING
        + f"""
    def test_it({fixture}, caplog):
        fail_and_alert()
        assert sent == []
        said = [record for record in caplog.records if "alert was due" in record.getMessage()]
        assert [(record.levelname, record.getMessage()) for record in said] == [(
            "WARNING",
            "An alert was due and is not sent, because this is a test and does not use the fixture discord, which takes "
            "the place of Discord and of all notifiers",
        )]
    """
    )
    suite.runpytest_inprocess().assert_outcomes(passed=1)


def test_what_code_under_test_configures_gets_no_alert_either(suite):
    """Neither a webhook or a notifier that is configured inside the test, nor a memory of its own, lets an alert out."""
    suite.makeconftest(REAL)
    suite.makepyfile(
        ALERTING
        + """
    def test_it(faults, production, monkeypatch):
        monkeypatch.setenv("RESILIENCE_DISCORD_WEBHOOK_URL", production)
        resilience.configure(discord_webhook_url=production, notifiers=[Pager()])
        fail_and_alert()
        with alerts.isolated():
            fail_and_alert()
        assert sent == []
    """
    )
    suite.runpytest_inprocess().assert_outcomes(passed=1)


def test_with_the_stand_in_alerts_go_there_and_to_no_notifier(suite):
    """The fixture ``discord`` gets every alert, in whatever order the fixtures come, and nothing else does."""
    suite.makeconftest(REAL)
    suite.makepyfile(
        ALERTING
        + """
    def test_first(discord, faults, production):
        resilience.configure(discord_webhook_url=production, notifiers=[Pager()])
        fail_and_alert()
        discord.assert_alerted(count=3)
        with alerts.isolated():
            fail_and_alert()
            discord.assert_alerted(count=6)
        assert sent == []

    def test_last(faults, discord):
        fail_and_alert()
        discord.assert_alerted(count=3)
        assert sent == []
    """
    )
    suite.runpytest_inprocess().assert_outcomes(passed=2)


def test_other_tests_are_left_alone(suite):
    """A test without a fixture of the kit alerts as it always did, also after one that uses them."""
    suite.makeconftest(REAL)
    suite.makepyfile(
        ALERTING
        + """
    def test_with(faults, discord):
        fail_and_alert()

    def test_without():
        with alerts.isolated():
            fail_and_alert()
        assert len(sent) == 6
    """
    )
    suite.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=2)

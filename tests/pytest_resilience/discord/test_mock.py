"""The stand-in for Discord: which alerts it catches, what it objects to, and that it leaves nothing behind."""

from __future__ import annotations

import sys
import threading
import time

import httpx
import pytest

import resilience
from pytest_resilience.discord import Alert, DiscordMock, rate_limited
from resilience import _config as config
from resilience import alerts as kit
from resilience.testing import answer, fail
from tests.discord_server import ExactDiscord
from tests.discord_server.exact import NO_LIMITS
from tests.discord_server.posting import versioned
from tests.pytest_resilience.discord.conftest import alert

URL = "https://discord.com/api/v10/webhooks/"


def test_alerts_of_every_channel_come_with_their_time(clock):
    """An alert has its text, its channel and its time, whatever the channel is called."""
    with DiscordMock() as discord:
        assert alert("disk full")
        clock.advance(2.5)
        assert alert("db down", "Ops-Team")
        assert [(each.content, each.channel, each.at) for each in discord.alerts] == [
            ("disk full", None, 0.0),
            ("db down", "Ops-Team", 2.5),
        ]
        assert discord.complaint() is None


def test_time_counts_from_the_instant_that_was_given(clock):
    """``started_ns`` is the zero of every ``at``."""
    started_ns = clock.ns
    clock.advance(10)
    with DiscordMock(started_ns=started_ns) as discord:
        alert("disk full")
        assert [each.at for each in discord.alerts] == [10.0]
        assert [each.at for each in discord.requests] == [10.0]


def test_reading_waits_for_what_is_on_its_way():
    """An alert that another thread is sending is there when the alerts are read."""
    sends = threading.Event()

    @resilience.create_retry_decorator(max_attempts=2, alert_threshold=1, wait=lambda _state: 0)
    def job():
        raise OSError("disk full")

    with DiscordMock() as discord:
        inner = discord._server.receive
        discord._server.receive = lambda request: (sends.wait(10), inner(request))[1]
        with pytest.raises(OSError, match="disk full"):
            job()
        threading.Timer(0.05, sends.set).start()
        assert len(discord.alerts) == 1


def test_settings_and_memory_are_the_mocks_own_and_come_back():
    """Inside, the webhooks are the stand-in's and no window is taken; afterwards all is as it was."""
    with config.configured(discord_webhook_url=None, discord_channels={"ops": f"{URL}1/own"}):
        for _ in range(2):
            with DiscordMock() as discord:
                assert config.discord_webhook_url() == discord.webhook_url()
                assert config.discord_webhook_url("ops") == discord.webhook_url("ops") != f"{URL}1/own"
                assert alert("disk full")
                assert not alert("disk full")
        assert config.discord_webhook_url("ops") == f"{URL}1/own"
        assert config.discord_webhook_url("other") is None


def test_a_webhook_that_code_under_test_configures_is_caught(clock):
    """An application that sets its own webhooks inside the test reaches the stand-in all the same."""
    with DiscordMock() as discord:
        with config.configured(discord_webhook_url=f"{URL}123/abc"):
            assert alert("disk full")
        assert [(each.content, each.channel) for each in discord.alerts] == [("disk full", None)]
        assert [each.webhook for each in discord.requests] == ["123"]
        assert discord.complaint() is None


def test_other_clients_of_httpx_are_caught(clock):
    """Requests to the webhook by other code arrive too, sync and async, with their embeds and mentions."""
    with DiscordMock() as discord:
        url = versioned(discord.webhook_url("ops"))
        embed = {"title": "Disk", "description": "full", "fields": [{"name": "host", "value": "db1"}]}
        assert httpx.post(url, json={"embeds": [embed]}).status_code == 204
        assert httpx.post(f"{url}?wait=true", json={"content": "<@7> look"}).json()["content"] == "<@7> look"
        first, second = discord.alerts
        assert (first.content, first.embeds, first.text) == ("", (embed,), "Disk\nfull\nhost: db1")
        assert (second.content, second.channel) == ("<@7> look", "ops")
        discord.assert_alerted(count=1, match=r"full\nhost: db1")


def test_alerts_that_came_in_one_message_are_told_apart(clock):
    """The kit sends what piled up as one message; each alert in it counts, and the note of a repetition does not."""
    from resilience._alerts.discord.payload import message_body

    def kit_alert(text):
        return kit.Alert(text=text, function="job", context="", error_type="OSError")

    body = message_body([kit_alert("one"), kit_alert("two"), kit_alert("three")], repeats_since=1_700_000_000)
    agent = "DiscordBot (https://pypi.org/project/pytest-resilience/, 1.0)"
    with DiscordMock() as discord:
        url = versioned(discord.webhook_url())
        httpx.post(url, json=body, headers={"User-Agent": agent})
        assert [each.content for each in discord.alerts] == ["one", "two", "three"]
        httpx.post(url, json=body)
        assert [each.content for each in discord.alerts] == ["one", "two", "three", "one"]


def test_what_discord_does_not_take_is_objected_to(clock):
    """A message that is too long is refused, and fails the test at its end."""
    with pytest.raises(pytest.fail.Exception) as caught, DiscordMock() as discord:
        httpx.post(versioned(discord.webhook_url()), json={"content": "x" * 2001})
    assert str(caught.value) == (
        "Discord was sent what it does not take:\n"
        "  POST to the default channel at 0.000 s: content: Must be 2000 or fewer in length."
    )


def test_planned_answers_that_were_never_given_are_objected_to(clock):
    """The end of the block says what is left of a script, and how many requests came."""
    with pytest.raises(pytest.fail.Exception) as caught, DiscordMock() as discord:
        plan = discord.respond("1*return(204)->2*return(500)")
        alert("disk full")
        assert (plan.fired, plan.exhausted, plan.pending) == (1, False, "2*return(500)")
    assert str(caught.value) == (
        "planned answers of Discord were never given, so the test has not proved what it set out to:\n"
        "  2*return(500) (1 request came)\n"
        "Plan no more answers than there are requests, or pass strict=False to respond()."
    )


def test_planned_answers_may_be_left_where_that_is_said(clock):
    """``strict=False`` opts out, for one script only."""
    with DiscordMock() as discord:
        discord.respond("9*return(500)", strict=False)
        assert discord.complaint() is None
        discord.respond("off")
    with pytest.raises(pytest.fail.Exception, match="never given"), DiscordMock() as discord:
        discord.respond("1*return(500)")
        discord.respond("9*return(500)", strict=False)


def test_an_exception_of_the_test_is_not_covered_up(clock):
    """Where the test fails by itself, nothing is added to it."""
    with pytest.raises(KeyError, match="own"), DiscordMock() as discord:
        discord.respond("1*return(500)")
        raise KeyError("own")


def test_the_complaint_can_be_left_to_others(clock):
    """With ``verify=False`` nothing is raised, and the complaint is still known afterwards."""
    with DiscordMock(verify=False) as discord:
        assert discord.complaint() is None
        discord.respond("1*return(500)")
        assert "1*return(500) (0 requests came)" in discord.complaint()
    assert "1*return(500) (0 requests came)" in discord.complaint()


def test_it_is_used_in_its_block_only(clock):
    """Before and after, every use that would act or wait is an error; what was recorded can be read."""
    discord = DiscordMock()
    uses = [
        lambda: discord.alerts,
        lambda: discord.respond("1*return(500)"),
        discord.assert_alerted,
    ]
    for use in uses:
        with pytest.raises(RuntimeError, match="is not standing in; use it inside its test or `with` block"):
            use()
    with discord:
        alert("disk full")
        with pytest.raises(RuntimeError, match="to nest them, make another one"):
            discord.__enter__()
    for use in uses:
        with pytest.raises(RuntimeError, match="is not standing in"):
            use()
    assert (len(discord.requests), discord.complaint()) == (1, None)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
def test_a_proxy_of_the_environment_makes_no_difference(clock, monkeypatch, name):
    """An alert that would go through a proxy is caught before it."""
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with DiscordMock() as discord:
        assert alert("disk full")
        assert len(discord.alerts) == 1


@pytest.mark.parametrize("script", ["back(500)", "return('x')", 500, None, fail(SystemExit)])
def test_a_bad_script_is_refused_at_once_and_plans_nothing(clock, script):
    """A script that can't be followed is an error of the test, when it is given."""
    with DiscordMock() as discord:
        with pytest.raises((TypeError, ValueError)):
            discord.respond(script)
        assert alert("disk full")


def test_alerts_that_do_not_settle_are_an_error_that_says_what_to_do(monkeypatch):
    """Without a virtual clock a long wait is not sat out: the text says what to use."""
    from pytest_resilience.discord import _mock as module

    monkeypatch.setattr(module, "_PATIENCE_S", 0.05)
    monkeypatch.setattr(module, "_SLICE_S", 0.05)

    @resilience.create_retry_decorator(max_attempts=2, alert_threshold=1, wait=lambda _state: 0)
    def job():
        raise OSError("disk full")

    answered = threading.Event()

    def handle(request):
        try:
            return answer_of(request)
        finally:
            answered.set()

    with DiscordMock(verify=False) as discord:
        answer_of = discord._server.handle_request
        monkeypatch.setattr(discord._server, "handle_request", handle)
        discord.respond(rate_limited(100).times(1))
        with pytest.raises(OSError, match="disk full"):
            job()
        assert answered.wait(60)
        with pytest.raises(TimeoutError) as caught:
            discord.alerts  # noqa: B018  # reading is what waits
        assert "They wait to be sent again, in real time: use the fixture virtual_clock" in str(caught.value)
        assert "429, to wait 100 s [planned: return({'status': 429, 'retry_after': 100" in str(caught.value)
    assert "use the fixture virtual_clock" in discord.complaint()


def test_blocks_can_be_nested(clock):
    """The innermost stand-in gets the alerts, and the outer one again after it."""
    with DiscordMock() as outer:
        alert("one")
        with DiscordMock() as inner:
            alert("two")
            assert [each.content for each in inner.alerts] == ["two"]
        alert("three")
        assert [each.content for each in outer.alerts] == ["one", "three"]


def test_planned_faults_are_events(clock):
    """Each planned answer that is given is reported as a fault, for the timeline."""
    from resilience.events import FaultInjected, stream

    seen = []
    end = stream.subscribe(seen.append, FaultInjected)
    try:
        with DiscordMock() as discord:
            discord.respond("1*off->1*return(400)")
            alert("one")
            alert("two")
    finally:
        end()
    assert [(each.failpoint, each.action) for each in seen] == [("discord", "return(400)")]


def test_many_threads_may_alert_at_once():
    """Nothing is lost or doubled under threads, and channels are made once."""
    with ExactDiscord(limits=NO_LIMITS) as discord:
        with config.configured(max_alerts_per_minute=1000):
            work = [
                threading.Thread(target=alert, args=(f"{number}", f"c{number % 3}"), name=f"w{number}")
                for number in range(24)
            ]
            for each in work:
                each.start()
            for each in work:
                each.join()
        assert sorted(int(each.content) for each in discord.alerts) == list(range(24))
        assert len({each.webhook for each in discord.requests}) == 3


def test_without_respx_the_cure_is_named(monkeypatch):
    """A missing respx is an error that says what to install."""
    monkeypatch.setitem(sys.modules, "respx", None)
    monkeypatch.delitem(sys.modules, "pytest_resilience.discord._router", raising=False)
    with pytest.raises(resilience.MissingExtraError) as caught, DiscordMock():
        pass
    assert str(caught.value) == (
        "the stand-in for Discord needs an optional dependency: pip install 'pytest-resilience[pytest]'"
    )


def test_respx_is_imported_when_a_block_begins(run_importing):
    """Importing the module needs httpx only, and the package not even that."""
    code = (
        "import sys, pytest_resilience; print('httpx' in sys.modules); import pytest_resilience.discord; "
        "print('respx' in sys.modules)"
    )
    done = run_importing(code)
    assert done.stdout.split() == ["False", "False"]


def test_an_alert_reads_as_prose():
    """An alert shows its time, its channel and its text, continued lines below."""
    first = Alert(content="one\n\n  two", channel=None, at=1.5)
    assert str(first) == "       1.500  in the default channel: one\n\n                two"
    assert repr(first) == "Alert(content='one\\n\\n  two', channel=None, at=1.5)"
    with pytest.raises(AttributeError):
        first.content = "other"


def test_answers_in_code_and_in_text_are_the_same(clock):
    """A script may be given as text or made by builders."""
    with DiscordMock() as discord:
        discord.respond("1*return({'status': 413})")
        alert("one")
        discord.respond(answer({"status": 413}).times(1))
        alert("two")
        assert [each.answer for each in discord.requests] == ["413, code 40005", "200"] * 2


def test_time_is_read_when_it_is_needed(monkeypatch):
    """Whatever replaces the monotonic clock inside the block drives the times."""
    with DiscordMock(started_ns=0) as discord:
        monkeypatch.setattr(time, "monotonic_ns", lambda: 7_000_000_000)
        httpx.post(versioned(discord.webhook_url()), json={"content": "x"})
        monkeypatch.undo()
        assert [each.at for each in discord.alerts] == [7.0]

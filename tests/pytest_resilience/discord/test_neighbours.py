from __future__ import annotations

import asyncio
import contextlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpcore
import httpx
import pytest
import respx
from respx.models import AllMockedAssertionError

from pytest_resilience import Faults
from pytest_resilience.discord import DiscordMock
from resilience import send_rate_limited_discord_alert
from tests.discord_server.posting import versioned

PATCHED = [
    (httpcore._sync.connection_pool.ConnectionPool, "handle_request"),
    (httpcore._sync.connection.HTTPConnection, "handle_request"),
    (httpcore._async.connection_pool.AsyncConnectionPool, "handle_async_request"),
    (httpcore._async.connection.AsyncHTTPConnection, "handle_async_request"),
]


def methods():
    """Return what respx replaces, as it is now."""
    return [vars(holder)[name] for holder, name in PATCHED]


def alert(text="disk full"):
    """Send one alert by hand, and tell whether it was delivered."""
    return send_rate_limited_discord_alert("job", ValueError(text), "tests", text)


@pytest.fixture
def web():
    """A real server on the loopback interface, which answers with the path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            content = self.path.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_other_traffic_passes_through(web):
    """Requests to other hosts go to the network, sync, async and streamed."""

    async def fetch():
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"{web}/async")).text

    with DiscordMock() as discord, httpx.Client(trust_env=False) as client:
        assert client.get(f"{web}/plain").text == "/plain"
        with client.stream("GET", f"{web}/stream") as response:
            assert response.read() == b"/stream"
        assert asyncio.run(fetch()) == "/async"
        assert alert()
        assert len(discord.requests) == 1


def test_other_paths_of_discord_are_left_alone():
    """Only the webhooks are stood in for: a bot's own mock of the API goes on working."""
    with DiscordMock() as discord, respx.mock:
        route = respx.get("https://discord.com/api/v10/users/@me").respond(json={"id": "1"})
        assert httpx.get("https://discord.com/api/v10/users/@me").json() == {"id": "1"}
        assert route.called
        assert discord.requests == []


@contextlib.contextmanager
def both(order, **settings):
    """Activate the stand-in and a router of the user's, in one order or the other."""
    router = respx.mock(**settings)
    with contextlib.ExitStack() as stack:
        if order == "discord first":
            discord = stack.enter_context(DiscordMock())
            stack.enter_context(router)
        else:
            stack.enter_context(router)
            discord = stack.enter_context(DiscordMock())
        yield discord, router


ORDERS = pytest.mark.parametrize("order", ["discord first", "discord last"])


@ORDERS
def test_a_router_of_the_user_works_beside(order):
    """Each gets its own requests, whichever was activated first."""
    with both(order) as (discord, router):
        router.get("https://example.org/").respond(418)
        assert httpx.get("https://example.org/").status_code == 418
        assert alert()
        assert len(discord.alerts) == 1
        assert router.calls.call_count == 1


@ORDERS
def test_a_router_of_the_user_goes_on_objecting(order):
    """What the user's router does not know is still an error of its own, and does not leave for the network."""
    with both(order) as (discord, _):
        with pytest.raises(AllMockedAssertionError, match=r"example\.org/other"):
            httpx.get("https://example.org/other")
        assert alert()
        assert discord.complaint() is None


@ORDERS
def test_a_router_that_takes_everything_does_not_take_alerts(order):
    """A user's router that answers whatever comes gets all but the webhooks."""
    with both(order, assert_all_mocked=False) as (discord, router):
        assert httpx.get("https://example.org/any").status_code == 200
        assert alert()
        assert len(discord.alerts) == 1
        assert [str(call.request.url) for call in router.calls] == ["https://example.org/any"]


@ORDERS
def test_a_router_of_the_user_may_let_requests_through(order, web):
    """A route that passes through reaches the network."""
    with both(order) as (_, router):
        router.get(f"{web}/x").pass_through()
        assert httpx.get(f"{web}/x", trust_env=False).text == "/x"


@ORDERS
def test_async_clients_are_answered_beside_a_router(order):
    """The same holds for async clients."""

    async def main(discord):
        async with httpx.AsyncClient() as client:
            url = versioned(discord.webhook_url("ops"))
            posted = await client.post(url, json={"content": "x"})
            return [posted.status_code, (await client.get("https://example.org/")).status_code]

    with both(order) as (discord, router):
        router.get("https://example.org/").respond(418)
        assert asyncio.run(main(discord)) == [204, 418]
        assert [each.channel for each in discord.alerts] == ["ops"]


def test_nested_stand_ins_let_other_traffic_through(web):
    """Two of them are still no reason to hold anything back."""
    with DiscordMock(), DiscordMock():
        assert httpx.get(f"{web}/x", trust_env=False).text == "/x"


def test_a_router_that_uses_the_clients_works_beside(web):
    """A user's router that patches clients instead of connections does not get the kit's alerts either."""
    with respx.mock(using="httpx") as router, DiscordMock() as discord:
        router.get("https://example.org/").respond(418)
        assert httpx.get("https://example.org/").status_code == 418
        assert alert()
        assert len(discord.alerts) == 1


@pytest.mark.parametrize("transport", [httpx.HTTPTransport, httpx.MockTransport, httpcore.ConnectionPool])
@pytest.mark.parametrize("order", ["patched first", "patched last"])
def test_what_replaces_parts_of_httpx_does_not_get_the_kits_alerts(transport, order):
    """A mock or a recorder that patches a transport or a connection leaves alerts alone, whichever came first."""
    taken = []
    patch = pytest.MonkeyPatch()
    discord = DiscordMock()
    with contextlib.ExitStack() as stack:
        if order == "patched last":
            stack.enter_context(discord)
        stack.callback(patch.undo)
        patch.setattr(transport, "handle_request", lambda _self, request: taken.append(request))
        if order == "patched first":
            stack.enter_context(discord)
        assert alert()
        assert len(discord.alerts) == 1
    assert taken == []


def test_a_cassette_of_vcrpy_neither_plays_nor_records_alerts(tmp_path):
    """Inside a cassette alerts reach the stand-in, and what other code sends is still the cassette's."""
    vcr = pytest.importorskip("vcr")
    for mode in ("none", "all"):
        cassette = tmp_path / f"{mode}.yaml"
        with DiscordMock() as discord, vcr.use_cassette(cassette, record_mode=mode), DiscordMock() as inner:
            assert alert()
            assert (len(discord.alerts), len(inner.alerts)) == (0, 1)
        assert not cassette.exists()


def test_everything_is_put_back():
    """After a block httpx's connections are the original ones, and so they are after an exception or an interrupt."""
    before = methods()
    for error in (None, ValueError("own"), KeyboardInterrupt(), SystemExit()):
        with contextlib.suppress(ValueError, KeyboardInterrupt, SystemExit), DiscordMock():
            assert methods() != before
            alert()
            if error is not None:
                raise error
        assert methods() == before


def test_everything_is_put_back_after_an_objection():
    """The end of a block that objects puts everything back first."""
    before = methods()
    with pytest.raises(pytest.fail.Exception), DiscordMock() as discord:
        discord.respond("1*return(500)")
    assert methods() == before


def test_everything_is_put_back_when_a_block_cannot_begin(monkeypatch):
    """A failure halfway into the block undoes the first half."""
    from pytest_resilience.discord import _mock as module

    def broken(_outlet):
        raise RuntimeError("no memory")

    before = methods()
    monkeypatch.setattr(module, "isolated", broken)
    discord = DiscordMock()
    with pytest.raises(RuntimeError, match="no memory"):
        discord.__enter__()
    assert methods() == before


@ORDERS
def test_whoever_ends_last_takes_the_patches_with_it(order):
    """The patches stay as long as one of the two is active."""
    before = methods()
    router = respx.mock(assert_all_called=False)
    discord = DiscordMock()
    first, last = (discord, router) if order == "discord first" else (router, discord)
    first.__enter__()
    last.__enter__()
    first.__exit__(None, None, None)
    if last is discord:
        assert alert()
    else:
        router.get("https://example.org/").respond(418)
        assert httpx.get("https://example.org/").status_code == 418
    last.__exit__(None, None, None)
    assert methods() == before


def test_respx_is_built_as_the_router_assumes():
    """A mocker of respx, into which our router reaches, has a list of active routers and asks them in that order."""
    settings = {"assert_all_called": False, "using": "httpcore"}
    with respx.MockRouter(**settings) as first, respx.MockRouter(**settings) as last:
        first.get("https://example.org/").respond(201)
        last.get("https://example.org/").respond(202)
        assert first.Mocker is last.Mocker
        assert first.Mocker.routers == [first, last]
        assert httpx.get("https://example.org/").status_code == 201
        first.Mocker.routers.reverse()
        assert httpx.get("https://example.org/").status_code == 202


def test_a_script_for_requests_of_httpx_strikes_before_the_stand_in():
    """A fault at the URL of Discord's webhooks keeps a request of other code from the stand-in, in either order."""
    with DiscordMock() as discord, Faults() as faults:
        faults.inject("POST https://discord.com/*", "1*status(503)")
        url = versioned(discord.webhook_url())
        statuses = [httpx.post(url, json={"content": "x"}).status_code for _ in range(2)]
        assert (statuses, len(discord.requests)) == ([503, 204], 1)
    with Faults() as faults:
        faults.inject("POST https://discord.com/*", "1*status(503)")
        with DiscordMock() as discord:
            url = versioned(discord.webhook_url())
            statuses = [httpx.post(url, json={"content": "x"}).status_code for _ in range(2)]
            assert (statuses, len(discord.requests)) == ([503, 204], 1)


def test_no_thread_outlives_the_block():
    """The threads that deliver alerts are gone when the block is."""
    before = set(threading.enumerate())
    with DiscordMock():
        alert()
    assert set(threading.enumerate()) <= before

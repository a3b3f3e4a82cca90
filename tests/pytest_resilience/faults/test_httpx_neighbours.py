"""Faults at requests of httpx beside whatever else is there: transports that retry, mocks, the network, applications."""

import asyncio

import httpx
import httpx_retries
import pytest
import respx

from pytest_resilience import (
    DiscordMock,
    Faults,
    status,
)
from resilience import send_rate_limited_discord_alert
from tests.discord_server.posting import versioned
from tests.pytest_resilience.faults.upstream import PLACE, URL


@pytest.fixture
def faults(clock):
    with Faults() as faults:
        yield faults


def test_redirects_are_requests_of_their_own(faults):
    """Each hop is decided by its own URL."""
    faults.inject("GET https://new.example.com/*", "1*status(503)")

    def moved(request):
        return httpx.Response(302, headers={"Location": "https://new.example.com/"})

    with httpx.Client(transport=httpx.MockTransport(moved), follow_redirects=True) as client:
        answer = client.get("https://old.example.com/")
    assert (answer.status_code, len(answer.history)) == (503, 1)


def test_retries_of_a_transport_are_struck_one_by_one(upstream, faults, clock):
    """A library that retries in its transport sees each of the planned faults."""
    injection = faults.inject(PLACE, status(503).times(2))
    transport = httpx_retries.RetryTransport(httpx.MockTransport(upstream))
    with httpx.Client(transport=transport) as client:
        assert client.get(URL).status_code == 200
    assert len(injection.calls) == 3


@pytest.mark.parametrize("using", ["httpcore", "httpx"])
@pytest.mark.parametrize("script", ["1*status(503)->off", "1*off->1*after status(503)->off"])
def test_mocks_of_the_user_get_what_goes_through(using, script, faults):
    """A router of respx, whichever it patches, gets the requests that it would get, and each is asked about once."""
    injection = faults.inject(PLACE, script)
    with respx.mock(using=using) as router:
        route = router.get(URL).respond(201)
        answers = [httpx.get(URL).status_code for _ in range(3)]
    assert sorted(answers) == [201, 201, 503]
    assert route.call_count == (3 if "after" in script else 2)
    assert len(injection.calls) == 3


def test_a_route_of_respx_that_passes_through_is_asked_about_once(faults):
    """A request that a router lets through to the network is one call."""
    server = faults.server()
    server.route("GET", "/items", json=1)
    injection = faults.inject(f"GET {server.url}/*", "1*status(503)->off")
    with respx.mock(using="httpx") as router:
        router.get(f"{server.url}/items").pass_through()
        assert [httpx.get(f"{server.url}/items").status_code for _ in range(2)] == [503, 200]
    assert len(injection.calls) == 2


def test_the_stand_in_for_discord_is_left_alone(upstream, faults):
    """Alerts use up no planned fault, and reach the stand-in; other posts to Discord are struck."""
    with DiscordMock() as discord:
        faults.inject("POST https://*", "1*status(503)")
        assert send_rate_limited_discord_alert("job", ValueError("full"), "tests", "full")
        assert len(discord.alerts) == 1
        url = versioned(discord.webhook_url("ops"))
        assert [httpx.post(url, json={"content": "x"}).status_code for _ in range(2)] == [503, 204]


def test_the_network_is_what_is_behind(faults, clock):
    """Without any mock, what goes through opens its socket, sync and async."""
    server = faults.server()
    route = server.route("GET", "/items", text="0123456789")
    faults.inject(f"GET {server.url}/*", "1*after reset->1*truncate(3)->off")

    async def get():
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{server.url}/items")).text

    with pytest.raises(httpx.ReadError):
        httpx.get(f"{server.url}/items")
    with pytest.raises(httpx.RemoteProtocolError, match=r"\(received 3 bytes, expected 10\)$"):
        asyncio.run(get())
    assert asyncio.run(get()) == "0123456789"
    assert len(route.requests) == 3


def test_an_application_in_the_same_process_is_a_server_too(faults):
    """Requests to an ASGI or a WSGI application meet their script, and what these request by themselves does as well."""

    async def asgi(scope, receive, send):
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client:
            code = (await client.get("https://behind.example.com/")).status_code
        await send({"type": "http.response.start", "status": code, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def wsgi(environ, start_response):
        start_response("200 OK", [])
        return [b""]

    async def get():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(asgi)) as client:
            return (await client.get("https://front.example.com/")).status_code

    faults.inject("GET https://behind.example.com/", "1*status(504)")
    faults.inject("GET https://front.example.com/", "1*status(502)")
    assert [asyncio.run(get()) for _ in range(3)] == [502, 504, 200]
    faults.inject("GET https://front.example.com/", "1*status(502)")
    with httpx.Client(transport=httpx.WSGITransport(wsgi)) as client:
        assert [client.get("https://front.example.com/").status_code for _ in range(2)] == [502, 200]

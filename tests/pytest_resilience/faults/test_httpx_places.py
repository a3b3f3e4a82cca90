"""``"GET https://api.example.com/items/*"``: requests of httpx, which meet their script without a socket."""

import asyncio
import threading

import httpx
import httpx_retries
import pytest
import respx
import trio

from pytest_resilience import (
    DiscordMock,
    Faults,
    delay,
    fail,
    garbage,
    hang,
    pause,
    reset,
    status,
    truncate,
)
from resilience import send_rate_limited_discord_alert
from tests.discord_server.posting import versioned

URL = "https://api.example.com/items/7"
PLACE = "GET https://api.example.com/items/*"
TIMEOUT = 30


class Upstream:
    """A healthy server behind a transport of httpx, and the requests that reached it."""

    def __init__(self):
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        return httpx.Response(200, json={"item": 7}, headers={"X-From": "upstream"})


def with_sync(upstream, method="GET", url=URL, **kwargs):
    with httpx.Client(transport=httpx.MockTransport(upstream), timeout=TIMEOUT) as client:
        return client.request(method, url, **kwargs)


async def fetch_async(upstream, method="GET", url=URL, **kwargs):
    async with httpx.AsyncClient(transport=httpx.MockTransport(upstream), timeout=TIMEOUT) as client:
        return await client.request(method, url, **kwargs)


def with_asyncio(upstream, *args, **kwargs):
    return asyncio.run(fetch_async(upstream, *args, **kwargs))


def with_trio(upstream, *args, **kwargs):
    return trio.run(lambda: fetch_async(upstream, *args, **kwargs))


@pytest.fixture(params=[with_sync, with_asyncio, with_trio], ids=lambda each: each.__name__)
def fetch(request, upstream):
    """Make a request by a client of httpx, in one of three ways."""
    return lambda *args, **kwargs: request.param(upstream, *args, **kwargs)


@pytest.fixture
def upstream():
    return Upstream()


@pytest.fixture
def faults(clock):
    with Faults() as faults:
        yield faults


def test_statuses_then_the_healthy_answer(fetch, upstream, faults):
    """What the script answers never reaches the server; what it does not decide does."""
    injection = faults.inject(PLACE, "2*status(503)->1*status(429, retry_after=2)->1*status(200, json=[1])->off")
    answers = [fetch() for _ in range(5)]
    assert [each.status_code for each in answers] == [503, 503, 429, 200, 200]
    assert answers[2].headers["retry-after"] == "2"
    assert [answers[3].json(), answers[4].json()] == [[1], {"item": 7}]
    assert (len(upstream.requests), injection.fired, len(injection.calls)) == (1, 4, 5)
    assert injection.calls[0].args[0].url == URL


def test_after_a_status_the_server_has_had_the_request(fetch, upstream, faults):
    """With `after`, the request takes effect, and another answer comes back."""
    faults.inject("POST https://api.example.com/*", status(503, "busy").after_effect().times(1))
    answer = fetch("POST", content=b"order")
    assert (answer.status_code, answer.text) == (503, "busy")
    assert [each.content for each in upstream.requests] == [b"order"]


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        ("1*raise(httpx.PoolTimeout('no connection'))", httpx.PoolTimeout, "no connection"),
        ("1*raise(ConnectionRefusedError('refused'))", httpx.ConnectError, "refused"),
        ("1*raise(TimeoutError('slow'))", httpx.ReadTimeout, "slow"),
        ("1*reset", httpx.ReadError, "[Errno 104] Connection reset by peer"),
        ("1*after reset", httpx.ReadError, "[Errno 104] Connection reset by peer"),
        ("1*hang", httpx.ReadTimeout, "The read operation timed out"),
        ("1*sleep(31)", httpx.ReadTimeout, "The read operation timed out"),
        ("1*after sleep(31)", httpx.ReadTimeout, "The read operation timed out"),
        ("1*pause", httpx.ReadTimeout, "The read operation timed out"),
        (
            "1*truncate(50%)",
            httpx.RemoteProtocolError,
            "peer closed connection without sending complete message body (received 5 bytes, expected 10)",
        ),
    ],
)
def test_what_the_client_sees(script, error, message, fetch, faults):
    """Each fault is the error of httpx that the same fault in the network would be, with its request."""
    faults.inject(PLACE, script)
    with pytest.raises(httpx.RequestError) as caught:
        fetch()
    assert type(caught.value) is error
    assert str(caught.value) == message
    assert caught.value.request.url == URL
    assert fetch().json() == {"item": 7}


def test_another_error_is_raised_as_it_is(fetch, faults):
    """What is no error of a socket or of httpx is not translated."""
    faults.inject(PLACE, fail(ZeroDivisionError("x")).times(1))
    with pytest.raises(ZeroDivisionError, match=r"^x$"):
        fetch()


def test_garbage_is_no_http(fetch, faults):
    """The client finds no answer in what came; the bytes are those of the seed."""
    faults.inject(PLACE, garbage().times(1))
    with pytest.raises(httpx.RemoteProtocolError, match=r"^illegal status line: b"):
        fetch()


def test_truncate_of_nothing_is_nothing(fetch, faults):
    """A body that is shorter than the limit comes whole, with all else that the server said."""
    faults.inject(PLACE, truncate(1000).times(1))
    answer = fetch()
    assert (answer.json(), answer.headers["x-from"]) == ({"item": 7}, "upstream")


def test_sleep_answers_later(fetch, faults, clock):
    """A wait within the client's timeout delays the answer, in no real time."""
    faults.inject(PLACE, delay(10).times(1).then(delay(10).after_effect().times(1)))
    assert fetch().status_code == fetch().status_code == 200
    assert clock.elapsed == 20


def test_hang_without_a_timeout_ends_with_the_fault(upstream, faults, clock):
    """A client that waits for ever waits until the fault is disarmed."""
    injection = faults.inject(PLACE, hang().times(1))
    ends = []

    def run():
        try:
            httpx.Client(transport=httpx.MockTransport(upstream), timeout=None).get(URL)
        except BaseException as error:
            ends.append(type(error).__name__)

    thread = threading.Thread(target=run)
    thread.start()
    injection.wait_reached()
    injection.disarm()
    thread.join()
    assert ends == ["ReleasedError"]


def test_pause_until_the_test_says_so(upstream, faults, clock):
    """A request waits until it is resumed, then goes to the server."""
    injection = faults.inject(PLACE, pause().times(1))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(with_sync(upstream).json()))
    thread.start()
    injection.wait_reached()
    assert (answers, upstream.requests) == ([], [])
    injection.resume()
    thread.join()
    assert answers == [{"item": 7}]


@pytest.mark.parametrize(
    ("place", "taken"),
    [
        ("GET https://api.example.com/items/*", True),
        ("* https://api.example.com/items/7", True),
        ("GET HTTPS://api.example.com/items/7", None),
        ("GET https://API.example.com:443/items/*", True),
        ("GET *://*/items/7", True),
        ("GET https://*", True),
        ("GET https://api.example.com/items/7?size=*", True),
        ("GET https://api.example.com/items/7?size=small", False),
        ("GET https://api.example.com", False),
        ("POST https://api.example.com/items/*", False),
        ("GET http://api.example.com/items/*", False),
        ("GET https://api.example.com:8443/items/*", False),
        ("GET https://api.example.com/items/", False),
        ("GET https://apiXexample.com/items/7", False),
        ("get https://api.example.com/", None),
        ("https://api.example.com/items", None),
        ("GET https://", None),
        ("GET https://api.example.com/#top", None),
        ("GET ftp://api.example.com/", None),
    ],
)
def test_what_a_pattern_takes(place, taken, upstream, clock):
    """Method, scheme, host, port and path have to match, and the query where the pattern has one."""
    with Faults() as faults:
        if taken is None:
            with pytest.raises(pytest.fail.Exception) as refused:
                faults.inject(place, "1*status(503)")
            assert str(refused.value) == (
                f"faults.inject(): {place!r} is no request of httpx: write the method, or '*', and the URL, such as "
                "'GET https://api.example.com/items/*'; '*' stands for any text in it"
            )
            faults._objections.texts.clear()
            return
        injection = faults.inject(place, "1*status(503)", strict=False)
        assert with_sync(upstream, url=f"{URL}?size=big").status_code == (503 if taken else 200)
        assert len(injection.calls) == taken


def test_the_root_needs_no_path(upstream, faults):
    """A URL without a path is that of the root."""
    faults.inject("GET https://api.example.com", "1*status(503)")
    assert with_sync(upstream, url="https://api.example.com/").status_code == 503


def test_only_requests_that_a_predicate_takes(fetch, upstream, faults):
    """`when` gets the request, with its content."""
    place = "POST https://api.example.com/*"
    injection = faults.inject(place, "status(503)", when=lambda request: b"big" in request.content)
    assert fetch("POST", content=b"small").status_code == 200
    assert fetch("POST", content=b"big").status_code == 503
    assert len(injection.calls) == 1


def test_a_streamed_request_reaches_the_server_whole(upstream, faults):
    """What a generator sends is read once for the script, and then by the server."""
    faults.inject("* https://api.example.com/*", "off")

    def parts():
        yield b"one"
        yield b"two"

    async def parts_async():
        for part in parts():
            yield part

    with_sync(upstream, "POST", content=parts())
    with_asyncio(upstream, "POST", content=parts_async())
    assert [each.content for each in upstream.requests] == [b"onetwo"] * 2


def test_a_streamed_answer_that_is_cut(upstream, faults):
    """The first part of a streamed body arrives before the error does."""
    faults.inject(PLACE, truncate(4).times(1))
    with httpx.Client(transport=httpx.MockTransport(upstream)) as client, client.stream("GET", URL) as answer:
        parts = answer.iter_raw()
        assert next(parts) == b'{"it'
        with pytest.raises(httpx.RemoteProtocolError):
            next(parts)


def test_injections_stack_across_patterns(upstream, faults):
    """The newest injection is asked first, whichever pattern it has; what it does not decide goes to the older."""
    faults.inject("* https://*", "1*status(500)")
    faults.inject(PLACE, "1*status(503)")
    assert [with_sync(upstream).status_code for _ in range(3)] == [503, 500, 200]


def test_a_list_of_places_has_one_count(upstream, faults):
    """A script at two patterns decides the requests of both."""
    faults.inject([PLACE, "POST https://api.example.com/*"], "2*status(503)")
    methods = ["GET", "POST", "GET"]
    assert [with_sync(upstream, each).status_code for each in methods] == [503, 503, 200]


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


def test_an_action_that_it_cannot_do_is_refused():
    """The message says what it can do."""
    with pytest.raises(pytest.fail.Exception) as refused, Faults() as faults:
        faults.inject(PLACE, "1*return(1)")
    assert str(refused.value) == (
        f"faults.inject(): {PLACE} is a URL of httpx, which can't do return(1): it can do off, raise, sleep, hang, "
        "pause, status, truncate, garbage, reset"
    )


def test_everything_is_as_before():
    """After the faults the transports are those from before."""

    def methods():
        kinds = [httpx.HTTPTransport, httpx.AsyncHTTPTransport, httpx.MockTransport, httpx.ASGITransport]
        return [dict(vars(each)) for each in kinds]

    before = methods()
    with Faults() as faults:
        faults.inject(PLACE, reset(), strict=False)
    assert methods() == before

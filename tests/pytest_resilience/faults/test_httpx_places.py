"""``"GET https://api.example.com/items/*"``: requests of httpx, which meet their script without a socket."""

import asyncio
import threading

import httpx
import pytest
import trio

from pytest_resilience import (
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
from tests.pytest_resilience.faults.upstream import PLACE, TIMEOUT, URL, with_sync


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
        ("GET /items/7", None),
        ("* /items/*", None),
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

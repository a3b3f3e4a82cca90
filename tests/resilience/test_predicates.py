"""Predicates: which errors are retried, which are not, and which results."""

from __future__ import annotations

import httpx
import pytest
import tenacity

from resilience import conn_retry, create_retry_decorator

NO_WAIT = tenacity.wait_none()
MAKERS = {
    "retry": lambda **arguments: create_retry_decorator(3, wait=NO_WAIT, **arguments),
    "connection": lambda **arguments: conn_retry("Redis", "connect", 2, wait=NO_WAIT, **arguments),
}
every_maker = pytest.mark.parametrize("maker", MAKERS)


def status_error(status):
    """The error that ``raise_for_status()`` raises."""
    request = httpx.Request("GET", "https://api.example")
    return httpx.HTTPStatusError(str(status), request=request, response=httpx.Response(status))


def is_temporary(error):
    """Whether another attempt may help."""
    return isinstance(error, httpx.HTTPStatusError) and error.response.status_code in {429, 503}


@every_maker
@pytest.mark.parametrize(("status", "attempts"), [(503, 3), (429, 3), (404, 1)])
def test_a_predicate_says_what_is_retried(mode, maker, status, attempts):
    """``retry_on`` may look at the error itself, such as at the status of an answer."""
    error = status_error(status)
    assert mode.fails(MAKERS[maker](retry_on=is_temporary)(mode.function(error))) is error
    assert mode.attempts == attempts


@every_maker
def test_a_predicate_says_what_is_not_retried(mode, maker):
    """``exclude_exceptions`` takes one as well, and goes before ``retry_on``."""
    decorator = MAKERS[maker](exclude_exceptions=is_temporary, retry_on=httpx.HTTPError)
    mode.fails(decorator(mode.function(status_error(404))))
    assert mode.attempts == 3
    mode.fails(decorator(mode.function(status_error(503))))
    assert mode.attempts == 4


def test_a_predicate_never_retries_what_is_no_exception(mode):
    """Ctrl-C passes straight through, whatever the predicate thinks."""
    mode.fails(create_retry_decorator(3, retry_on=lambda _: True)(mode.function(KeyboardInterrupt)), KeyboardInterrupt)
    assert mode.attempts == 1


def test_what_a_predicate_raises_ends_the_call_and_hides_nothing(mode, ends, log):
    """Its error is raised, has that of the attempt as its context, and is an ERROR in the log."""

    def broken(_error):
        raise ZeroDivisionError("wrong")

    raised = mode.fails(create_retry_decorator(retry_on=broken)(mode.function(ConnectionError)), ZeroDivisionError)
    assert type(raised.__context__) is ConnectionError
    assert [(end.error, end.broken) for end in ends] == [(raised, True)]
    assert log.lines == [("ERROR", "Giving up after 1 attempts for 'fetch': ZeroDivisionError: wrong")]


@every_maker
def test_a_refused_result_is_retried(mode, ends, maker):
    """A result for which the predicate is true is no success: the call goes on until there is another one."""
    fetch = MAKERS[maker](retry_on_result=lambda result: result is None)(mode.function(None, None, "stock"))
    assert mode.run(fetch) == "stock"
    assert mode.attempts == 3
    assert [(end.outcome, end.error) for end in ends] == [("recovered", None)]


@every_maker
@pytest.mark.parametrize("reraise", [True, False])
def test_a_result_that_is_refused_to_the_end_is_a_retry_error(mode, ends, maker, reraise):
    """There is no error of the function's own to raise, so it is tenacity's, with the result in it."""
    arguments = {"reraise": reraise} if maker == "retry" else {}
    fetch = MAKERS[maker](retry_on_result=lambda result: result == "later", **arguments)(mode.function("later"))
    raised = mode.fails(fetch, tenacity.RetryError)
    assert type(raised) is tenacity.RetryError
    assert raised.last_attempt.result() == "later"
    assert mode.attempts == 3
    assert [(end.outcome, end.reason, end.error, end.broken) for end in ends] == [
        ("gave_up", "attempts", raised, False)
    ]
    assert raised.__notes__ == [f"{fetch.failpoint}: gave up after 3 attempts, reason: attempts (no attempt is left)"]


def test_errors_and_refused_results_are_counted_together(mode, log):
    """An attempt fails by an error as by a result, and each has its line, which says what the result was."""
    fetch = create_retry_decorator(4, wait=NO_WAIT, retry_on_result=lambda result: result == 0)(
        mode.function(ConnectionError, 0, ConnectionError, 0)
    )
    mode.fails(fetch, tenacity.RetryError)
    assert log.lines == [
        ("WARNING", "Retry attempt 1 for 'fetch': ConnectionError: refused"),
        ("WARNING", "Retry attempt 2 for 'fetch': RetryError: RetryError[returned 0]"),
        ("WARNING", "Retry attempt 3 for 'fetch': ConnectionError: refused"),
        ("ERROR", "Giving up after 4 attempts for 'fetch': RetryError: RetryError[returned 0]"),
    ]


def test_a_result_whose_text_is_long_or_broken_is_named_all_the_same(sync_mode):
    """The text of the error is bounded, and says at least of what kind the result is."""

    class Unreadable:
        def __repr__(self):
            raise RuntimeError("no text")

    for result, shown in [
        ("x" * 10_000, f"RetryError[returned '{'x' * 99}…]"),
        (Unreadable(), "returned a Unreadable"),
    ]:
        fetch = create_retry_decorator(1, retry_on_result=lambda _: True)(sync_mode.function(result))
        assert shown in str(sync_mode.fails(fetch, tenacity.RetryError))


def test_what_the_predicate_of_a_result_raises_is_raised(mode, ends):
    """A bug in it is not taken for a failure of the function."""
    fetch = create_retry_decorator(retry_on_result=lambda result: result > 3)(mode.function("stock"))
    raised = mode.fails(fetch, TypeError)
    assert mode.attempts == 1
    assert [(end.outcome, end.error, end.broken) for end in ends] == [("gave_up", raised, True)]


def test_an_accepted_result_is_no_line(mode, log):
    """With a predicate of results, too, a success at once is silent."""
    assert mode.run(create_retry_decorator(retry_on_result=lambda _: False)(mode.function("stock"))) == "stock"
    assert log.lines == []


class Asking:
    """An object that can be asked."""

    def __call__(self, error):
        return True


def nothing():
    """Takes no argument."""
    return True


async def later(_error):
    """Answers only when it is awaited."""
    return True


@pytest.mark.parametrize("predicate", [is_temporary, Asking(), Asking().__call__, lambda *_: True, bool])
def test_anything_that_takes_one_argument_is_a_predicate_of_results(predicate):
    """Functions, methods, objects and classes that answer."""
    create_retry_decorator(retry_on_result=predicate)


@pytest.mark.parametrize("name", ["retry_on", "exclude_exceptions", "retry_on_result"])
@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        (nothing, "{} must be callable with one argument, {}, got {!r}"),
        (later, "{} must be a plain function, got the async {!r}: its answer would never be awaited"),
    ],
    ids=["no argument", "async"],
)
def test_what_can_t_be_a_predicate_is_refused(name, predicate, message):
    """A function that takes no argument, or whose answer is a coroutine, is refused where the decorator is made."""
    of = ["the result"] if name == "retry_on_result" else ["the exception"]
    with pytest.raises(TypeError) as refused:
        create_retry_decorator(**{name: predicate})
    shown = message.format(name, *(of if predicate is nothing else []), predicate)
    assert str(refused.value) == shown


def test_a_result_needs_a_predicate():
    """A value is none."""
    with pytest.raises(TypeError, match=r"^retry_on_result must be a predicate of the result, got 'later'$"):
        create_retry_decorator(retry_on_result="later")

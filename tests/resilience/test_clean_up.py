"""What a call leaves behind: no locals, no chains of contexts, no long tracebacks, and one note."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import traceback
import weakref
from dataclasses import dataclass

import pytest
import tenacity

import resilience
from resilience import conn_retry, continuous_retry, create_retry_decorator

NO_WAIT = tenacity.wait_none()
PACKAGE = resilience.__file__.rpartition("/")[0]

GIVING_UP = {
    "attempts": create_retry_decorator(3, wait=NO_WAIT),
    "one attempt": create_retry_decorator(1),
    "excluded": create_retry_decorator(3, OSError, wait=NO_WAIT),
    "deadline": create_retry_decorator(3, timeout=60.0, wait=tenacity.wait_fixed(61)),
    "with a deadline": create_retry_decorator(3, timeout=60.0, wait=NO_WAIT),
    "without reraise": create_retry_decorator(3, reraise=False, wait=NO_WAIT),
    "connection": conn_retry("Redis", "connect", 2, wait=NO_WAIT),
    "stop on": continuous_retry(retry_delay=0, stop_on=OSError),
}


@dataclass(frozen=True)
class FrozenError(OSError):
    """An error that a user has made immutable."""

    text: str


class Connection:
    """Something that must not outlive the frame that holds it."""


@pytest.fixture
def mode(repeated_mode):
    """Call each function for the first time and after a success: there, a call takes a shorter way."""
    return repeated_mode


@pytest.fixture
def no_collector():
    """Only reference counting: what is in a cycle stays."""
    gc.disable()
    yield
    gc.enable()


def failing(held, error):
    """A function that fails while it holds a connection."""

    def body():
        connection = Connection()
        held.append(weakref.ref(connection))
        raise error()

    return body


def alive(held):
    """How many connections are still there."""
    return sum(each() is not None for each in held)


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("end", GIVING_UP)
def test_no_local_of_a_failed_attempt_outlives_the_error(mode, end):
    """When the caller lets go of the error, what the attempts held is freed without the garbage collector."""
    held = []
    seen = []
    fetch = GIVING_UP[end](mode.of(failing(held, lambda: ConnectionError("refused"))))
    mode.see(fetch, lambda error: seen.append((error is not None, alive(held[:-1]), alive(held))))
    assert seen == [(True, 0, 1), (False, 0, 0)]


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("kind", [KeyboardInterrupt, GeneratorExit, SystemExit])
@pytest.mark.parametrize("failures", [0, 2])
def test_no_local_outlives_an_interruption(sync_mode, kind, failures):
    """Ctrl-C frees everything too, at the first attempt and at a later one."""
    held = []
    left = [kind, *[ConnectionError] * failures]

    def error():
        return left.pop()()

    fetch = create_retry_decorator(5, wait=NO_WAIT)(sync_mode.of(failing(held, error)))
    assert sync_mode.see(fetch, lambda _error: alive(held)) == 0
    assert len(held) == failures + 1


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("kind", ["retry", "connection", "continuous", "deadline"])
def test_arguments_and_results_are_let_go(mode, kind):
    """After a recovery neither the arguments nor the result of the call are kept."""
    decorator = {
        "retry": create_retry_decorator(wait=NO_WAIT),
        "connection": conn_retry("Redis", "connect", wait=NO_WAIT),
        "continuous": continuous_retry(retry_delay=0),
        "deadline": create_retry_decorator(wait=NO_WAIT, timeout=60.0),
    }[kind]
    attempts = []

    def body(argument):
        attempts.append(None)
        if len(attempts) < 3:
            raise ConnectionError("refused")
        return Connection()

    fetch = decorator(mode.of(body))
    references = []

    def call():
        argument = Connection()
        references.append(weakref.ref(argument))
        return fetch(argument)

    async def call_async():
        references.append(weakref.ref(await call()))

    def call_plainly():
        references.append(weakref.ref(call()))

    assert mode.see(call_async if mode.is_async else call_plainly, lambda _error: alive(references)) == 0
    assert len(references) == 2


@pytest.mark.usefixtures("no_collector")
def test_a_decorated_function_can_be_freed(sync_mode):
    """A decorator that is made in a function keeps nothing of it for ever."""

    def make():
        connection = Connection()

        @create_retry_decorator(2, wait=NO_WAIT)
        def fetch():
            return connection

        fetch()
        return weakref.ref(connection)

    reference = make()
    gc.collect()
    assert reference() is None


@pytest.mark.usefixtures("no_collector")
def test_a_copy_for_one_call_is_freed(mode):
    """What ``retry_with`` makes for a single call goes with it, and leaves nothing behind."""
    fetch = create_retry_decorator(2, wait=NO_WAIT)(mode.function("stock"))

    def call():
        copy = fetch.retry_with(wait=NO_WAIT)
        mode.run(copy)
        return weakref.ref(copy)

    assert call()() is None


def test_no_context_grows_over_many_attempts(mode):
    """Each error stands for itself: none has an earlier one as its context."""
    errors = []

    def body():
        error = ConnectionError(str(len(errors)))
        errors.append(error)
        raise error

    mode.fails(create_retry_decorator(100, wait=NO_WAIT)(mode.of(body)))
    assert len(errors) == 100
    assert all(error.__context__ is None and error.__cause__ is None for error in errors)


def test_a_call_in_a_handler_keeps_the_handled_error_as_context(sync_mode):
    """The context that Python itself gives to an error that is raised while another is handled stays."""
    handled = KeyError("handled")
    fetch = create_retry_decorator(3, wait=NO_WAIT)(sync_mode.function(ConnectionError))
    try:
        raise handled
    except KeyError:
        raised = sync_mode.fails(fetch)
    assert raised.__context__ is handled
    assert handled.__context__ is None


def frames_of(error):
    """The frames in the traceback of an error."""
    return list(traceback.extract_tb(error.__traceback__))


@pytest.mark.parametrize("end", [end for end in GIVING_UP if end != "without reraise"])
def test_a_traceback_has_the_users_frames_and_at_most_three_of_ours(mode, end):
    """Between the caller and the line that failed there are three frames at most, and none of tenacity."""

    def inner():
        raise ConnectionError("refused")

    def body():
        inner()

    frames = frames_of(mode.fails(GIVING_UP[end](mode.of(body))))
    names = [frame.name for frame in frames]
    assert names[-2:] == ["body", "inner"]
    assert sum(frame.filename.startswith(PACKAGE) for frame in frames) <= 3
    assert not any("tenacity" in frame.filename for frame in frames)
    assert names.count("inner") == names.count("body") == 1


def test_the_traceback_of_an_interruption_is_short_too(mode):
    """Ctrl-C shows where it struck, with at most three frames of ours."""
    for outcomes in ([KeyboardInterrupt], [ConnectionError, KeyboardInterrupt]):
        raised = mode.fails(create_retry_decorator(3, wait=NO_WAIT)(mode.function(*outcomes)), KeyboardInterrupt)
        frames = frames_of(raised)
        assert frames[-1].name == "body"
        assert sum(frame.filename.startswith(PACKAGE) for frame in frames) <= 3


@pytest.mark.parametrize("end", ["attempts", "with a deadline"])
def test_one_error_object_does_not_grow_in_many_attempts(mode, end):
    """An error object that is raised at every attempt keeps the traceback of one."""
    error = ConnectionError("refused")
    settings = {"timeout": 600.0} if end == "with a deadline" else {}
    mode.fails(create_retry_decorator(100, wait=NO_WAIT, **settings)(mode.function(error)))
    assert mode.attempts == 100
    assert len(frames_of(error)) < 20
    assert len(error.__notes__) == 1


def test_one_error_object_does_not_grow_in_many_calls(mode):
    """An error object that ends every call, as a mock's does, keeps one note, and no more frames than undecorated."""
    error = ConnectionError("refused")
    fetch = create_retry_decorator(2, wait=NO_WAIT)(mode.function(error))

    def call():
        with pytest.raises(ConnectionError):
            mode.run(fetch)

    call()
    first = len(frames_of(error))
    error.__traceback__ = None
    for _ in range(10):
        call()
        error.__traceback__ = None
    assert len(error.__notes__) == 1
    call()
    assert len(frames_of(error)) == first


@pytest.mark.parametrize("end", ["attempts", "excluded", "with a deadline", "without reraise", "connection"])
def test_a_frozen_error_is_raised_and_noted_like_any_other(mode, end):
    """An exception that is a frozen dataclass, which refuses every attribute, reaches the caller with its note."""
    error = FrozenError("refused")
    raised = mode.fails(GIVING_UP[end](mode.function(error)))
    assert (raised.__cause__ if end == "without reraise" else raised) is error
    assert "reason: " in error.__notes__[0]


def test_an_error_that_refuses_notes_is_raised_all_the_same(mode):
    """A note that can't be written is no reason for another error."""

    class SealedError(Exception):
        __notes__ = property()  # nothing can be read there, and nothing written

    error = SealedError("refused")
    assert mode.fails(create_retry_decorator(2, wait=NO_WAIT)(mode.function(error))) is error


def test_notes_of_ones_own_stay(mode):
    """The note comes after those that the error already has."""
    error = ConnectionError("refused")
    error.add_note("while ordering")
    mode.fails(create_retry_decorator(1)(mode.function(error)))
    assert error.__notes__[0] == "while ordering"
    assert len(error.__notes__) == 2


def test_nested_decorators_each_leave_their_note(mode):
    """An error that passes through two decorated functions says so for both, once each."""
    inner = create_retry_decorator(2, wait=NO_WAIT)(mode.function(ConnectionError("refused"), name="inner"))

    def call():
        return inner()

    call.__module__, call.__qualname__ = "shop.stock", "outer"
    raised = mode.fails(create_retry_decorator(3, wait=NO_WAIT)(call))
    assert raised.__notes__ == [
        "shop.stock:inner: gave up after 2 attempts, reason: attempts (no attempt is left)",
        "shop.stock:outer: gave up after 3 attempts, reason: attempts (no attempt is left)",
    ]


def test_a_profiler_sees_few_frames_in_a_success(sync_mode):
    """A call that succeeds at once runs one frame of ours, and none of tenacity."""
    fetch = create_retry_decorator()(sync_mode.function("stock"))
    called = []

    def profile(frame, event, _argument):
        if event == "call":
            called.append(frame.f_code.co_filename)

    before = sys.getprofile()
    fetch()
    sys.setprofile(profile)
    try:
        fetch()
    finally:
        sys.setprofile(before)
    assert sum(name.startswith(PACKAGE) for name in called) == 1
    assert not any("tenacity" in name for name in called)


def test_nothing_runs_in_the_background_before_the_first_alert(sync_mode):
    """Retrying and giving up start no thread."""
    before = threading.active_count()
    sync_mode.fails(create_retry_decorator(3, wait=NO_WAIT)(sync_mode.function(ConnectionError)))
    assert threading.active_count() == before


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    ("end", "is_async"),
    # A deadline of an async call needs an event loop, which leaves cycles of its own.
    [(end, is_async) for end in GIVING_UP for is_async in (False, True) if not (is_async and "deadline" in end)],
)
def test_a_failing_call_leaves_nothing_to_the_collector(end, is_async):
    """What a call was made of is gone when it is over, and no object of it waits for the collection of cycles."""

    def fail():
        raise FrozenError("refused")

    async def fail_async():
        raise FrozenError("refused")

    fetch = GIVING_UP[end](fail_async if is_async else fail)
    fetch.retry.sleep = lambda _seconds: None

    def call():
        with contextlib.suppress(FrozenError, tenacity.RetryError):
            fetch().send(None)

    call()
    gc.collect()
    for _ in range(3):
        call()
    assert gc.collect() == 0

"""The functions that make scripts of one term, one for each action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from resilience._failpoints.script.actions import functions, http, tcp
from resilience._failpoints.script.actions.action import Action
from resilience._failpoints.script.exception_copy import fresh_copy
from resilience._failpoints.script.quantities import Span, check_duration
from resilience._failpoints.script.script import Script
from resilience._failpoints.script.term import Term
from resilience._failpoints.script.values import described

__tracebackhide__ = True  # a mistake in a script is shown where the script is written


def fail(error: BaseException | type[BaseException]) -> Script:
    """Return a script that raises ``error`` in place of every call; `Script.times` says of how many.

    Each call gets a copy of its own: same type, ``args``, attributes and cause, but no traceback. Any exception will
    do, ``asyncio.CancelledError`` and ``KeyboardInterrupt`` too. A class stands for what calling it without arguments
    makes. To find the text form, the class may be called again, with what the exception holds.

    >>> fail(ConnectionError("refused")).times(2)
    <Script 2*raise(ConnectionError('refused'))>

    Raises:
        TypeError: Not an exception, or a class that can't be called without arguments.
    """
    if isinstance(error, type) and issubclass(error, BaseException):
        try:
            return _script(functions.Raise(error()))
        except Exception as problem:
            raise TypeError(
                f"{error.__qualname__} can't be made without arguments ({type(problem).__qualname__}: {problem}): "
                f"write fail({error.__qualname__}(...))"
            ) from problem
    if not isinstance(error, BaseException):
        raise TypeError(
            f"fail() takes an exception or its class, such as ConnectionError('refused'); got {described(error)}"
        )
    return _script(functions.Raise(fresh_copy(error)))


def answer(value: object = None) -> Script:
    """Return a script that returns ``value`` in place of every call; `Script.times` says of how many.

    A list, dict or set made of literals is new for each call; any other object is handed out as it is.

    >>> answer(500).times(3).then(answer({"ok": True}))
    <Script 3*return(500)->return({'ok': True})>
    """
    return _script(functions.Return(value).fresh())


def delay(seconds: float | str, longest: float | str | None = None) -> Script:
    """Return a script that waits before it lets a call through; `Script.times` says how many.

    ``seconds`` is a number, or a duration such as ``"250ms"`` or ``"1h30m"``. With ``longest``, each call draws its own
    wait from that range.

    >>> delay(1.5).times(1).then(delay("250ms", 1))
    <Script 1*sleep(1.5)->sleep(0.25..1)>

    Raises:
        TypeError: Neither a number nor a text.
        ValueError: Negative, NaN, longer than 292 years, not a duration, or a range that ends before it begins.
    """
    shortest = _delay(seconds)
    upper = shortest if longest is None else _delay(longest)
    if upper < shortest:
        raise ValueError(f"delay() takes a range from short to long; got {described(seconds)} and {described(longest)}")
    return _script(functions.Sleep(Span(shortest, upper)))


def _delay(seconds: object) -> int:
    try:
        return check_duration(seconds)
    except TypeError:
        raise TypeError(
            f"delay() takes seconds, such as 1.5, or a duration, such as '250ms'; got {described(seconds)}"
        ) from None


def passthrough() -> Script:
    """Return a script that lets every call through; `Script.times` says how many.

    With a count it picks the call that a fault strikes:

    >>> passthrough().times(2).then(fail(TimeoutError).times(1))
    <Script 2*off->1*raise(TimeoutError)>
    """
    return _script(functions.Off())


def hang() -> Script:
    """Return a script that never answers: until the call is cancelled, times out, is disarmed, or the test ends."""
    return _script(functions.Hang())


def pause() -> Script:
    """Return a script that waits until ``injection.resume()``; ``injection.wait_reached()`` waits for calls."""
    return _script(functions.Pause())


def crash() -> Script:
    """Return a script with which the program dies at the call: `Crash` in the test's process, SIGKILL in a child."""
    return _script(functions.CrashHere())


def call(function: Callable[..., Any]) -> Script:
    """Return a script that lets ``function`` answer, with the arguments of the call. It has no text form.

    Raises:
        TypeError: Not callable.
    """
    if not callable(function):
        raise TypeError(f"call() takes a function that answers in place of the call; got {described(function)}")
    return _script(functions.Call(function))


def status(
    status: int,
    body: str | None = None,
    *,
    retry_after: float | str | None = None,
    json: object = None,
    headers: Mapping[str, str] | None = None,
) -> Script:
    """Return a script that answers an HTTP request with a status of its own, from 200 to 599.

    ``retry_after`` is in seconds, or a duration such as ``"2m"``, for the header of that name.

    >>> status(429, retry_after=2).times(2)
    <Script 2*status(429, retry_after=2)>
    """
    given = None if headers is None else dict(headers)
    return _script(http.Status.of(status=status, body=body, retry_after=retry_after, json=json, headers=given))


def truncate(size: int | str) -> Script:
    """Return a script that ends the body of an HTTP answer early, after so many bytes or a share such as ``"50%"``."""
    return _script(http.Truncate.of(size=size))


def garbage() -> Script:
    """Return a script that answers bytes that are no protocol, drawn from the seed, then closes the connection."""
    return _script(http.Garbage())


def reset() -> Script:
    """Return a script that ends the connection with RST."""
    return _script(http.Reset())


def refuse() -> Script:
    """Return a script that refuses a TCP connection."""
    return _script(tcp.Refuse())


def latency(delay: float | str, *, jitter: float | str | None = None) -> Script:
    """Return a script that lets each chunk of a TCP connection leave later, by seconds or a duration.

    >>> latency("100ms", jitter="20ms")
    <Script latency(0.1, jitter=0.02)>
    """
    return _script(tcp.Latency.of(delay=delay, jitter=jitter))


def bandwidth(rate: int | str) -> Script:
    """Return a script that lets so many bytes a second through a TCP connection: ``"64KB"`` is 64,000."""
    return _script(tcp.Bandwidth.of(rate=rate))


def slices(size: int | str, *, pause: float | str | None = None) -> Script:
    """Return a script that lets the bytes of a TCP connection arrive in pieces of a size, with a pause between them."""
    return _script(tcp.Slices.of(size=size, pause=pause))


def limit(size: int | str, *, reset: bool | None = None) -> Script:
    """Return a script that closes a TCP connection after so many bytes, with FIN or, if ``reset``, with RST."""
    return _script(tcp.Limit.of(size=size, reset=reset or None))


def corrupt(offset: int | str) -> Script:
    """Return a script that flips one bit of the byte at an offset, from 0, of each direction of a TCP connection."""
    return _script(tcp.Corrupt.of(offset=offset))


def slow_close(delay: float | str) -> Script:
    """Return a script that passes the end of a TCP stream on later, by seconds or a duration."""
    return _script(tcp.SlowClose.of(delay=delay))


def _script(action: Action) -> Script:
    return Script((Term(action),))

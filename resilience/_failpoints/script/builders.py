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


def fail(error: BaseException | type[BaseException]) -> Script:
    """Return a script that raises ``error`` in place of every call; `Script.times` says of how many.

    Each call gets a copy of its own: same type, ``args``, attributes and cause, but no traceback. Any exception will
    do, ``asyncio.CancelledError`` and ``KeyboardInterrupt`` too. A class stands for what calling it without arguments
    makes. To find the text form, the class may be called again, with what the exception holds.

    Args:
        error: An exception, or its class.

    Raises:
        TypeError: Not an exception, or a class that can't be called without arguments.

    Example:
        >>> fail(ConnectionError("refused")).times(2)
        <Script 2*raise(ConnectionError('refused'))>
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

    Args:
        value: A list, dict or set made of literals is new for each call; any other object is handed out as it is.

    Example:
        >>> answer(500).times(3).then(answer({"ok": True}))
        <Script 3*return(500)->return({'ok': True})>
    """
    return _script(functions.Return(value).fresh())


def delay(seconds: float | str, longest: float | str | None = None) -> Script:
    """Return a script that waits before it lets a call through; `Script.times` says how many.

    Args:
        seconds: For how long: a number of seconds, or a duration such as ``"250ms"`` or ``"1h30m"``.
        longest: Each call draws its own wait, uniformly from ``seconds`` to this. Default: all wait for ``seconds``.

    Raises:
        TypeError: Neither a number nor a text.
        ValueError: Negative, NaN, longer than 292 years, not a duration, or a range that ends before it begins.

    Example:
        >>> delay(1.5).times(1).then(delay("250ms", 1))
        <Script 1*sleep(1.5)->sleep(0.25..1)>
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
    except ValueError as error:  # that of a text is of a type of our own
        raise ValueError(str(error)) from None


def passthrough() -> Script:
    """Return a script that lets every call through; `Script.times` says how many.

    With a count it picks the call that a fault strikes.

    Example:
        >>> passthrough().times(2).then(fail(TimeoutError).times(1))
        <Script 2*off->1*raise(TimeoutError)>
    """
    return _script(functions.Off())


def hang() -> Script:
    """Return a script that never answers: until the call is cancelled, times out, is disarmed, or the test ends.

    Use it for a server that has gone away without a word. What waits when the test ends is ended by a `BaseException`.

    Example:
        >>> hang().times(1)
        <Script 1*hang>
    """
    return _script(functions.Hang())


def pause() -> Script:
    """Return a script that holds calls until ``injection.resume()``; ``injection.wait_reached()`` waits for them.

    Use it to do something at the very moment when a call is under way.

    Example:
        >>> pause().times(2)
        <Script 2*pause>
    """
    return _script(functions.Pause())


def crash() -> Script:
    """Return a script with which the program dies at the call: `Crash` in the test's process, SIGKILL in a child.

    `Crash` is a `BaseException`, so no ``except Exception`` of the code under test survives it.

    Example:
        >>> passthrough().times(2).then(crash().times(1))
        <Script 2*off->1*crash>
    """
    return _script(functions.CrashHere())


def call(function: Callable[..., Any]) -> Script:
    """Return a script that lets a function of the test answer. It has no text form.

    Args:
        function: What is called in place of the call, with its arguments; what it returns or raises is the answer.

    Raises:
        TypeError: Not callable.

    Example:
        ``call(lambda amount: amount * 2).times(1)``
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
    """Return a script that answers an HTTP request with a status of its own.

    Args:
        status: From 200 to 599.
        body: The text of the answer. Default: none.
        retry_after: The header of that name: seconds, or a duration such as ``"2m"``. Default: no such header.
        json: What the answer holds as JSON, in place of a text.
        headers: Further headers.

    Raises:
        TypeError: A value of a wrong type.
        ValueError: A status or a header that can't be, or a text and JSON.

    Example:
        >>> status(429, retry_after=2).times(2)
        <Script 2*status(429, retry_after=2)>
    """
    given = None if headers is None else dict(headers)
    return _script(http.Status.of(status=status, body=body, retry_after=retry_after, json=json, headers=given))


def truncate(size: int | str) -> Script:
    """Return a script that ends the body of an HTTP answer early, with the promised length unchanged.

    Args:
        size: After how many bytes, or after which share of the body, such as ``"50%"``.

    Raises:
        TypeError: Neither a number nor a text.
        ValueError: No size.

    Example:
        >>> truncate("50%").times(1)
        <Script 1*truncate(50%)>
    """
    return _script(http.Truncate.of(size=size))


def garbage() -> Script:
    """Return a script that answers bytes that are no protocol, drawn from the seed, then closes the connection.

    Example:
        >>> garbage().times(1)
        <Script 1*garbage>
    """
    return _script(http.Garbage())


def reset() -> Script:
    """Return a script that ends the connection with RST, whether it is new or has been there.

    Example:
        >>> reset().times(1)
        <Script 1*reset>
    """
    return _script(http.Reset())


def refuse() -> Script:
    """Return a script that refuses a TCP connection, as a port does that nobody listens at.

    Example:
        >>> refuse().times(3)
        <Script 3*refuse>
    """
    return _script(tcp.Refuse())


def latency(delay: float | str, *, jitter: float | str | None = None) -> Script:
    """Return a script that lets each chunk of a TCP connection leave later; order and throughput stay.

    Args:
        delay: By how much: seconds, or a duration such as ``"100ms"``.
        jitter: Each chunk draws up to so much more or less. Default: none.

    Raises:
        TypeError: Neither a number nor a text.
        ValueError: Negative, or no duration.

    Example:
        >>> latency("100ms", jitter="20ms")
        <Script latency(0.1, jitter=0.02)>
    """
    return _script(tcp.Latency.of(delay=delay, jitter=jitter))


def bandwidth(rate: int | str) -> Script:
    """Return a script that lets so many bytes a second through a TCP connection.

    Args:
        rate: A number of bytes, or a size such as ``"64KB"``, which is 64,000, or ``"64KiB"``, which is 65,536.

    Raises:
        TypeError: Neither a number nor a text.
        ValueError: Zero, or no size.

    Example:
        >>> bandwidth("64KB")
        <Script bandwidth(64000)>
    """
    return _script(tcp.Bandwidth.of(rate=rate))


def slices(size: int | str, *, pause: float | str | None = None) -> Script:
    """Return a script that lets the bytes of a TCP connection arrive in pieces.

    Args:
        size: Of how many bytes each: a number, or a size such as ``"1KB"``.
        pause: How long between them: seconds, or a duration such as ``"5ms"``. Default: none.

    Raises:
        TypeError: Neither a number nor a text.
        ValueError: Zero, or no size or duration.

    Example:
        >>> slices(10, pause="5ms")
        <Script slice(10, pause=0.005)>
    """
    return _script(tcp.Slices.of(size=size, pause=pause))


def limit(size: int | str, *, reset: bool | None = None) -> Script:
    """Return a script that closes a TCP connection after so many bytes.

    Args:
        size: A number of bytes, or a size such as ``"1KB"``.
        reset: Close it with RST. Default: with FIN, as a program does that has said all.

    Raises:
        TypeError: Neither a number nor a text.
        ValueError: Zero, or no size.

    Example:
        >>> limit("1KB", reset=True)
        <Script limit(1000, reset=True)>
    """
    return _script(tcp.Limit.of(size=size, reset=reset))


def corrupt(offset: int | str) -> Script:
    """Return a script that flips one bit of a byte in each direction of a TCP connection.

    Args:
        offset: Which byte, counted from 0: a number, or a size such as ``"1KB"``.

    Raises:
        TypeError: Neither a number nor a text.
        ValueError: Negative, or no size.

    Example:
        >>> corrupt(100)
        <Script corrupt(100)>
    """
    return _script(tcp.Corrupt.of(offset=offset))


def slow_close(delay: float | str) -> Script:
    """Return a script that passes the end of a TCP stream on later.

    Args:
        delay: By how much: seconds, or a duration such as ``"5s"``.

    Raises:
        TypeError: Neither a number nor a text.
        ValueError: Negative, or no duration.

    Example:
        >>> slow_close("5s")
        <Script slow_close(5)>
    """
    return _script(tcp.SlowClose.of(delay=delay))


def _script(action: Action) -> Script:
    return Script((Term(action),))

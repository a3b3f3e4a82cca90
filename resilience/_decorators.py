"""The decorators: their arguments, checked, made into a policy for the engine."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, final

from resilience import _policy
from resilience._engine import retried, wait_equal_jitter, wait_fixed
from resilience._engine.stop import check_stop_event
from resilience._matching import check_errors, check_predicate
from resilience._policy import Policy
from resilience._support.explained import explained
from resilience._support.wording import counted
from resilience.redact import clean

if TYPE_CHECKING:
    from resilience._matching import Exceptions
    from resilience._policy import Seconds, WaitStrategy
    from resilience.typing import Decorator, StopEvent

_log = logging.getLogger("resilience")


@final
class RetryDecorator:
    """A decorator for any number of callables, which share nothing.

    It gives back a callable of the very same type: write it above a function, or call it with one.
    """

    def __init__(self, policy: Policy, announced: Callable[[], bool] | None = None) -> None:
        self._policy = policy
        self._announced = announced

    def __call__(self, *candidates: Any, **arguments: object) -> Any:
        if arguments:
            raise TypeError(
                f"a retry decorator that is ready made takes no arguments, got {', '.join(arguments)}: write "
                "@create_retry_decorator(...) with them above the function"
            )
        if len(candidates) != 1:
            raise TypeError(
                f"a retry decorator takes one callable, got {len(candidates)}: write @func_retry, or "
                "@create_retry_decorator(...), above the function, with no further parentheses"
            )
        return retried(candidates[0], self._policy, self._announced)

    def __repr__(self) -> str:
        policy = self._policy
        place = "" if policy.resource is None else f" of {clean(f'{policy.resource}.{policy.action}')}"
        attempts = "no limit" if policy.max_attempts is None else counted(policy.max_attempts, "attempt")
        return f"<retry decorator{place}, {attempts}>"


def _optional(check: Callable[..., Any]) -> Callable[..., Any]:
    return lambda name, value: None if value is None else check(name, value)


_CHECKS: Final[dict[str, Callable[[str, Any], Any]]] = {
    "exclude_exceptions": functools.partial(check_errors, retried=False),
    "retry_on": functools.partial(check_errors, retried=True),
    "retry_on_result": _optional(functools.partial(check_predicate, of="the result")),
    "timeout": _optional(functools.partial(_policy.check_seconds, zero=False)),
    "max_retry_after": functools.partial(_policy.check_seconds, zero=True),
    "stop_event": _optional(lambda _, event: check_stop_event(event)),
    "channel": _optional(functools.partial(_policy.check_text, empty=False)),
}


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    return {name: check(name, given[name]) for name, check in _CHECKS.items() if name in given}


def _waits(wait: object, max_wait: object) -> dict[str, Any]:
    cap = _policy.check_seconds("max_wait", max_wait, zero=True)
    if wait is None:
        return {"wait": wait_equal_jitter(cap), "max_wait": cap}
    return {"wait": _policy.check_wait(wait)}


def _of_other_libraries(attempts: str) -> dict[str, str]:
    """What to write for the arguments that tenacity, stamina and backoff have in the place of ours."""
    return {
        **dict.fromkeys(("attempts", "max_retries", "max_tries", "retries", "stop", "tries"), attempts),
        **dict.fromkeys(("exception", "exceptions", "on", "retry"), _WHICH_ERRORS),
    }


_WHICH_ERRORS: Final = "write retry_on=... for what is retried, or exclude_exceptions=... for what is not"
_ATTEMPTS: Final = "write max_attempts=..., which counts the first attempt, too"
_RETRIES: Final = "write max_retry=..., which does not count the first attempt"


@explained(
    write="create_retry_decorator()",
    instead={
        **_of_other_libraries(_ATTEMPTS),
        "max_retry": _ATTEMPTS,
        "stop_on": "write exclude_exceptions=...",
        "retry_delay": "write wait=tenacity.wait_fixed(...)",
    },
)
def create_retry_decorator(
    max_attempts: int = 5,
    exclude_exceptions: Exceptions = (),
    max_wait: Seconds = 30.0,
    context: str = "",
    reraise: bool = True,  # noqa: FBT001, FBT002  # a public signature, which callers use by position
    *,
    retry_on: Exceptions = Exception,
    retry_on_result: Callable[[Any], bool] | None = None,
    alert_threshold: int | None = None,
    timeout: Seconds | None = None,
    wait: WaitStrategy | None = None,
    max_retry_after: Seconds = 300.0,
    stop_event: StopEvent | None = None,
    channel: str | None = None,
) -> Decorator:
    """Return a decorator that retries a callable, sync or async, and says in the log what it does.

    Use it for calls that may fail for a while and are safe to repeat. Each failure that will be retried is a WARNING;
    giving up is an ERROR, once per call, and a note on the exception.

    Args:
        max_attempts: How often the function is run at most; at least 1.
        exclude_exceptions: Errors that are raised at once, however they are related to ``retry_on``: types, or a
            predicate of the error. An exception group is excluded if any exception in it is, and retried only if every
            one would be.
        max_wait: The longest backoff between two attempts, in seconds; at least 0. The waits are drawn from [c/2, c],
            where c is 2, 4, 8, ... up to this cap. A server's ``Retry-After`` may make a wait longer.
        context: A text that stands before the log lines and in the alert.
        reraise: Raise the last error as it is; False raises `tenacity.RetryError` from it.
        retry_on: Errors that are retried: types, or a predicate of the error. Only `Exception` ever is; Ctrl-C and
            cancellation pass straight through.
        retry_on_result: A predicate: a result for which it is true is retried like an error. Where that of the last
            attempt still is, the call raises `tenacity.RetryError`.
        alert_threshold: The attempt from which on a failing call alerts. Default: 50 where 50 can be reached.
        timeout: Seconds from the start of the call after which no attempt starts; an async attempt is cut off then. A
            wait that would pass it gives up at once. `resilience.time_left` tells an attempt how much is left. Default:
            no limit.
        wait: A tenacity wait strategy instead of the backoff above.
        max_retry_after: The longest ``Retry-After`` that is waited for, in seconds; at least 0. A server that asks for
            more is not waited for: the call gives up.
        stop_event: An event of `threading`, or for async functions also of their event loop. When it is set the sleep
            ends at once, no further attempt is made, and the last error is raised. Default: only
            `resilience.stop_retry_loops` does that.
        channel: Which of ``configure(discord_channels=...)`` its alerts go to. Default: the default webhook.

    Raises:
        TypeError: An argument of a wrong type.
        ValueError: An argument out of its range.

    Example:
        ::

            @create_retry_decorator(max_attempts=3, exclude_exceptions=(PermissionError,))
            def read_order() -> str: ...
    """
    given = {**locals()}  # the arguments, as in the other two
    attempts = _policy.check_count("max_attempts", max_attempts, least=1)
    policy = Policy(
        kind="retry",
        max_attempts=attempts,
        context=_policy.check_text("context", context, empty=True),
        reraise=_policy.check_flag("reraise", reraise),
        alert_threshold=_policy.check_threshold(alert_threshold, attempts=attempts),
        **_waits(wait, max_wait),
        **_checked(given),
    )
    return RetryDecorator(policy)


func_retry: Final[Decorator] = create_retry_decorator(max_attempts=5)
func_retry.__doc__ = """Retry a callable, sync or async: five attempts at most, then the last error is raised as it is.

The decorator `create_retry_decorator` with its defaults, ready made. Any `Exception` is retried; after attempt n it
waits from 1 to 2, 2 to 4, 4 to 8, 8 to 16 seconds, drawn anew for each call, or longer where a server's ``Retry-After``
says so. Each failure that will be retried is logged as a WARNING, giving up as an ERROR.

Raises:
    TypeError: What it decorates can't be retried, such as a generator function; the text says what to write instead.

Example:
    ::

        @func_retry
        def fetch() -> str: ...
"""


@explained(
    write='conn_retry("Redis", "connect")',
    instead={
        **_of_other_libraries(_RETRIES),
        "max_attempts": _RETRIES,
        "stop_on": "write exclude_exceptions=...",
        "retry_delay": "write wait=tenacity.wait_fixed(...)",
        "context": "its lines and alerts name the resource",
        "reraise": "it always raises the last error as it is",
    },
)
def conn_retry(
    resource_name: str,
    action_name: str,
    max_retry: int = 100,
    max_wait: Seconds = 30.0,
    *,
    exclude_exceptions: Exceptions = (),
    retry_on: Exceptions = Exception,
    retry_on_result: Callable[[Any], bool] | None = None,
    alert_threshold: int | None = None,
    timeout: Seconds | None = None,
    wait: WaitStrategy | None = None,
    max_retry_after: Seconds = 300.0,
    stop_event: StopEvent | None = None,
    channel: str | None = None,
) -> Decorator:
    """Return a decorator for a call to infrastructure: a database, a queue, a cache.

    Every line that it logs begins with a prefix that names process, thread, service and resource, and a connection id
    that is new for each call. Losing infrastructure is never silent: where the alert threshold can't be reached, giving
    up alerts.

    Args:
        resource_name: What is connected to, such as ``"Redis"``.
        action_name: What is done with it, such as ``"connect"``.
        max_retry: How often the call is repeated at most, so it makes ``max_retry + 1`` attempts; at least 0.
        max_wait: The longest backoff between two attempts, in seconds; at least 0. The waits are drawn from [c/2, c],
            where c is 2, 4, 8, ... up to this cap. A server's ``Retry-After`` may make a wait longer.
        exclude_exceptions: Errors that are raised at once, however they are related to ``retry_on``: types, or a
            predicate of the error. An exception group is excluded if any exception in it is, and retried only if every
            one would be.
        retry_on: Errors that are retried: types, or a predicate of the error. Only `Exception` ever is; Ctrl-C and
            cancellation pass straight through.
        retry_on_result: A predicate: a result for which it is true is retried like an error. Where that of the last
            attempt still is, the call raises `tenacity.RetryError`.
        alert_threshold: The attempt from which on a failing call alerts. Default: 50 where 50 can be reached, else the
            give-up alerts.
        timeout: Seconds from the start of the call after which no attempt starts; an async attempt is cut off then. A
            wait that would pass it gives up at once. `resilience.time_left` tells an attempt how much is left. Default:
            no limit.
        wait: A tenacity wait strategy instead of the backoff above.
        max_retry_after: The longest ``Retry-After`` that is waited for, in seconds; at least 0. A server that asks for
            more is not waited for: the call gives up.
        stop_event: An event of `threading`, or for async functions also of their event loop. When it is set the sleep
            ends at once, no further attempt is made, and the last error is raised. Default: only
            `resilience.stop_retry_loops` does that.
        channel: Which of ``configure(discord_channels=...)`` its alerts go to. Default: the default webhook.

    Raises:
        TypeError: An argument of a wrong type.
        ValueError: An argument out of its range.

    Example:
        ::

            @conn_retry("PostgreSQL", "connect", max_retry=20)
            def connect() -> Connection: ...
    """
    given = {**locals()}
    attempts = _policy.check_count("max_retry", max_retry, least=0) + 1
    policy = Policy(
        kind="connection",
        max_attempts=attempts,
        resource=_policy.check_text("resource_name", resource_name, empty=False),
        action=_policy.check_text("action_name", action_name, empty=False),
        alert_threshold=_policy.check_threshold(alert_threshold, attempts=attempts),
        alert_on_give_up=alert_threshold is None,
        **_waits(wait, max_wait),
        **_checked(given),
    )
    return RetryDecorator(policy, announced=functools.partial(_log.isEnabledFor, logging.INFO))


@explained(
    write="continuous_retry()",
    instead={
        "exclude_exceptions": "write stop_on=...",
        "retry_on": "it retries every Exception, but for what stop_on=... names",
        "max_attempts": "it goes on until it succeeds; write @create_retry_decorator(max_attempts=...)",
        "max_retry": "it goes on until it succeeds; write @conn_retry(..., max_retry=...)",
        "max_wait": "write retry_delay=..., which is always the same",
        "wait": "write retry_delay=..., which is always the same",
    },
)
def continuous_retry(
    *,
    retry_delay: Seconds = 1.0,
    stop_event: StopEvent | None = None,
    stop_on: Exceptions = (),
    alert_threshold: int | None = None,
    timeout: Seconds | None = None,
    max_retry_after: Seconds = 300.0,
    channel: str | None = None,
) -> Decorator:
    """Return a decorator that goes on until the call succeeds, for loops that must not die, such as consumers.

    Each failure is a WARNING, every tenth an ERROR with its traceback. From the 50th on it alerts, at most once in each
    window. Only `Exception` is retried; Ctrl-C and cancellation pass straight through.

    Args:
        retry_delay: Seconds between two attempts; at least 0. A server's ``Retry-After`` may make a wait longer.
        stop_event: An event of `threading`, or for async functions also of their event loop. When it is set the sleep
            ends at once, no further attempt is made, and the last error is raised. Default: only
            `resilience.stop_retry_loops` does that.
        stop_on: Errors that are raised at once: types, or a predicate of the error. A group is if any exception in it
            is. Default: none.
        alert_threshold: The attempt from which on a failing call alerts. Default: 50.
        timeout: Seconds from the start of the call after which it gives up; an async attempt is cut off then. Default:
            no limit.
        max_retry_after: The longest ``Retry-After`` that is waited for, in seconds; at least 0. A server that asks for
            more is not waited for: the call gives up.
        channel: Which of ``configure(discord_channels=...)`` its alerts go to. Default: the default webhook.

    Raises:
        TypeError: An argument of a wrong type.
        ValueError: An argument out of its range.

    Example:
        ::

            @continuous_retry(retry_delay=5.0, stop_event=shutting_down)
            def consume() -> None: ...
    """
    given = {**locals()}
    policy = Policy(
        kind="continuous",
        max_attempts=None,
        exclude_exceptions=check_errors("stop_on", stop_on, retried=False),
        wait=wait_fixed(_policy.check_seconds("retry_delay", retry_delay, zero=True)),
        alert_threshold=_policy.check_threshold(alert_threshold, attempts=None),
        **_checked(given),
    )
    return RetryDecorator(policy)

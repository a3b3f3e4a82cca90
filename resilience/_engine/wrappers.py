"""The wrappers around a retried callable: the direct call, and the two loops that a failure enters.

The loops differ in their ``await`` alone; what they have in common is in `Run`.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Coroutine
from typing import Any

import tenacity

from resilience._engine.callables import Target, target_of
from resilience._engine.controller import Controller, controller_for, sleep_for
from resilience._engine.deadline import Deadline
from resilience._engine.deferred import PLAIN, Pending, generator_error, is_coroutine, is_deferred, is_generator
from resilience._engine.run import Retried, Run
from resilience._engine.stop import Sleep, check_stop_event_for, warn_of_blocked_loop
from resilience._events import stream
from resilience._failpoints.table import armed
from resilience._policy import Policy
from resilience._support.kinds import is_async


def retried(candidate: Any, policy: Policy, announced: Callable[[], bool] | None = None) -> Any:
    """Wrap a callable so that its calls are retried as the policy says.

    Args:
        candidate: Anything that can be decorated: a function or method, sync or async, also inside a `staticmethod` or
            `classmethod`, a partial, a callable object, or a function that returns a coroutine.
        policy: What to do about failures.
        announced: Whether somebody wants to hear of calls that succeed at once, asked at each call.

    Raises:
        TypeError: The candidate can't be retried; the text says what to write instead.
    """
    if isinstance(candidate, (staticmethod, classmethod)):
        return type(candidate)(retried(candidate.__func__, policy, announced))
    target = target_of(candidate)
    if policy.stop_event is not None:
        check_stop_event_for(policy.stop_event, target.name, is_async=target.is_async)
    if is_async(policy.wait) and not target.is_async:
        raise TypeError(
            f"wait of {target.name!r} is async, which only a coroutine can wait for: make the function async, or the "
            "wait strategy plain"
        )
    return _wrapper(target, policy, controller_for(policy, is_async=target.is_async), announced)


def _wrapper(target: Target, policy: Policy, controller: Controller, announced: Callable[[], bool] | None) -> Any:
    controller.keeps_time = policy.timeout is not None or controller.timed
    parts = Retried(target, policy, controller, announced)
    wrapper = _async_wrapper(parts) if target.is_async else _sync_wrapper(parts)
    own = inspect.isroutine(target.function)  # the attributes of a callable object are not those of a function
    functools.update_wrapper(wrapper, target.function, updated=("__dict__",) if own else ())
    wrapper.__name__, wrapper.__module__ = target.name, target.place.partition(":")[0]
    wrapper.__qualname__ = target.place.partition(":")[2]
    for name in _attributes_to_keep(target.function):
        setattr(wrapper, name, getattr(target.function, name))
    wrapper.failpoint = parts.failpoint
    wrapper.retry = controller
    wrapper.statistics = controller.statistics

    def retry_with(*args: Any, **kwargs: Any) -> Any:
        """Return the same callable under changed arguments of tenacity's controller."""
        return _wrapper(target, policy, controller.copy(*args, **kwargs), announced)

    wrapper.retry_with = retry_with
    return wrapper


def _attributes_to_keep(function: Any) -> list[str]:
    """Return what `functools.update_wrapper` leaves out: the defaults of a function, and the handles of its cache."""
    defaults = [name for name in ("__defaults__", "__kwdefaults__") if getattr(function, name, None) is not None]
    return [*defaults, *(name for name in dir(function) if name.startswith("cache_"))]


def _sync_wrapper(retried: Retried) -> Any:
    function, controller, announced = retried.target.function, retried.controller, retried.announced
    timeout_ns = retried.timeout_ns

    def timed(*args: Any, **kwargs: Any) -> Any:
        if armed or stream.observed or not controller.direct or (announced is not None and announced()):
            return _call(Run(retried, args, kwargs), None)
        started_ns = time.monotonic_ns()
        deadline = Deadline(None if timeout_ns is None else started_ns + timeout_ns)
        try:
            deadline.begin()
            result = function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # which errors are retried is for the policy to say
            failure = error
        except BaseException as error:
            Run(retried, args, kwargs, started_ns).interrupted(error)
            raise
        else:
            if type(result) not in PLAIN and is_deferred(result):
                return _hand_over(Run(retried, args, kwargs, started_ns), result)
            return result
        finally:
            deadline.open = False
            deadline.leave()
        try:
            return _call(Run(retried, args, kwargs, started_ns), failure)
        finally:
            del failure  # or the exception would keep this frame alive, and this frame the exception

    def untimed(*args: Any, **kwargs: Any) -> Any:  # the same for those that pay for no clock
        if armed or stream.observed or not controller.direct or (announced is not None and announced()):
            return _call(Run(retried, args, kwargs), None)
        try:
            result = function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # which errors are retried is for the policy to say
            failure = error
        except BaseException as error:
            Run(retried, args, kwargs).interrupted(error)
            raise
        else:
            if type(result) not in PLAIN and is_deferred(result):
                return _hand_over(Run(retried, args, kwargs), result)
            return result
        try:
            return _call(Run(retried, args, kwargs), failure)
        finally:
            del failure

    return timed if controller.keeps_time else untimed


def _async_wrapper(retried: Retried) -> Any:
    function, controller, announced = retried.target.function, retried.controller, retried.announced
    timeout_ns = retried.timeout_ns

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        if armed or stream.observed or not controller.direct or (announced is not None and announced()):
            return await _call_async(Run(retried, args, kwargs), None)
        started_ns = time.monotonic_ns() if controller.keeps_time else 0
        deadline = None if timeout_ns is None else Deadline(started_ns + timeout_ns)
        try:
            if deadline is None:
                return await function(*args, **kwargs)
            deadline.begin()
            async with deadline:
                return await function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # which errors are retried is for the policy to say
            failure = error
        except BaseException as error:
            Run(retried, args, kwargs, started_ns).interrupted(error)
            raise
        finally:
            if deadline is not None:
                deadline.open = False
                deadline.leave()
        try:
            return await _call_async(Run(retried, args, kwargs, started_ns), failure)
        finally:
            del failure

    return wrapper


def _call(run: Run, failure: Exception | None) -> Any:
    """Make a call, or go on with one whose first attempt has just failed."""
    if not run.retried.controller.enabled:
        return run.retried.target.function(*run.args, **run.kwargs)
    raised: BaseException | None = None
    try:
        run.begin(failure)
        while raised is None:
            try:
                step = run.next_step()
            except Exception as error:  # noqa: BLE001  # raised below, outside the handler: no implicit __context__
                raised = run.gave_up(error)
                continue
            if isinstance(step, tenacity.DoAttempt):
                succeeded, result = _attempt(run)
                if type(result) not in PLAIN and is_deferred(result):
                    return _hand_over(run, result)
                if succeeded and run.attempt_returned(result):
                    return result
            elif isinstance(step, tenacity.DoSleep):
                run.waits(step)
                if isinstance(run.sleep, Sleep):
                    warn_of_blocked_loop(run.retried.target.name, step)
                run.sleep(step)
                raised = run.woke()
            else:
                run.returned()
                return step
        raise raised
    except BaseException as error:
        run.interrupted(error)
        raise
    finally:
        if not run.handed_over:
            run.forget()
        del failure, raised  # or the exception would keep this frame alive, and this frame the exception


def _attempt(run: Run) -> tuple[bool, Any]:
    """Run the function once; return whether it succeeded, and its result."""
    retried, args, kwargs = run.retried, run.args, run.kwargs
    interceptor = armed.get(retried.failpoint) if armed else None
    deadline = Deadline(run.deadline_ns)
    try:
        deadline.begin()
        if interceptor is not None:
            return True, interceptor.call(retried.target.function, args, kwargs)
        return True, retried.target.function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  # which errors are retried is for the policy to say
        run.attempt_failed(error)
        return False, None
    finally:
        deadline.open = False
        deadline.leave()


def _hand_over(run: Run, first: Any) -> Any:
    """Go on asynchronously with the call of a plain function that turned out to return what has to be awaited."""
    if is_generator(first):
        try:
            raise run.gave_up(generator_error(run.retried.target.name))
        finally:
            run.forget()
    run.handed_over = True
    if isinstance(run.sleep, Sleep):
        run.sleep = sleep_for(run.retried.policy, is_async=True)
    if is_coroutine(first):
        return _call_async(run, None, first)

    def drive(
        begin: Callable[..., Coroutine[Any, Any, Any]], begun: Coroutine[Any, Any, Any]
    ) -> Coroutine[Any, Any, Any]:
        run.begin_attempt = begin
        return _call_async(run, None, begun)

    return Pending(run.retried.target.function, first, drive)


async def _call_async(run: Run, failure: Exception | None, first: Coroutine[Any, Any, Any] | None = None) -> Any:
    """Do what `_call` does, awaiting the attempts and the sleeps; ``first`` is an attempt that has been begun."""
    if not run.retried.controller.enabled:
        return await run.retried.target.function(*run.args, **run.kwargs)
    raised: BaseException | None = None
    try:
        if first is None:
            run.begin(failure)
        while raised is None:
            try:
                step = tenacity.DoAttempt() if first is not None else run.next_step()
                if inspect.iscoroutine(step):  # the controller of an async function may have async hooks
                    step = await step
            except Exception as error:  # noqa: BLE001  # raised below, outside the handler: no implicit __context__
                raised = run.gave_up(error)
                continue
            if isinstance(step, tenacity.DoAttempt):
                succeeded, result = await _attempt_async(run, first)
                first = None
                if succeeded and run.attempt_returned(result):
                    return result
            elif isinstance(step, tenacity.DoSleep):
                run.waits(step)
                pause: Any = run.sleep(step)
                if inspect.isawaitable(pause):
                    await pause
                raised = run.woke()
            else:
                run.returned()
                return step
        raise raised
    except BaseException as error:
        run.interrupted(error)
        raise
    finally:
        run.forget()
        del failure, raised


async def _attempt_async(run: Run, first: Coroutine[Any, Any, Any] | None) -> tuple[bool, Any]:
    retried, args, kwargs = run.retried, run.args, run.kwargs
    interceptor = armed.get(retried.failpoint) if armed and first is None else None
    deadline = Deadline(run.deadline_ns)
    try:
        deadline.begin()
        async with deadline:
            if first is not None:
                return True, await first
            if interceptor is not None:
                return True, await interceptor.call_async(run.begin_attempt, args, kwargs)
            return True, await run.begin_attempt(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  # which errors are retried is for the policy to say
        run.attempt_failed(error)
        return False, None
    finally:
        deadline.open = False
        deadline.leave()

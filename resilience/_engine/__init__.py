"""The one engine under all decorators, and the only package that imports tenacity.

A call that succeeds at once costs one wrapper around the function. A call that fails goes on in tenacity's own state
machine, so that waits, stops, predicates and hooks mean what tenacity says they mean. Around that machine the engine

- hands only `Exception` to it, so that Ctrl-C and cancellation are never retried, whatever the predicate says;
- keeps all state in the call: threads, tasks and nested calls share nothing;
- ends each call with exactly one terminal event, a reason, and a note on the exception;
- honours ``Retry-After``, deadlines and stop events;
- leaves no reference cycle behind, so that the locals of a failing frame die with the exception.

What differs from tenacity on purpose:

- ``statistics`` show a call when it has ended, not while it runs, and the latest call of any thread;
- their ``start_time`` is that of an earlier call after a direct call that succeeded, and that of the first failure
  after one that failed; unless a strategy or a hook may ask for the time, which counts from the start of the call;
- what a strategy or a hook raises has the error of the attempt as its context;
- a traceback holds the user's frames and at most three of ours, also when one exception object is raised repeatedly;
- after a stop event ends a sleep, there is no further attempt.
"""

from tenacity import wait_fixed

from resilience._engine.strategies import wait_equal_jitter
from resilience._engine.wrappers import retried

__all__ = ["retried", "wait_equal_jitter", "wait_fixed"]

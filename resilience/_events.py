"""The events of calls, and the stream; `resilience.events` is what users import."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, final

from resilience._support import fork
from resilience._support.kinds import is_async
from resilience._support.signals import raised_by_signal_handler

if TYPE_CHECKING:
    from resilience._policy import Policy

Reason = Literal["attempts", "deadline", "excluded", "stop_event", "cancelled"]
Outcome = Literal["succeeded", "recovered", "gave_up", "cancelled"]

_LATE: Final = "resilience._alerts.events"
"""The module of the events of alerting, named and not imported: to make so many classes takes milliseconds."""


def _now_ns() -> int:
    return time.monotonic_ns()  # looked up at each call, since clocks may be replaced


@final
@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Call:
    """All attempts made for one invocation of a decorated callable.

    Compared by identity; every event of one call carries the same object.

    Attributes:
        failpoint: The name of the place: ``Resource.action`` or ``module:qualname``.
        function: The ``__name__`` of the decorated callable.
        policy: The checked arguments of the decorator.
        conn_id: Eight hexadecimal digits, new for each call of a ``conn_retry``; None for other decorators.
        started_ns: ``time.monotonic_ns()`` when the call began.
        file: Where the function is written, if that can be known.
        line: The line of that file at which it begins; 0 where that can't be known.
    """

    failpoint: str
    function: str
    policy: Policy
    conn_id: str | None
    started_ns: int
    file: str = "(unknown file)"
    line: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """What all events have in common: when it happened, in nanoseconds of ``time.monotonic_ns()``.

    Compared by identity: two events are never the same one.
    """

    at_ns: int = field(default_factory=_now_ns, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class CallStarted(Event):
    """A call is about to make its first attempt."""

    call: Call


@dataclass(frozen=True, slots=True, eq=False)
class AttemptFailed(Event):
    """An attempt failed and there will be another one, ``wait_s`` seconds later."""

    call: Call
    attempt: int
    error: BaseException
    wait_s: float


@dataclass(frozen=True, slots=True, eq=False)
class CallEnded(Event):
    """The one terminal event of a call.

    Attributes:
        attempts: How many attempts were made, the last one included.
        outcome: ``succeeded`` at the first attempt, ``recovered`` at a later one, ``gave_up``, or ``cancelled``.
        reason: Why a call that did not succeed stopped; None where it succeeded.
        error: The last error. Of a call that succeeded, None, or the `StopIteration` (or its like) that it ended with.
        broken: Whether a strategy, a predicate or a hook has raised, and ``error`` is what it raised.
    """

    call: Call
    attempts: int
    outcome: Outcome
    reason: Reason | None = None
    error: BaseException | None = None
    broken: bool = False

    @property
    def foreseen(self) -> bool:
        """Whether the call gave up as it was told to: stopped, or at once, with an error that is not to be retried."""
        at_once = self.attempts == 1 and not self.broken and self.call.policy.kind == "retry"
        return self.reason == "stop_event" or (self.reason == "excluded" and at_once)


@dataclass(frozen=True, slots=True, eq=False)
class FaultInjected(Event):
    """A failpoint was armed and its script struck.

    Attributes:
        failpoint: The name under which the fault was armed.
        action: The text form of the action, such as ``raise(ConnectionError('refused'))``.
    """

    failpoint: str
    action: str


@dataclass(frozen=True, slots=True, eq=False)
class ListenerRemoved(Event):
    """A listener raised and gets no more events.

    Attributes:
        listener: What it is called.
        error: What it raised.
    """

    listener: str
    error: Exception


_E = TypeVar("_E", bound=Event)
Listener = Callable[[_E], None]


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Subscription:
    """One listener and the types of events that it gets; a listener may have several."""

    listener: Listener[Any]
    kinds: tuple[type[Event], ...]
    needs_all: bool
    owner: str | None = None


@final
class EventStream:
    """Listeners by type of event, and the emitting of events to them.

    Reading is lock-free: each change replaces the tables as a whole.

    Attributes:
        observed: Whether some listener needs every call, so that none may be made without a word.
    """

    def __init__(self) -> None:
        self.observed = False
        self._subscriptions: tuple[_Subscription, ...] = ()
        self._by_kind: dict[type[Event], tuple[_Subscription, ...]] = {}
        self._changing = fork.renewed_lock(self, "_changing")  # reentrant: a signal handler may subscribe, too

    def __reduce__(self) -> str:
        """Pickle as a name: the stream of another process is that process's own."""
        return "stream"

    def wants(self, kind: type[Event]) -> bool:
        """Tell whether anyone listens, so that an event nobody wants is never built."""
        return kind in self._by_kind

    def subscribe(
        self, listener: Listener[_E], kind: type[_E], *kinds: type[_E], every_call: bool = True
    ) -> Callable[[], None]:
        """Call ``listener`` with every event of the given types; the returned function ends that.

        Args:
            listener: Any callable that takes an event.
            kind: A type of event.
            kinds: Further types of events.
            every_call: Whether calls that succeed at once matter to the listener. Without such a listener they may be
                made without any event, which costs nothing.

        Raises:
            TypeError: The listener can't be called, or is async, or a type is none of those that are emitted.
        """
        if not callable(listener):
            raise TypeError(f"a listener must be callable with an event, got {_described(listener)}")
        if is_async(listener):
            raise TypeError(
                f"a listener must be a plain function, got the async {_described(listener)}, which nobody would await: "
                "let a plain one put the event into a queue, or make a task of it"
            )
        all_kinds = (kind, *kinds)
        for each in all_kinds:
            _check_kind(each)
        needs_all = every_call and not {CallStarted, CallEnded}.isdisjoint(all_kinds)
        subscription = _Subscription(listener, all_kinds, needs_all=needs_all)
        with self._changing:
            self._set((*self._subscriptions, subscription))

        def end() -> None:
            self._remove(subscription)

        return end

    def install(self, owner: str, listeners: Mapping[type[Event], Listener[Any]]) -> None:
        """Have listeners of the kit's own called, without which nothing would be logged, and nobody alerted.

        They are not removed, whatever they raise, and take the place of those of the same owner, so that a module that
        is loaded again does not do its work twice.

        Args:
            owner: Whose they are.
            listeners: One for each type of event; calls that succeed at once do not matter to them.
        """
        mine = [_Subscription(each, (kind,), needs_all=False, owner=owner) for kind, each in listeners.items()]
        with self._changing:
            self._set((*(each for each in self._subscriptions if each.owner != owner), *mine))

    def emit(self, event: Event) -> None:
        """Hand the event to its listeners, in the order in which they subscribed."""
        interruption: Exception | None = None
        for subscription in self._by_kind.get(type(event), ()):
            try:
                subscription.listener(event)
            except (RecursionError, MemoryError):  # the stack or the memory was full before
                continue
            except Exception as error:  # noqa: BLE001  # a listener is foreign code, which must not hurt the call
                if raised_by_signal_handler(error):
                    interruption = error
                elif subscription.owner is None and self._remove(subscription):  # and no other thread was faster
                    self.emit(ListenerRemoved(_described(subscription.listener), error))
        if interruption is not None:
            try:
                raise interruption
            finally:
                del interruption  # or the exception would keep this frame alive, and this frame the exception

    def _remove(self, subscription: _Subscription) -> bool:
        with self._changing:
            found = subscription in self._subscriptions
            if found:
                self._set(tuple(each for each in self._subscriptions if each is not subscription))
            return found

    def _set(self, subscriptions: tuple[_Subscription, ...]) -> None:
        by_kind: dict[type[Event], list[_Subscription]] = {}
        for each in subscriptions:
            for kind in each.kinds:
                by_kind.setdefault(kind, []).append(each)
        self._subscriptions, self._by_kind = subscriptions, {kind: tuple(each) for kind, each in by_kind.items()}
        self.observed = any(each.needs_all for each in subscriptions)


_known_kinds: Final[set[object]] = set()
"""The types of events that have been met: to ask for all of them takes longer than to subscribe."""


def _check_kind(kind: object) -> None:
    """Refuse what is never emitted, and `Event` itself: a listener for all types is in the way of every call."""
    if kind in _known_kinds:
        return
    _known_kinds.update(Event.__subclasses__())
    if kind not in _known_kinds:
        import_module(_LATE)
        kinds = sorted(Event.__subclasses__(), key=lambda each: each.__name__ == "ListenerRemoved")
        names = ", ".join(dict.fromkeys(each.__name__ for each in kinds))  # slots make two of each
        raise TypeError(f"kind must be a type of event, got {_described(kind)}; there are: {names}")


def _described(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  # a foreign __repr__ may raise anything
        return f"<{type(value).__name__} whose repr can't be read>"


stream = EventStream()

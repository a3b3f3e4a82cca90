"""Named places where a fault can be injected, and the table of those that are armed.

Every decorated callable is a failpoint; `failpoint` makes one by hand. Unarmed they cost one look at an empty table.
What an armed one does is up to the code that armed it: this module knows no faults.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol, final

from resilience._failpoints.misuse import check_use


class Interceptor(Protocol):
    """What stands between an armed failpoint and its function; what it does not say itself it lets through."""

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer for the function: raise, return, or call it."""
        return function(*args, **kwargs)

    async def call_async(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer for an async function: raise, return, or await it."""
        return await function(*args, **kwargs)


Everywhere = Callable[[str, Interceptor | None], Interceptor]


@final
class _Armed(dict[str, Interceptor]):
    """A dictionary that is pickled as a name: what is armed in this process is not in another.

    Attributes:
        everywhere: What stands before whatever is armed at a failpoint of a name, if anything does.
    """

    everywhere: Everywhere | None = None

    def get(self, name: str, default: Any = None) -> Any:
        """Return what answers for a failpoint; asked only where something is armed."""
        found = super().get(name, default)
        return found if self.everywhere is None else self.everywhere(name, found)

    def __reduce__(self) -> str:
        return "armed"


armed: Final = _Armed()
"""The interceptors by failpoint; empty in production. Change it through `arming` only."""

_arms: Final[dict[str, list[Interceptor]]] = {}
"""All that a failpoint is armed with; the last one answers."""

_declared: Final[weakref.WeakKeyDictionary[object, str]] = weakref.WeakKeyDictionary()
_evaluated: Final[set[str]] = set()
_ANY: Final = ""  # no failpoint is called that
_MOST_NAMES: Final = 10_000  # a name made anew in each call would be kept for ever
_arming = threading.Lock()


def failpoint(name: str) -> Any:
    """Make a failpoint by hand: evaluate the one of this name, here and now.

    Put it where a fault is worth testing and no decorated callable stands, such as between two writes. It returns
    None, unless a test has armed it: then it raises, sleeps, or returns what the script says.

    Raises:
        TypeError: The name is not a str, or the failpoint is used as a context manager or a decorator.
        ValueError: The name is empty.

    Example:
        ``failpoint("Orders.between_charge_and_receipt")``
    """
    if name.__class__ is not str or name not in _evaluated:
        if not isinstance(name, str):
            raise TypeError(f"a failpoint's name must be a str, got {name!r}")
        if not name.strip():
            raise ValueError(f"a failpoint's name must not be empty, got {name!r}")
        if len(_evaluated) < _MOST_NAMES:
            check_use(sys._getframe(1), name)  # noqa: SLF001  # the caller, which `inspect` would find at a cost
            _evaluated.add(name)
    interceptor = armed.get(name) if armed else None
    return None if interceptor is None else interceptor.call(_nothing, (), {})


def declare(owner: object, name: str) -> None:
    """Make a name known as a failpoint for as long as its owner lives."""
    _declared[owner] = name


def known_names() -> list[str]:
    """Return the names of every decorated callable that is alive, and of every `failpoint` that has been passed."""
    return sorted({*_declared.values(), *_evaluated})


@contextlib.contextmanager
def arming(name: str, interceptor: Interceptor) -> Iterator[None]:
    """Arm a failpoint for the length of a ``with`` block; then what it is armed with besides answers again.

    Blocks of several threads may overlap in any way.
    """
    with _arming:
        _arms.setdefault(name, []).append(interceptor)
        armed[name] = interceptor
    try:
        yield
    finally:
        with _arming:
            arms = _arms[name]
            arms.remove(interceptor)
            if arms:
                armed[name] = arms[-1]
            else:
                del armed[name], _arms[name]


@contextlib.contextmanager
def arming_all(everywhere: Everywhere) -> Iterator[None]:
    """Arm every failpoint, known or not, for the length of a ``with`` block: for tools that try all of them.

    Args:
        everywhere: Makes the interceptor of a failpoint from its name and from what is armed there besides, which it
            may pass a call on to.

    Raises:
        RuntimeError: All failpoints are armed already.
    """
    with _arming:
        if armed.everywhere is not None:
            raise RuntimeError("all failpoints are armed already, and only one tool can have them")
        armed.everywhere = everywhere
        armed[_ANY] = everywhere(_ANY, None)  # or the table would be empty, and nobody would look into it
    try:
        yield
    finally:
        with _arming:
            armed.everywhere = None
            del armed[_ANY]


def _nothing() -> None:
    """Stand for the function of a failpoint that was made by hand."""

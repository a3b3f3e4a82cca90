"""Installing a backend once, however often that is asked for: twice would count everything twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final, final

_installing: Final = threading.RLock()
_installed: Final[dict[tuple[str, int], _Installed]] = {}


@final
class _Installed:
    """A backend that listens; calling it ends that, the first time. The target is kept alive: its id stays its own."""

    def __init__(self, key: tuple[str, int], target: object, ends: Iterable[Callable[[], None]]) -> None:
        self._key = key
        self._target = target
        self._ends = list(ends)

    def __call__(self) -> None:
        with _installing:
            if _installed.get(self._key) is self:
                del _installed[self._key]
            while self._ends:
                self._ends.pop(0)()


def install_once(
    backend: str, target: object, listen: Callable[[], Iterable[Callable[[], None]]]
) -> Callable[[], None]:
    """Have a backend listen, unless it does so for this target already; return what ends that.

    Args:
        backend: The name of the backend.
        target: Where it reports to. For another target, it is installed in addition to the first.
        listen: Subscribes it, and returns what ends that.
    """
    key = (backend, id(target))
    with _installing:
        if key not in _installed:
            _installed[key] = _Installed(key, target, listen())
        return _installed[key]

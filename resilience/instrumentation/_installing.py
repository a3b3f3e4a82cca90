"""Installing a backend once, however often that is asked for: twice would count everything twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, Protocol, final

from resilience.events import AttemptFailed, CallEnded, stream
from resilience.instrumentation._fields import ALERT_RESULTS, ALERTING_CHANGES

_installing: Final = threading.RLock()
_installed: Final[dict[tuple[str, int], _Installed]] = {}


class Reporter(Protocol):
    """Tells a backend of events."""

    def attempt_failed(self, event: AttemptFailed, /) -> None: ...

    def call_ended(self, event: CallEnded, /) -> None: ...

    def alert(self, event: Any, /) -> None:
        """Tell of one of `ALERT_RESULTS`."""

    def alerting_changed(self, event: Any, /) -> None:
        """Tell of one of `ALERTING_CHANGES`."""

    def close(self) -> None:
        return  # most have begun nothing else


@final
class _Installed:
    """A backend that listens; calling it ends that, the first time. The target is kept alive: its id stays its own."""

    def __init__(self, key: tuple[str, int], target: object, reporter: Reporter, *, every_call: bool) -> None:
        self._key = key
        self._target = target
        self._ends = [
            stream.subscribe(reporter.attempt_failed, AttemptFailed),
            stream.subscribe(reporter.call_ended, CallEnded, every_call=every_call),
            stream.subscribe(reporter.alert, *ALERT_RESULTS),
            stream.subscribe(reporter.alerting_changed, *ALERTING_CHANGES),
            reporter.close,
        ]

    def __call__(self) -> None:
        with _installing:
            if _installed.get(self._key) is self:
                del _installed[self._key]
            while self._ends:
                self._ends.pop(0)()


def install_once(
    backend: str, target: object, reporter: Callable[[], Reporter], *, every_call: bool = True
) -> Callable[[], None]:
    """Have a backend listen, unless it does so for this target already; return what ends that.

    Args:
        backend: The name of the backend.
        target: Where it reports to. For another target, it is installed in addition to the first.
        reporter: Makes what tells it of events.
        every_call: Whether it is to hear of calls that succeed at once.
    """
    key = (backend, id(target))
    with _installing:
        if key not in _installed:
            _installed[key] = _Installed(key, target, reporter(), every_call=every_call)
        return _installed[key]

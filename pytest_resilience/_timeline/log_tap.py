"""Every record of the kit's logger, whatever logging is set to, for as long as somebody records."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Final
from unittest import mock

_recorders: Final[list[Callable[[logging.LogRecord], None]]] = []
_tapped: Final = contextlib.ExitStack()
_tapping: Final = threading.RLock()


@contextlib.contextmanager
def recording(record: Callable[[logging.LogRecord], None]) -> Iterator[None]:
    """Have every record of the kit's logger recorded; blocks of several threads may overlap in any way."""
    with _tapping:
        _recorders.append(record)
        if len(_recorders) == 1:
            _tapped.enter_context(_tap(logging.getLogger("resilience")))
    try:
        yield
    finally:
        with _tapping:
            _recorders.remove(record)
            if not _recorders:
                _tapped.close()


@contextlib.contextmanager
def _tap(logger: logging.Logger) -> Iterator[None]:
    """Hand every record of a logger to the recorders, and pass on those alone that would have been made anyway.

    A handler with the logger's level lowered would do the first, and let other handlers see records that are new to
    them.
    """
    enabled, handle = logger.isEnabledFor, logger.handle

    def record_and_handle(each: logging.LogRecord) -> None:
        for record in _recorders:
            record(each)
        if enabled(each.levelno):
            handle(each)

    with mock.patch.multiple(logger, isEnabledFor=lambda _level: True, handle=record_and_handle):
        yield

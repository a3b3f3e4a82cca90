"""Which error a client of httpx raises for what its socket raises."""

from __future__ import annotations

from typing import Final, TypeVar

import httpx

_AS_HTTPX: Final = {  # the first that fits
    TimeoutError: httpx.ReadTimeout,
    BrokenPipeError: httpx.ReadError,
    ConnectionAbortedError: httpx.ReadError,
    ConnectionResetError: httpx.ReadError,
    OSError: httpx.ConnectError,
}

E = TypeVar("E", bound=BaseException)


def as_httpx_raises(error: E, request: httpx.Request) -> E | httpx.RequestError:
    """Return what a client of httpx gets where its socket raises ``error``."""
    if isinstance(error, httpx.RequestError):
        error.request = request
        return error
    for each, kind in _AS_HTTPX.items():
        if isinstance(error, each):
            translated = kind(str(error), request=request)
            translated.__cause__ = error
            return translated
    return error

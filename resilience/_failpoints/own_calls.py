"""Calls that the kit itself makes, which no fault strikes and no connection of which is led away."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Final, final

_own: Final = ContextVar("_own", default=False)


@final
class own_calls:  # noqa: N801  # as `contextlib.suppress`
    """Let the calls of the kit through: it sleeps, reads clocks and connects too, all of which may be armed.

    Not by `contextlib.contextmanager`, which calls built-in functions before the block begins.
    """

    __slots__ = ("_token",)

    _token: Token[bool]

    def __enter__(self) -> None:
        self._token = _own.set(True)

    def __exit__(self, *_: object) -> None:
        _own.reset(self._token)


def is_own_call() -> bool:
    return _own.get()

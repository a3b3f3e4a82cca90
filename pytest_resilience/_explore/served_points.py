"""HTTP and TCP places as points: an injection that asks the plan of the run, in place of a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

from pytest_resilience._faults.injection import Injection, Place
from pytest_resilience._timeline.timeline import Timeline
from resilience.testing import Decision, passthrough

Ask = Callable[[tuple[Any, ...]], Decision | None]


@final
class PlannedFault(Injection):
    """Armed at a place like any other injection; what it does to a call is decided by the plan.

    Args:
        place: Where it is armed.
        ask: Is told what the call is given, and says what becomes of it.
    """

    def __init__(self, place: Place, ask: Ask) -> None:
        super().__init__([place], passthrough(), Timeline())
        self._ask = ask

    def decide_for(self, process: int | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Decision | None:  # noqa: ARG002  # places of other processes are none of it
        return self._ask(args)


def is_url(point: object) -> bool:
    """Tell whether an entry of ``points=`` is an HTTP or TCP place, and no function."""
    return isinstance(point, str) and "://" in point


def check_urls(urls: Sequence[str]) -> None:
    """Look whether these are places.

    Raises:
        UnknownTargetError: One is not.
    """
    if urls:
        from pytest_resilience._faults.servers import Servers  # which loads httpx

        servers = Servers(Timeline())
        for url in urls:
            servers.place_of(url)

"""What a destination has to be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from resilience._alerts.delivery.cooldowns import Cooldown
    from resilience.alerts.notifier import Alert


class Undelivered(NamedTuple):
    """Why a message did not get through, in words that are free of secrets, and what may be done about it.

    Attributes:
        try_again: It may get through later; otherwise the same message never will.
        backs_off: Each further try waits longer. Where false, `Sink.cooldown` alone says how long.
        may_have_arrived: The answer is missing or a server's failure, so a further try may deliver it twice.
    """

    problem: str
    try_again: bool = False
    backs_off: bool = True
    may_have_arrived: bool = False


class Sink(Protocol):
    """A destination. It is used by one thread at a time, and is equal to whatever delivers to the same place."""

    @property
    def most_per_message(self) -> int:
        """How many alerts one message can carry."""

    def cooldown(self) -> Cooldown | None:
        """Return what has to be waited for before the next message."""

    def send(self, alerts: Sequence[Alert], *, again: bool) -> Undelivered | None:
        """Send one message, once; ``again`` if an earlier try may have delivered it. None says that it arrived."""

    def close(self) -> None:
        """Close connections, since nothing more is on its way. Another message may follow nevertheless."""

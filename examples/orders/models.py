"""What the parts of the service hand to each other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """What a customer bought.

    Attributes:
        id: Also the idempotency key of everything that is done for the order, so that doing it again is harmless.
        cents: The amount.
        card: The payment provider's token for the card.
    """

    id: str
    cents: int
    card: str

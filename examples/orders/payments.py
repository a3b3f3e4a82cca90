"""The payment provider's HTTP API."""

from __future__ import annotations

from http import HTTPStatus

import httpx

from orders.models import Order
from resilience import create_retry_decorator


class ChargeRefusedError(Exception):
    """The provider will never accept this charge, so asking again is no use."""


@create_retry_decorator(
    max_attempts=8, max_wait=60.0, context="payments", exclude_exceptions=ChargeRefusedError, alert_threshold=6
)
def charge(client: httpx.Client, order: Order) -> str:
    """Charge for an order and return the id of the charge. The idempotency key makes it safe to repeat."""
    response = client.post(
        "/charges", json={"card": order.card, "cents": order.cents}, headers={"Idempotency-Key": order.id}
    )
    if response.is_client_error and response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
        raise ChargeRefusedError(f"order {order.id}: the provider answered {response.status_code}")
    response.raise_for_status()
    return str(response.json()["id"])

"""A batch that alerts of each order that fails, under a context that is another one each time."""

from pytest_resilience import DiscordMock
from resilience import create_retry_decorator, send_rate_limited_discord_alert

limits = {"schedules": 0}


class Broken:
    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    def ship(self, order):
        return order

    def context(self, order):
        return f"order {order}"

    def ship_all(self, orders):
        failures = []
        for order in orders:
            try:
                self.ship(order)
            except Exception as error:
                send_rate_limited_discord_alert("ship", error, self.context(order), f"can't ship order {order}")
                failures.append(error)
        if failures:
            raise ExceptionGroup("not all orders were shipped", failures)


class Sound(Broken):
    def context(self, order):
        return "orders"


def scenario(service):
    with DiscordMock():
        service.ship_all([1, 2])

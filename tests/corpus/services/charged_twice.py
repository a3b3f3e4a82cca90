"""A payment that is retried although its first attempt may have taken effect."""

from resilience import conn_retry


class Broken:
    def __init__(self):
        self.charges = []

    def pay(self, order, amount):
        self.charge(order, amount)

    @conn_retry("Payments", "charge", max_retry=2, retry_on=TimeoutError)
    def charge(self, order, amount):
        self.charges.append((order, amount))


class Sound(Broken):
    @conn_retry("Payments", "charge_once", max_retry=2, retry_on=TimeoutError)
    def charge(self, order, amount):
        if (order, amount) not in self.charges:  # the order's number is the key of idempotency
            self.charges.append((order, amount))


def scenario(service):
    service.pay("order 7", 30)
    assert service.charges == [("order 7", 30)]

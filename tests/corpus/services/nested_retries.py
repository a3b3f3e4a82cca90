"""A client that retries, in a service that retries: three times three is nine requests for one order."""

from resilience import create_retry_decorator


class Broken:
    def __init__(self):
        self.requests = 0

    @create_retry_decorator(max_attempts=3, retry_on=ConnectionError)
    def order(self):
        return self.request()

    @create_retry_decorator(max_attempts=3, retry_on=ConnectionError)
    def request(self):
        self.requests += 1
        return "ordered"


class Sound(Broken):
    def order(self):
        return self.request()


def scenario(service):
    try:
        assert service.order() == "ordered"
    finally:
        assert service.requests <= 3

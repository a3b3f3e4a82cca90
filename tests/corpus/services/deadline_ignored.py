"""A page that has three seconds, and waits for each of its parts as long as the policy of that part says."""

import time

from resilience import create_retry_decorator


class Broken:
    @create_retry_decorator(max_attempts=6, retry_on=ConnectionError)
    def part(self):
        return "part"

    def page(self):
        return self.part()


class Sound(Broken):
    @create_retry_decorator(max_attempts=6, retry_on=ConnectionError, timeout=3)
    def part(self):
        return "part"


def scenario(service):
    began = time.monotonic()
    try:
        assert service.page() == "part"
    finally:
        assert time.monotonic() - began <= 3

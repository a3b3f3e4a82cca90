"""A connection whose waits double up to eight seconds: after an outage, all clients come back at once, again and again."""

import tenacity

from resilience import create_retry_decorator


class Broken:
    @create_retry_decorator(max_attempts=8, retry_on=ConnectionError, wait=tenacity.wait_exponential(max=8))
    def connect(self):
        return "connected"


class Sound:
    @create_retry_decorator(max_attempts=8, retry_on=ConnectionError, wait=tenacity.wait_random_exponential(max=8))
    def connect(self):
        return "connected"


def scenario(service):
    assert service.connect() == "connected"

"""A session that is closed by its error path and by its normal end, which the second time is an error of its own."""

from resilience import create_retry_decorator


class Broken:
    def __init__(self):
        self.is_open = True

    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    def send(self):
        return "sent"

    def close(self):
        if not self.is_open:
            raise ValueError("this session is closed")
        self.is_open = False

    def run(self):
        try:
            return self.send()
        except Exception:
            self.close()
            raise
        finally:
            self.close()


class Sound(Broken):
    def run(self):
        try:
            return self.send()
        finally:
            self.close()


def scenario(service):
    assert service.run() == "sent"

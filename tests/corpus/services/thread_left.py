"""A monitor whose heartbeat is stopped only where the job ends well."""

import threading

from resilience import create_retry_decorator

_stops = []


class Broken:
    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    def job(self):
        return "done"

    def run(self):
        stop, heart = self.beat()
        result = self.job()
        stop.set()
        heart.join()
        return result

    def beat(self):
        stop = threading.Event()
        _stops.append(stop)
        heart = threading.Thread(target=stop.wait, name="heartbeat", daemon=True)
        heart.start()
        return stop, heart


class Sound(Broken):
    def run(self):
        stop, heart = self.beat()
        try:
            return self.job()
        finally:
            stop.set()
            heart.join()


def scenario(service):
    assert service.run() == "done"


def clean_up():
    for stop in _stops:
        stop.set()
    for thread in threading.enumerate():
        if thread.name == "heartbeat":
            thread.join(60)

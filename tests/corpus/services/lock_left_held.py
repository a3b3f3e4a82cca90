"""A ledger whose lock is released only where nothing goes wrong: who comes next waits for ever."""

import threading

from resilience import create_retry_decorator

_lock = threading.Lock()


class Broken:
    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    def write(self):
        return "written"

    def book(self):
        _lock.acquire()
        done = self.write()
        _lock.release()
        return done


class Sound(Broken):
    def book(self):
        with _lock:
            return self.write()


def scenario(service):
    assert service.book() == "written"


def clean_up():
    if _lock.locked():
        _lock.release()

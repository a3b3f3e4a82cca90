"""A job that configures logging as `logging.config` does by default: every logger there is falls silent."""

import logging

from resilience import create_retry_decorator

_log = logging.getLogger("resilience")


class Broken:
    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    def job(self):
        return "done"

    def configure(self):
        _log.disabled = True

    def run(self):
        self.configure()
        try:
            return self.job()
        finally:
            _log.disabled = False


class Sound(Broken):
    def configure(self):
        """Leave loggers alone that are there."""


def scenario(service):
    assert service.run() == "done"

"""A start-up that says which database it can't reach, with the password."""

import logging

from resilience import conn_retry

_log = logging.getLogger("shop.database")


class Broken:
    url = "postgres://shop:correct-horse-battery@db.internal/orders"

    @conn_retry("Database", "open", max_retry=2, retry_on=ConnectionError)
    def open(self):
        return "open"

    def start(self):
        try:
            return self.open()
        except ConnectionError:
            self.tell()
            raise

    def tell(self):
        _log.error("can't open %s", self.url)


class Sound(Broken):
    def tell(self):
        _log.error("can't open the database of %s", self.url.rpartition("@")[2])


def scenario(service):
    assert service.start() == "open"

"""A price list that answers with nothing when the shop can't be reached: nobody can tell that from an empty one."""

from resilience import create_retry_decorator


class Broken:
    @create_retry_decorator(max_attempts=3, retry_on=ConnectionError)
    def fetch(self):
        return {"tea": 3}

    def prices(self):
        try:
            return self.fetch()
        except Exception:
            return {}


class Sound(Broken):
    def prices(self):
        return self.fetch()


def scenario(service):
    assert service.prices() == {"tea": 3}

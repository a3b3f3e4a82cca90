"""An import that marks itself as running, and is taken to be running for ever once it has failed."""

from resilience import create_retry_decorator

_running = set()


class Broken:
    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    def load(self):
        return 3

    def run(self):
        if "import" in _running:
            return "is running already"
        _running.add("import")
        rows = self.load()
        _running.discard("import")
        return f"{rows} rows"


class Sound(Broken):
    def run(self):
        if "import" in _running:
            return "is running already"
        _running.add("import")
        try:
            return f"{self.load()} rows"
        finally:
            _running.discard("import")


def scenario(service):
    assert service.run() == "3 rows"


def clean_up():
    _running.clear()

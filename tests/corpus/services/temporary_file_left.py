"""An export that deletes its temporary file only where the upload has worked."""

import os
import tempfile
from pathlib import Path

from resilience import create_retry_decorator

_made = []


class Broken:
    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    def upload(self, path):
        return Path(path).read_text()

    def export(self, text):
        number, path = tempfile.mkstemp()
        _made.append(path)
        with os.fdopen(number, "w") as file:
            file.write(text)
        sent = self.upload(path)
        Path(path).unlink()
        return sent


class Sound(Broken):
    def export(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "export")
            path.write_text(text)
            return self.upload(path)


def scenario(service):
    assert service.export("rows") == "rows"


def clean_up():
    for path in _made:
        Path(path).unlink(missing_ok=True)

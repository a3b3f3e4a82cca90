"""A store that writes over its only file: where the program dies in between, it can't start again."""

import json
import os
import tempfile
from pathlib import Path

from resilience import failpoint

_folder = tempfile.TemporaryDirectory()
_path = Path(_folder.name, "state.json")


class Broken:
    def count(self):
        number = json.loads(_path.read_text())["runs"] if _path.exists() else 0
        self.save(json.dumps({"runs": number + 1}))
        return number

    def save(self, text):
        with _path.open("w") as file:
            file.write(text[:4])
            failpoint("Store.between_two_writes")
            file.write(text[4:])


class Sound(Broken):
    def save(self, text):
        beside = _path.with_suffix(".new")
        with beside.open("w") as file:
            file.write(text[:4])
            failpoint("Store.between_two_writes_beside")
            file.write(text[4:])
        os.replace(beside, _path)


def scenario(service):
    assert service.count() >= 0


def clean_up():
    _path.unlink(missing_ok=True)

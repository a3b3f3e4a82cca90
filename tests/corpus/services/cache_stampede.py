"""A cache whose readers all ask the database where an entry is missing."""

import threading


class Broken:
    def __init__(self):
        self.entries = {}
        self.queries = 0
        self.lock = threading.Lock()

    def query(self, key):
        self.queries += 1
        return key.upper()

    def get(self, key):
        if key not in self.entries:
            self.entries[key] = self.query(key)
        return self.entries[key]


class Sound(Broken):
    def get(self, key):
        with self.lock:
            return super().get(key)


def scenario(service):
    readers = [threading.Thread(target=service.get, args=("tea",)) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert service.entries == {"tea": "TEA"}
    assert service.queries == 1

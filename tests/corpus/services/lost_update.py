"""A counter that several threads raise, each reading what it writes again."""

import threading


class Broken:
    def __init__(self):
        self.visits = 0

    def visit(self):
        self.visits += 1


class Sound(Broken):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    def visit(self):
        with self.lock:
            self.visits += 1


def scenario(service):
    threads = [threading.Thread(target=service.visit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert service.visits == 2

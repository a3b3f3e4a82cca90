"""A shop that looks whether there is a piece left, and takes it, in two steps."""

import threading


class Broken:
    def __init__(self):
        self.left = 1
        self.sold = []
        self.lock = threading.Lock()

    def buy(self, who):
        if self.left:
            self.left -= 1
            self.sold.append(who)


class Sound(Broken):
    def buy(self, who):
        with self.lock:
            super().buy(who)


def scenario(service):
    buyers = [threading.Thread(target=service.buy, args=(who,)) for who in range(2)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
    assert len(service.sold) == 1

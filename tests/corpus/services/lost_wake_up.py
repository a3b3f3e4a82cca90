"""A mailbox whose reader looks whether there is mail, and then waits for the bell, which may have rung in between."""

import threading


class Broken:
    def __init__(self):
        self.bell = threading.Condition()
        self.mail = []
        self.read = []

    def receive(self):
        if not self.mail:
            with self.bell:
                self.bell.wait()
        self.read.append(self.mail.pop())

    def send(self, letter):
        with self.bell:
            self.mail.append(letter)
            self.bell.notify()


class Sound(Broken):
    def receive(self):
        with self.bell:
            self.bell.wait_for(lambda: self.mail)
            self.read.append(self.mail.pop())


def scenario(service):
    reader = threading.Thread(target=service.receive)
    reader.start()
    service.send("letter")
    reader.join()
    assert service.read == ["letter"]

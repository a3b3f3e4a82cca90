"""A client that closes its connection only after the answer has come."""

import socket

from resilience import create_retry_decorator


class Broken:
    kept = []

    @create_retry_decorator(max_attempts=3, retry_on=ConnectionError)
    def ask(self, connection):
        connection.sendall(b"?")
        return "answer"

    def query(self):
        connection, server = socket.socketpair()
        self.kept.append(connection)  # as a pool does
        with server:
            answer = self.ask(connection)
        connection.close()
        return answer


class Sound(Broken):
    def query(self):
        connection, server = socket.socketpair()
        with server, connection:
            return self.ask(connection)


def scenario(service):
    assert service.query() == "answer"


def clean_up():
    while Broken.kept:
        Broken.kept.pop().close()

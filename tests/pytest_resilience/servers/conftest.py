"""A server that echoes, in the bubble of the test, and faults that are accounted for."""

import contextlib
import socket
import threading

import pytest

from pytest_resilience import Faults


@pytest.fixture
def faults(clock):
    with Faults() as faults:
        yield faults


def serve(connection):
    with connection, contextlib.suppress(OSError):
        while data := connection.recv(65536):
            connection.sendall(data)


@pytest.fixture
def echo(clock):
    """The address of a server that sends back what it gets, and ends when its client does."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    host, port = listener.getsockname()
    yield f"{host}:{port}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for thread in [accepting, *threads]:
        thread.join()

"""Small programs that behave in virtual time as they do in real time, to the error."""

import socket

import pytest

from pytest_resilience import VirtualClock


def outcome_of(call, *args):
    """What a call returns, or the error that it raises."""
    try:
        return call(*args)
    except Exception as error:
        return repr(error)


def closed_socket():
    one, other = socket.socketpair()
    one.close()
    with other:
        calls = (one.sendall, b"x"), (one.send, b"x"), (one.recv, 1), (one.sendto, b"x", ("127.0.0.1", 1))
        return [outcome_of(*call) for call in calls]


def wait_is_declined():
    one, other = socket.socketpair()
    with one, other:
        received = outcome_of(one.recv, 1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        into = outcome_of(lambda: one.recv_into(bytearray(1), flags=socket.MSG_DONTWAIT))
        message = outcome_of(one.recvmsg, 1, 0, socket.MSG_DONTWAIT)

        def fill():
            while True:
                one.send(bytes(65536), socket.MSG_DONTWAIT)

        return received, into, message, outcome_of(fill), outcome_of(one.sendall, b"x", socket.MSG_DONTWAIT)


def wrong_arguments():
    one, other = socket.socketpair()
    with one, other:
        calls = (one.send,), (one.sendto, b"x"), (one.sendmsg,), (one.send, b"x", 0, 0)
        return [outcome_of(*call) for call in calls]


def socket_of_another_kind():
    """What `trio.socket.socket(fileno=...)` does to find out what a descriptor is."""
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        guess = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=datagrams.fileno())
        kind = guess.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
        guess.detach()
        return kind == socket.SOCK_DGRAM


class Proxied(socket.socket):
    """A socket as PySocks has them: its methods need what its own ``__init__`` sets last."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.peer = "the server behind the proxy"

    def getpeername(self):
        return self.peer


def subclass_with_methods_of_its_own():
    with Proxied() as proxied:
        return proxied.getpeername()


PROGRAMS = (
    closed_socket,
    wait_is_declined,
    wrong_arguments,
    socket_of_another_kind,
    subclass_with_methods_of_its_own,
)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_comes_to_the_same_end_as_in_real_time(program):
    """Results and errors, with their texts, do not tell whether time is virtual."""
    expected = program()
    with VirtualClock() as clock:
        assert program() == expected
        assert clock.elapsed == 0

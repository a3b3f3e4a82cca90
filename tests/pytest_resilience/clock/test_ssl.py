"""TLS between threads of the clock."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time

import pytest


def context(side):
    """An anonymous TLS context: it needs no certificate."""
    made = ssl.SSLContext(side)
    if side is ssl.PROTOCOL_TLS_CLIENT:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers("aNULL:@SECLEVEL=0")
    return made


def test_tls_waits_and_times_out_in_virtual_time(clock):
    """Handshake, reading and writing are exact when both ends are in the clock."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        time.sleep(3)
        with connection, context(ssl.PROTOCOL_TLS_SERVER).wrap_socket(connection, server_side=True) as secured:
            while data := secured.recv(100):
                time.sleep(len(data))
                secured.sendall(data.upper())

    thread = threading.Thread(target=serve)
    thread.start()
    plain = socket.create_connection(listener.getsockname(), timeout=5)
    with listener, context(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(plain) as client:
        assert clock.elapsed == 3.0
        client.sendall(b"abcd")
        assert client.recv(100) == b"ABCD"
        assert clock.elapsed == 7.0
        client.sendall(b"abcdef")
        with pytest.raises(TimeoutError, match="The read operation timed out"):
            client.recv(100)
        assert clock.elapsed == 12.0
        assert client.recv(100) == b"ABCDEF"
        assert client.gettimeout() == 5
    thread.join()
    assert (clock.elapsed, clock.guesses) == (13.0, 0)


def test_a_handshake_that_nobody_answers_times_out(clock):
    """A peer that accepts and stays silent costs the timeout, in virtual time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        plain = socket.create_connection(listener.getsockname(), timeout=5)
        with plain, pytest.raises(TimeoutError, match="handshake operation timed out"):
            context(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(plain)
    assert clock.elapsed == 5.0


def test_a_closed_tls_socket_says_so_as_ever(clock):
    """It raises what `ssl` does, not what the clock's own calls of it do."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection, context(ssl.PROTOCOL_TLS_SERVER).wrap_socket(connection, server_side=True) as secured:
            secured.recv(100)

    thread = threading.Thread(target=serve)
    thread.start()
    plain = socket.create_connection(listener.getsockname())
    with listener, context(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(plain) as client:
        client.close()
        with pytest.raises(ValueError, match="Read on closed or unwrapped SSL socket"):
            client.read(1024)
        with pytest.raises(ValueError, match="Write on closed or unwrapped SSL socket"):
            client.write(b"abcd")
        thread.join()


def test_who_tries_a_handshake_on_and_on_lets_the_other_end_go_first(clock):
    """It need not wait: as a server that was told that it can write, which is always so, and not that it has to read."""
    listener = socket.create_server(("127.0.0.1", 0))
    tries = []

    def serve():
        connection, _ = listener.accept()
        with context(ssl.PROTOCOL_TLS_SERVER).wrap_socket(connection, True, do_handshake_on_connect=False) as secured:
            secured.setblocking(False)
            while True:
                select.select([secured], [secured], [], 60)
                tries.append(clock.elapsed)
                with contextlib.suppress(ssl.SSLWantReadError):
                    secured.do_handshake()
                    break
            secured.setblocking(True)
            assert secured.recv(100) == b"abcd"

    thread = threading.Thread(target=serve)
    thread.start()
    plain = socket.create_connection(listener.getsockname())
    with listener, context(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(plain) as client:
        client.sendall(b"abcd")
        thread.join()
    assert len(tries) < 100
    assert clock.elapsed == 0.0

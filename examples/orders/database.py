"""The database: losing it is an infrastructure problem, so connecting is patient and alerts."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from resilience import conn_retry, func_retry

_SCHEMA = "CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, cents INTEGER, state TEXT, charge TEXT)"


@conn_retry("Database", "connect", max_retry=100)
def connect(path: Path) -> sqlite3.Connection:
    """Open the database file, which may be on a volume that is still being mounted."""
    connection = sqlite3.connect(path)
    try:
        connection.execute(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@func_retry
def save(connection: sqlite3.Connection, order_id: str, cents: int, state: str, charge: str | None = None) -> None:
    """Store the state of an order. Storing it twice is harmless, so it may be retried: the file may be locked."""
    with connection:
        connection.execute("INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?)", (order_id, cents, state, charge))


def states(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the state of every order by its id."""
    return dict(connection.execute("SELECT id, state FROM orders ORDER BY id"))

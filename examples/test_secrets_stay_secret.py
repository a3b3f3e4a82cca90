"""A password in an error's text reaches neither the log nor the alert."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders.database import connect
from pytest_resilience import DiscordMock, Faults, RetryLog, fail

pytestmark = [pytest.mark.resilience, pytest.mark.usefixtures("virtual_clock")]


def test_the_password_of_a_connection_string_is_hidden(
    tmp_path: Path, faults: Faults, discord: DiscordMock, retry_log: RetryLog
) -> None:
    """The rest of the text is kept, since it is what helps."""
    faults.inject(
        "Database.connect", fail(ConnectionError("no answer from postgres://app:hunter2@db:5432/o")).times(50)
    )

    connect(tmp_path / "orders.db").close()

    retry_log.assert_no_secret("hunter2")
    discord.assert_alerted(count=1, match=r"no answer from postgres://app:\[redacted\]@db:5432/o")
